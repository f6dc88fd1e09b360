package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// binaries are the command and the functions of this tree, as make build makes
// them, in a folder that goes with the tests.
var binaries struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binaries.dir != "" {
		if err := os.RemoveAll(binaries.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// functionBinaries builds every function once, for this machine, and gives the
// folder with NAME/bootstrap.
func functionBinaries(t *testing.T) string {
	t.Helper()
	return filepath.Join(built(t), "functions")
}

// commandBinary builds the command once and gives its path.
func commandBinary(t *testing.T) string {
	t.Helper()
	return filepath.Join(built(t), "chimewatch")
}

func built(t *testing.T) string {
	t.Helper()
	binaries.Do(func() { binaries.dir, binaries.err = build() })
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return binaries.dir
}

func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "chimewatch"); err != nil {
		return "", err
	}
	// Links are most of the time, and one go build makes them side by side.
	flat := filepath.Join(dir, "flat")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", flat+string(filepath.Separator), "../functions/...", "../cmd/chimewatch")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	files, err := os.ReadDir(flat)
	if err != nil {
		return dir, err
	}
	for _, file := range files {
		to := filepath.Join(dir, "functions", strings.TrimSuffix(file.Name(), ".exe"), "bootstrap")
		if strings.HasPrefix(file.Name(), "chimewatch") {
			to = filepath.Join(dir, "chimewatch")
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return dir, err
		}
		if err := os.Rename(filepath.Join(flat, file.Name()), to); err != nil {
			return dir, err
		}
	}
	return dir, os.Remove(flat)
}

// needNode skips a test where the table's server cannot run, with the reason.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := dynalite.FindModules("."); err != nil {
		t.Skip(err)
	}
}
