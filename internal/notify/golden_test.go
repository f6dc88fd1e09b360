package notify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGolden(t *testing.T) {
	for name, subject := range goldens() {
		t.Run(name, func(t *testing.T) {
			compare(t, name, subject.Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"}))
		})
	}
	t.Run("full-numbers-without-runbook", func(t *testing.T) {
		f := permanent("Call from +12065550137 refused: access denied")
		compare(t, "full-numbers-without-runbook", news(f, incident.Opening, nil).Message(notify.Options{FullNumbers: true}))
	})
}

// What messages link to is there.
func TestRunbookHasEverySectionThatMessagesLinkTo(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for name, subject := range goldens() {
		body := subject.Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"}).Body
		_, fragment, found := strings.Cut(body, "RUNBOOK.md#")
		if !found {
			continue
		}
		links++
		if section := strings.TrimSpace(fragment); !strings.Contains(string(runbook), "\n## "+section+"\n") {
			t.Errorf("%s links to %s, which docs/RUNBOOK.md does not have", name, section)
		}
	}
	if links == 0 {
		t.Error("no message links to the runbook")
	}
}

func TestClassesOfTheGoldenFailures(t *testing.T) {
	if got, want := len(classes()), len(incident.Classes()); got != want {
		t.Errorf("got failures of %d classes, want %d", got, want)
	}
	for class, f := range classes() {
		f.Event = f.State
		if got := f.Cause().Class; got != class {
			t.Errorf("got %s, want %s", got, class)
		}
	}
}

func TestNoGoldenFileIsLeftOver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := goldens()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if _, ok := known[name]; !ok && name != "full-numbers-without-runbook" {
			t.Errorf("%s belongs to no test", file)
		}
	}
}

// indented makes JSON readable.
func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return b.String()
}

func compare(t *testing.T, name string, m notify.Message) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: %s\nID: %s\n", m.Subject, m.ID)
	for _, key := range slices.Sorted(maps.Keys(m.Attributes)) {
		fmt.Fprintf(&b, "Attribute %s: %s\n", key, m.Attributes[key])
	}
	fmt.Fprintf(&b, "\n%s\n--- SMS\n%s\n\n", m.Body, m.SMS)
	fmt.Fprintf(&b, "--- chat\n%s\n\n--- machines\n%s\n", indented(t, m.Card), indented(t, m.Data))
	got := b.String()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update, and look at what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
