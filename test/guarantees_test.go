package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every test that docs/GUARANTEES.md names is there.
func TestGuaranteesNameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../docs/GUARANTEES.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "cdk.out"):
			return filepath.SkipDir
		case strings.HasSuffix(path, "_test.go"):
			source, err := os.ReadFile(path)
			all.Write(source)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 8 {
		t.Errorf("got %d tests, want one for each promise at least", len(names))
	}
	for _, name := range names {
		if !strings.Contains(all.String(), "func "+name[1]+"(") {
			t.Errorf("docs/GUARANTEES.md names %s, which is not there", name[1])
		}
	}
}
