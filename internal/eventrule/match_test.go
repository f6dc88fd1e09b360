package eventrule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/google/go-cmp/cmp"
)

// What nothing documents goes to the function status, which keeps it, and to no other.
func TestUndocumentedEventsAreKept(t *testing.T) {
	m, err := eventrule.Compile(eventrule.Table(eventrule.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{chime.DetailCallInsightsState, chime.DetailCallInsightsRules} {
		event := fmt.Sprintf(`{"source":"aws.chime","detail-type":%q,"detail":{"eventType":"chime:MediaInsightsPermanentFailure","mediaInsightsPipelineElementStatuses":[{"status":"Failed"}]}}`, kind)
		matched, err := m.Match([]byte(event))
		if err != nil || len(matched) != 1 || matched[0].Function != "status" {
			t.Errorf("%s: got %v (%v), want one rule, to the function status", kind, matched, err)
		}
	}
}

func names(list []eventrule.Rule) string {
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

func TestExamplesGoWhereTheyShould(t *testing.T) {
	want := map[string]string{
		"created": "state-change", "in-progress": "state-change", "paused": "state-change", "temporary-failure": "state-change", "stopped": "state-change",
		"create-failed": "state-change create-failed", "permanent-failure": "state-change permanent-failure",
		"two-elements-transcribing": "state-change", "two-elements-recording": "state-change", "two-elements-paused": "state-change",
		"two-elements-temporary-failure": "state-change", "two-elements-stopped": "state-change",
		"two-elements-processor-failed":    "state-change element-failure",
		"two-elements-permanent-processor": "state-change permanent-failure", "two-elements-permanent-recording": "state-change permanent-failure",
		"voice-enhancement-in-progress": "state-change", "voice-enhancement-not-supported": "state-change element-failure",
		"voice-enhancement-permanent-failure": "state-change permanent-failure",
		"rule-keyword-utterance":              "rules-matched", "rule-keyword-result": "rules-matched", "rule-keyword-negated": "rules-matched",
		"rule-sentiment": "rules-matched", "rule-issue": "rules-matched",
		"consent-granted": "consent", "consent-granted-until": "consent", "consent-denied": "consent", "consent-withdrawn": "consent",
	}
	m, err := eventrule.Compile(eventrule.Table(eventrule.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range schemas.Examples() {
		matched, err := m.Match(example.Body)
		if err != nil {
			t.Fatalf("%s: %v", example.Name, err)
		}
		if got := names(matched); got != want[example.Name] {
			t.Errorf("%s: got %q, want %q", example.Name, got, want[example.Name])
		}
	}
}

func wildcard(text string) eventrule.Pattern {
	return eventrule.Pattern{"a": []any{map[string]any{"wildcard": text}}}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		name    string
		pattern eventrule.Pattern
		event   string
		want    bool
	}{
		{"a string MUST be equal", eventrule.Pattern{"a": []any{"x"}}, `{"a":"x"}`, true},
		{"another string MUST NOT match", eventrule.Pattern{"a": []any{"x"}}, `{"a":"xy"}`, false},
		{"a number is no string", eventrule.Pattern{"a": []any{"1"}}, `{"a":1}`, false},
		{"any listed value will do", eventrule.Pattern{"a": []any{"x", "y"}}, `{"a":"y"}`, true},
		{"an array matches by any element", eventrule.Pattern{"a": []any{"x"}}, `{"a":["w","x"]}`, true},
		{"all fields MUST match", eventrule.Pattern{"a": []any{"x"}, "b": []any{"y"}}, `{"a":"x","b":"z"}`, false},
		{"prefix", eventrule.Pattern{"a": []any{map[string]any{"prefix": "aws."}}}, `{"a":"aws.chime"}`, true},
		{"prefix, other", eventrule.Pattern{"a": []any{map[string]any{"prefix": "aws."}}}, `{"a":"chime"}`, false},
		{"exists", eventrule.Pattern{"a": []any{map[string]any{"exists": true}}}, `{"a":null}`, true},
		{"exists, absent", eventrule.Pattern{"a": []any{map[string]any{"exists": true}}}, `{}`, false},
		{"exists false", eventrule.Pattern{"a": []any{map[string]any{"exists": false}}}, `{"b":1}`, true},
		{"exists false, there", eventrule.Pattern{"a": []any{map[string]any{"exists": false}}}, `{"a":1}`, false},
		{"exists false below an absent object", eventrule.Pattern{"a": map[string]any{"b": []any{map[string]any{"exists": false}}}}, `{}`, true},
		{"anything-but", eventrule.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{"a":"y"}`, true},
		{"anything-but, the value", eventrule.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{"a":"x"}`, false},
		{"anything-but needs the field", eventrule.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{}`, false},
		{"equals-ignore-case", eventrule.Pattern{"a": []any{map[string]any{"equals-ignore-case": "x"}}}, `{"a":"X"}`, true},
		{"anything-but of a number", eventrule.Pattern{"a": []any{map[string]any{"anything-but": []any{"1"}}}}, `{"a":1}`, true},
		{"anything-but of null", eventrule.Pattern{"a": []any{map[string]any{"anything-but": "null"}}}, `{"a":null}`, true},
		{"anything-but of true", eventrule.Pattern{"a": []any{map[string]any{"anything-but": "true"}}}, `{"a":true}`, true},
		{"anything-but of an array with another element", eventrule.Pattern{"a": []any{map[string]any{"anything-but": "x"}}}, `{"a":["x","y"]}`, true},
		{"anything-but of an array of nothing else", eventrule.Pattern{"a": []any{map[string]any{"anything-but": "x"}}}, `{"a":["x"]}`, false},
		{"anything-but of an object", eventrule.Pattern{"a": []any{map[string]any{"anything-but": "x"}}}, `{"a":{"b":1}}`, false},
		{"prefix of a number", eventrule.Pattern{"a": []any{map[string]any{"prefix": "1"}}}, `{"a":12}`, false},
		{"equals-ignore-case of true", eventrule.Pattern{"a": []any{map[string]any{"equals-ignore-case": "true"}}}, `{"a":true}`, false},
		{"wildcard", wildcard(`*"F"*`), `{"a":"[{\"s\":\"F\"}]"}`, true},
		{"wildcard, case counts", wildcard(`*F*`), `{"a":"f"}`, false},
		{"wildcard, nothing in its place", wildcard(`F*`), `{"a":"F"}`, true},
		{"wildcard, the beginning", wildcard(`F*`), `{"a":"eF"}`, false},
		{"wildcard, the end", wildcard(`*F`), `{"a":"FFe"}`, false},
		{"wildcard, the end again", wildcard(`*F`), `{"a":"FeF"}`, true},
		{"wildcard, in order", wildcard(`*a*b*`), `{"a":"ba"}`, false},
		{"wildcard, each in the middle for itself", wildcard(`*a*a*`), `{"a":"xax"}`, false},
		{"wildcard, each for itself", wildcard(`a*a`), `{"a":"a"}`, false},
		{"wildcard, one that is meant", wildcard(`\*`), `{"a":"x"}`, false},
		{"wildcard, one that is there", wildcard(`\**\\`), `{"a":"*x\\"}`, true},
		{"wildcard of a number", wildcard(`*`), `{"a":1}`, false},
		{"wildcard of an array", wildcard(`*F*`), `{"a":[1,"eFe"]}`, true},
		{"wildcard of an object", wildcard(`*`), `{"a":{"b":"F"}}`, false},
		{"objects in an array", eventrule.Pattern{"a": map[string]any{"s": []any{"F"}}}, `{"a":[{"s":"P"},{"s":"F"}]}`, true},
		{"one element MUST match all fields", eventrule.Pattern{"a": map[string]any{"s": []any{"F"}, "t": []any{"2"}}}, `{"a":[{"s":"F","t":"1"},{"s":"P","t":"2"}]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := eventrule.Compile([]eventrule.Rule{{Name: "r", Pattern: tt.pattern}})
			if err != nil {
				t.Fatal(err)
			}
			matched, err := m.Match([]byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(matched) == 1; got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		name    string
		pattern eventrule.Pattern
		want    []string
	}{
		{"an unknown operator", eventrule.Pattern{"a": []any{map[string]any{"numeric": []any{">", 1}}}}, []string{"rule r", "field a", "numeric"}},
		{"two asterisks side by side", wildcard(`a**b`), []string{"field a", "wildcard"}},
		{"two asterisks at the beginning", wildcard(`**b`), []string{"field a", "wildcard"}},
		{"a backslash before another character", wildcard(`a\b`), []string{"field a", "wildcard"}},
		{"a backslash at the end", wildcard(`a\`), []string{"field a", "wildcard"}},
		{"an empty wildcard", wildcard(``), []string{"field a", "wildcard"}},
		{"a wildcard of a list", eventrule.Pattern{"a": []any{map[string]any{"wildcard": []any{"x"}}}}, []string{"field a", "wildcard"}},
		{"an empty list", eventrule.Pattern{"a": []any{}}, []string{"field a", "empty"}},
		{"a bare value", eventrule.Pattern{"a": "x"}, []string{"field a", "list"}},
		{"a number", eventrule.Pattern{"a": []any{1}}, []string{"field a", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := eventrule.Compile([]eventrule.Rule{{Name: "r", Pattern: tt.pattern}})
			if err == nil {
				t.Fatal("got no error")
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to name %q", err, part)
				}
			}
		})
	}
}

// Rehearsals come in only where the deployer wants them, and consent only from
// the account that is asked for: its events could otherwise come from any account
// that forwards its bus here.
func TestOptionsSayWhoIsLetIn(t *testing.T) {
	created, consent := string(must(t, "created").Body), string(must(t, "consent-granted").Body)
	rehearsal := strings.Replace(created, `"aws.chime"`, `"chimewatch.rehearsal"`, 1)
	foreign := strings.NewReplacer("111122223333", "999988887777").Replace
	ours := eventrule.Options{Account: "111122223333"}
	for _, tt := range []struct {
		name    string
		options eventrule.Options
		event   string
		want    string
	}{
		{"real", eventrule.Options{}, created, "state-change"},
		{"rehearsal", eventrule.Options{}, rehearsal, ""},
		{"real, with rehearsals", eventrule.Options{Rehearsal: true}, created, "state-change"},
		{"rehearsal, with rehearsals", eventrule.Options{Rehearsal: true}, rehearsal, "state-change"},
		{"consent", eventrule.Options{}, consent, "consent"},
		{"consent of the account", ours, consent, "consent"},
		{"consent of another account", ours, foreign(consent), ""},
		{"consent of another account, from whom it may come", eventrule.Options{}, foreign(consent), "consent"},
		{"consent of no account", ours, strings.Replace(consent, `"account"`, `"tenant"`, 1), ""},
		{"real, of another account", ours, foreign(created), "state-change"},
		{"rehearsal of consent is none", eventrule.Options{Rehearsal: true},
			strings.Replace(consent, `"chimewatch.consent"`, `"chimewatch.rehearsal"`, 1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := eventrule.Compile(eventrule.Table(tt.options))
			if err != nil {
				t.Fatal(err)
			}
			matched, err := m.Match([]byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, names(matched)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The filters let every voice notification pass and no other example.
func TestVoiceStreamFilters(t *testing.T) {
	var table []eventrule.Rule
	for i, pattern := range eventrule.VoiceStreamFilters() {
		table = append(table, eventrule.Rule{Name: fmt.Sprintf("filter-%d", i), Pattern: pattern})
	}
	m, err := eventrule.Compile(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range schemas.Examples() {
		ev, err := chime.Parse(example.Body)
		if err != nil {
			t.Fatal(err)
		}
		matched, err := m.Match([]byte(`{"data":` + string(example.Body) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(matched) > 0, ev.Voice != nil; got != want {
			t.Errorf("%s: got %t, want %t", example.Name, got, want)
		}
	}
}

func must(t *testing.T, name string) schemas.Example {
	t.Helper()
	example, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return example
}
