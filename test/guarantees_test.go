package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/GUARANTEES.md names exists, in the package that follows its name.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	var waiting []string // tests whose package follows
	named := 0
	testOrPackage := regexp.MustCompile("`(Test[A-Za-z0-9]+)`|\\(((?:internal|test|cmd|stacks)[a-z/]*)\\)")
	for _, word := range testOrPackage.FindAllStringSubmatch(string(text), -1) {
		if word[1] != "" {
			waiting = append(waiting, word[1])
			continue
		}
		source := testsIn(t, word[2])
		for _, name := range waiting {
			if !strings.Contains(source, "func "+name+"(") {
				t.Errorf("docs/GUARANTEES.md names %s, which is not in %s", name, word[2])
			}
		}
		named, waiting = named+len(waiting), nil
	}
	if len(waiting) > 0 {
		t.Errorf("docs/GUARANTEES.md does not say in which package %v are", waiting)
	}
	if named < 8 {
		t.Errorf("got %d tests, want one for each promise at least", named)
	}
}

// testsIn returns the source of a package's tests.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(source)
	}
	return all.String()
}
