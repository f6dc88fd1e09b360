package notify_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/notify"
)

// guide returns docs/NOTIFY.md.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/NOTIFY.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks that follow a comment <!-- LABEL: NAME -->.
func blocks(t *testing.T, label string) (found []struct{ name, text string }) {
	t.Helper()
	fenced := regexp.MustCompile("(?s)<!-- " + label + ": (\\S+) -->\n```[a-z]*\n(.*?)\n```\n")
	for _, match := range fenced.FindAllStringSubmatch(guide(t), -1) {
		found = append(found, struct{ name, text string }{match[1], match[2]})
	}
	if len(found) == 0 {
		t.Fatalf("docs/NOTIFY.md has no block with the label %q", label)
	}
	return found
}

// What docs/NOTIFY.md shows was printed by a run: its lines are those of the golden
// file it names, in their order. "…" stands for lines, or for the rest of a line, that
// are left out.
func TestGuideShowsWhatIsSent(t *testing.T) {
	for _, block := range blocks(t, "from") {
		text, err := os.ReadFile(filepath.Join("../..", block.name))
		if err != nil {
			t.Errorf("%s: %v", block.name, err)
			continue
		}
		lines := strings.Split(string(text), "\n")
		for _, shown := range strings.Split(block.text, "\n") {
			begin, cut := strings.CutSuffix(shown, "…")
			if cut && begin == "" {
				continue
			}
			at := slices.IndexFunc(lines, func(line string) bool {
				return line == shown || cut && strings.HasPrefix(line, begin)
			})
			if at < 0 {
				t.Errorf("%s has no line %q, or not where docs/NOTIFY.md shows it", block.name, shown)
				break
			}
			lines = lines[at+1:]
		}
	}
}

// The table of fields in docs/NOTIFY.md lists every message attribute and every field
// of the card's additionalContext that there is, and no other.
func TestGuideListsTheFields(t *testing.T) {
	want := map[string][2]bool{} // by name: a message attribute, a field of the card
	for name, subject := range goldens() {
		if name == "test-alarm" {
			continue
		}
		m := subject.Message(notify.Options{})
		var card struct {
			Metadata struct{ AdditionalContext map[string]string }
		}
		if err := json.Unmarshal([]byte(m.Card), &card); err != nil {
			t.Fatal(err)
		}
		for key := range m.Attributes {
			want[key] = [2]bool{true, want[key][1]}
		}
		for key := range card.Metadata.AdditionalContext {
			want[key] = [2]bool{want[key][0], true}
		}
	}
	_, section, _ := strings.Cut(guide(t), "\n## The fields to filter and to key on\n")
	section, _, _ = strings.Cut(section, "\n## ")
	got := map[string][2]bool{}
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.Contains(cells[1], "`") {
			continue
		}
		for field := range strings.SplitSeq(cells[1], ",") {
			attribute, card := strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3])
			got[strings.Trim(field, " `")] = [2]bool{attribute == "yes", card == "yes"}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got in docs/NOTIFY.md):\n%s", diff)
	}
}

// The filter policies of docs/NOTIFY.md let the messages pass that it says they do.
func TestGuideFiltersMessages(t *testing.T) {
	wants := map[string]func(attributes map[string]string) bool{
		"critical-and-high": func(a map[string]string) bool {
			return a["severity"] == "critical" || a["severity"] == "high" || a["severity"] == "over"
		},
		"openings-and-closings": func(a map[string]string) bool {
			return a["kind"] == "incident" && a["stage"] != "summary"
		},
		"supervisors-rule": func(a map[string]string) bool {
			return a["rule"] == "cancel-contract" || a["rule"] == "unhappy-for-a-minute"
		},
		"connector": func(a map[string]string) bool { return a["voiceConnectorId"] == "c4tq9mzx1bd7ne0rw3yhk8" },
		"permissions": func(a map[string]string) bool {
			return a["class"] == "permissions" || a["class"] == "missing-resource"
		},
		"critical-and-high-and-tests": func(a map[string]string) bool {
			return a["severity"] == "critical" || a["severity"] == "high" || a["severity"] == "over" || a["kind"] == "test"
		},
	}
	shown := map[string]bool{}
	for _, block := range blocks(t, "filter") {
		shown[block.name] = true
		var policy map[string][]any
		if err := json.Unmarshal([]byte(block.text), &policy); err != nil || wants[block.name] == nil {
			t.Errorf("%s: got the policy %s (%v), want one that this test knows", block.name, block.text, err)
			continue
		}
		passed, kept := 0, 0
		for name, subject := range goldens() {
			attributes := subject.Message(notify.Options{}).Attributes
			got := passes(t, policy, attributes)
			if want := wants[block.name](attributes); got != want {
				t.Errorf("%s lets %s pass: got %t, want %t; it has %v", block.name, name, got, want, attributes)
			}
			if got {
				passed++
			} else {
				kept++
			}
		}
		if passed == 0 || kept == 0 {
			t.Errorf("%s: got %d messages that pass and %d that do not, want some of each", block.name, passed, kept)
		}
	}
	for name := range maps.Keys(wants) {
		if !shown[name] {
			t.Errorf("docs/NOTIFY.md shows no policy %s", name)
		}
	}
}

// passes evaluates a filter policy on message attributes as SNS documents it: every
// field of the policy has a value that matches, and of the policies below "$or" one
// does. It knows texts and prefixes.
func passes(t *testing.T, policy map[string][]any, attributes map[string]string) bool {
	t.Helper()
	for field, conditions := range policy {
		value, has := attributes[field]
		if !slices.ContainsFunc(conditions, func(condition any) bool {
			switch condition := condition.(type) {
			case string:
				return has && condition == value
			case map[string]any:
				if field == "$or" {
					return passes(t, policyOf(t, condition), attributes)
				}
				prefix, ok := condition["prefix"].(string)
				if !ok || len(condition) != 1 {
					t.Fatalf("got the condition %v, which this test does not know", condition)
				}
				return has && strings.HasPrefix(value, prefix)
			}
			t.Fatalf("got the condition %v, which this test does not know", condition)
			return false
		}) {
			return false
		}
	}
	return true
}

func policyOf(t *testing.T, fields map[string]any) map[string][]any {
	t.Helper()
	policy := map[string][]any{}
	for name, value := range fields {
		list, ok := value.([]any)
		if !ok {
			t.Fatalf("got %v for %s, want a list", value, name)
		}
		policy[name] = list
	}
	return policy
}
