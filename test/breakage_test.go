package test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// breakage is a change of the code that breaks a guarantee, and the test that has to fail
// then. docs/GUARANTEES.md names the test.
type breakage struct {
	// guarantee is the number of the section of docs/GUARANTEES.md.
	guarantee string
	// breaks is what a user would notice.
	breaks string
	// file is the path of a Go file, in which old stands exactly once; new replaces it.
	file, old, new string
	// test is the test that has to fail, in the package of that folder.
	test, folder string
}

// TestEveryGuaranteeIsTested builds the packages with each recorded breakage, without
// changing a file, and checks that the test of the guarantee fails.
func TestEveryGuaranteeIsTested(t *testing.T) {
	t.Parallel()
	need.Dynalite(t)
	sections := guarantees(t)
	for _, b := range breakages {
		t.Run(b.guarantee+" "+b.breaks, func(t *testing.T) {
			t.Parallel()
			section, known := sections[b.guarantee]
			if !known || !strings.Contains(section, "`"+b.test+"`") {
				t.Fatalf("docs/GUARANTEES.md does not name %s in its section %s", b.test, b.guarantee)
			}
			failsWith(t, b)
		})
	}
	for number := range sections {
		if !slices.ContainsFunc(breakages, func(b breakage) bool { return b.guarantee == number }) {
			t.Errorf("guarantee %s of docs/GUARANTEES.md: no breakage is recorded", number)
		}
	}
}

// failsWith runs the test of a breakage on the broken code, and wants it to fail.
func failsWith(t *testing.T, b breakage) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", b.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		t.Fatalf("%s has the recorded text %d times, want once: record the breakage anew", b.file, n)
	}
	dir := t.TempDir()
	broken, overlay := filepath.Join(dir, filepath.Base(path)), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(source), b.old, b.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-count=1",
		"-run", "^"+b.test+"$", "./"+b.folder)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOFLAGS=-overlay="+overlay) // also for the functions that a test builds
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Errorf("%s passes although the code is broken: %s", b.test, b.breaks)
	case !errors.As(err, &exit):
		t.Fatal(err)
	case !strings.Contains(string(out), "--- FAIL: "+b.test) && !strings.Contains(string(out), "panic: "):
		t.Errorf("%s did not fail, go test did:\n%s", b.test, out)
	}
}

// guarantees returns the sections of docs/GUARANTEES.md by their number.
func guarantees(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	head := regexp.MustCompile(`(?m)^\*\*(\d+)\. `)
	places := head.FindAllStringSubmatchIndex(string(text), -1)
	for i, place := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		sections[string(text[place[2]:place[3]])] = string(text[place[0]:end])
	}
	return sections
}
