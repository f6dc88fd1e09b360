package incident_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/incident"
)

func TestEveryClassIsExplained(t *testing.T) {
	titles := map[string]bool{}
	for _, c := range incident.Classes() {
		if c.Title() == "" || c.Remedy() == "" || c.Hint() == "" || titles[c.Title()] {
			t.Errorf("%s: got %q, %q, %q; want words of its own", c, c.Title(), c.Remedy(), c.Hint())
		}
		titles[c.Title()] = true
	}
	if got, want := incident.Class("new").Title(), incident.Unknown.Title(); got != want {
		t.Errorf("got %q for a new class, want %q", got, want)
	}
}

// People filter by the class: docs/NOTIFY.md lists them all.
func TestGuideListsEachClass(t *testing.T) {
	guide, err := os.ReadFile("../../docs/NOTIFY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(guide), "\nThe classes are ")
	list, _, _ = strings.Cut(list, ".")
	for _, c := range incident.Classes() {
		if !strings.Contains(list, "`"+string(c)+"`") {
			t.Errorf("docs/NOTIFY.md does not list the class %q", c)
		}
	}
	if got, want := strings.Count(list, "`"), 2*len(incident.Classes()); got != want {
		t.Errorf("docs/NOTIFY.md lists %d classes, want %d", got/2, want/2)
	}
}

// The names of classes are in tables, filters and links: none is ever changed.
func TestClassNamesStay(t *testing.T) {
	names := map[incident.Class]string{
		incident.Permissions:          "permissions",
		incident.MissingResource:      "missing-resource",
		incident.Throttled:            "throttled",
		incident.IncompatibleMedia:    "incompatible-media",
		incident.Quota:                "quota",
		incident.CreationRefused:      "creation-refused",
		incident.RecordingLength:      "recording-length",
		incident.Unknown:              "unknown",
		incident.KeyUnusable:          "key-unusable",
		incident.InvalidConfiguration: "invalid-configuration",
		incident.NoAudio:              "no-audio",
		incident.ServiceFault:         "service-fault",
	}
	for _, c := range incident.Classes() {
		if got := string(c); got != names[c] {
			t.Errorf("got %q, want %q", got, names[c])
		}
	}
}

// The table of the runbook says of which class a reason is: what it quotes has it.
func TestRunbookTableOfReasons(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(runbook), "| the reason says | class |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	quotes, seen := regexp.MustCompile("`([^`]+)`|\"([^\"]+)\""), 0
	for _, row := range strings.Split(table, "\n") {
		says, class, _ := strings.Cut(strings.Trim(row, "| "), " | ")
		class, _, _ = strings.Cut(strings.TrimPrefix(class, "["), "]")
		for _, m := range quotes.FindAllStringSubmatch(says, -1) {
			seen++
			reason := m[1] + m[2]
			if strings.HasPrefix(reason, "is ") { // of a key
				reason = "The KMS key x-1 " + reason
			}
			if got := incident.CauseOfText(reason).Class; got != incident.Class(class) {
				t.Errorf("%q: got %s, want %s", reason, got, class)
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d reasons, want 20 or more", seen)
	}
}

// Notifications link to the runbook by the class.
func TestRunbookHasASectionForEachClass(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range incident.Classes() {
		if !strings.Contains(string(runbook), "\n## "+string(c)+"\n") {
			t.Errorf("docs/RUNBOOK.md has no section %q", c)
		}
	}
}

// Every phrase decides for its own class: none stands behind another that it contains.
func TestPhrasesAreReachable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range incident.Phrases() {
		if seen[p.Phrase] {
			t.Errorf("%q stands twice", p.Phrase)
		}
		seen[p.Phrase] = true
		if p.Phrase != strings.ToLower(p.Phrase) {
			t.Errorf("%q: want lower case", p.Phrase)
		}
		if got := incident.CauseOfText(p.Phrase).Class; got != p.Class {
			t.Errorf("%q: got %s, want %s", p.Phrase, got, p.Class)
		}
	}
}

// A class makes a failure less grave or leaves it; what is missing on the line, or
// only not enhanced, pages nobody.
func TestClassCapsSeverity(t *testing.T) {
	ranks := []incident.Severity{incident.Critical, incident.High, incident.Medium, incident.Low}
	limits := map[incident.Class]incident.Severity{incident.NoAudio: incident.Medium,
		incident.RecordingLength: incident.Low}
	for _, class := range incident.Classes() {
		limit := incident.Critical
		if l, ok := limits[class]; ok {
			limit = l
		}
		for n, s := range ranks {
			if got, want := class.Cap(s), ranks[max(n, slices.Index(ranks, limit))]; got != want {
				t.Errorf("%s of %s: got %s, want %s", s, class, got, want)
			}
		}
	}
}
