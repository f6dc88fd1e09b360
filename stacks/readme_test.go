package stacks_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/stacks"
)

// The table of README.md has every key, and none that is not taken.
func TestReadmeTellsEveryKey(t *testing.T) {
	_, err := stacks.ReadConfig(map[string]any{"chimewatch": map[string]any{"?": 1.0}})
	if err == nil {
		t.Fatal("got no error for an unknown key")
	}
	_, list, _ := strings.Cut(err.Error(), "use one of ")
	want := strings.Split(strings.TrimSuffix(list, ")"), ", ")

	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, configure, _ := strings.Cut(string(text), "## Configure")
	configure, _, _ = strings.Cut(configure, "\n## ")
	var got []string
	for row := range strings.Lines(configure) {
		if strings.HasPrefix(row, "| `") {
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
				got = append(got, name[1])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-), told of in README.md (+):\n%s", diff)
	}
}
