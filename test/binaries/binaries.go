// Package binaries builds the command and the functions of this tree for tests
// that run them, each at most once in a test process.
package binaries

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

const module = "github.com/chimewatch/chimewatch/"

// All are the functions of the product.
var All = []string{"alerts", "consent", "failures", "status", "voice", "watch"}

var built struct {
	sync.Mutex
	dir   string
	names map[string]bool
}

// Run runs the tests of a package, for its TestMain, and removes what they built.
func Run(m *testing.M) int {
	code := m.Run()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}

// Folder returns a folder for what the tests of a package make once; it is removed
// after them.
func Folder(t testing.TB) string {
	t.Helper()
	return build(t, nil)
}

// Functions returns a folder with NAME/bootstrap for each of the named functions, and maybe
// for others.
func Functions(t testing.TB, names ...string) string {
	t.Helper()
	packages := make([]string, len(names))
	for i, name := range names {
		packages[i] = "functions/" + name
	}
	return filepath.Join(build(t, packages), "functions")
}

// Command returns the path of the command.
func Command(t testing.TB) string {
	t.Helper()
	return filepath.Join(build(t, []string{"cmd/chimewatch"}), "cmd", "chimewatch", "bootstrap")
}

// emulatorPackage is AWS's own emulator of the Lambda Runtime API, which runs on
// Linux only.
const emulatorPackage = "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"

// Emulator returns the path of the emulator, which it builds in the module that
// lies in the folder module.
func Emulator(t testing.TB, module string) string {
	t.Helper()
	need.Processes(t)
	built.Lock()
	defer built.Unlock()
	if err := buildInto(nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(built.dir, "aws-lambda-rie")
	if built.names[emulatorPackage] {
		return path
	}
	if out, err := exec.Command("go", "build", "-C", module, "-o", path, emulatorPackage).CombinedOutput(); err != nil {
		t.Fatalf("go build of the emulator: %v\n%s", err, out)
	}
	built.names[emulatorPackage] = true
	return path
}

// build builds the packages that are not built yet, as DIR/PACKAGE/bootstrap, and returns
// DIR. It links them side by side, as linking needs most of the time.
func build(t testing.TB, packages []string) string {
	t.Helper()
	need.Processes(t)
	built.Lock()
	defer built.Unlock()
	missing := slices.DeleteFunc(slices.Clone(packages), func(name string) bool { return built.names[name] })
	if err := buildInto(missing); err != nil {
		t.Fatal(err)
	}
	return built.dir
}

func buildInto(packages []string) (err error) {
	if built.dir == "" {
		built.names = map[string]bool{}
		if built.dir, err = os.MkdirTemp("", "chimewatch"); err != nil {
			return err
		}
	}
	if len(packages) == 0 {
		return nil
	}
	flat := filepath.Join(built.dir, "flat")
	args := []string{"build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", flat + string(filepath.Separator)}
	for _, name := range packages {
		args = append(args, module+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build of %s: %w\n%s", strings.Join(packages, ", "), err, out)
	}
	for _, name := range packages {
		to := filepath.Join(built.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(flat, filepath.Base(name)), filepath.Join(to, "bootstrap")); err != nil {
			return err
		}
		built.names[name] = true
	}
	return nil
}
