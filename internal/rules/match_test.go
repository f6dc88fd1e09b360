package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/rules"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/google/go-cmp/cmp"
)

func names(list []rules.Rule) string {
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
	m, err := rules.Compile(rules.Table(rules.Options{}))
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

func TestMatch(t *testing.T) {
	tests := []struct {
		name    string
		pattern rules.Pattern
		event   string
		want    bool
	}{
		{"a string MUST be equal", rules.Pattern{"a": []any{"x"}}, `{"a":"x"}`, true},
		{"another string MUST NOT match", rules.Pattern{"a": []any{"x"}}, `{"a":"xy"}`, false},
		{"a number is no string", rules.Pattern{"a": []any{"1"}}, `{"a":1}`, false},
		{"any listed value will do", rules.Pattern{"a": []any{"x", "y"}}, `{"a":"y"}`, true},
		{"an array matches by any element", rules.Pattern{"a": []any{"x"}}, `{"a":["w","x"]}`, true},
		{"all fields MUST match", rules.Pattern{"a": []any{"x"}, "b": []any{"y"}}, `{"a":"x","b":"z"}`, false},
		{"prefix", rules.Pattern{"a": []any{map[string]any{"prefix": "aws."}}}, `{"a":"aws.chime"}`, true},
		{"prefix, other", rules.Pattern{"a": []any{map[string]any{"prefix": "aws."}}}, `{"a":"chime"}`, false},
		{"exists", rules.Pattern{"a": []any{map[string]any{"exists": true}}}, `{"a":null}`, true},
		{"exists, absent", rules.Pattern{"a": []any{map[string]any{"exists": true}}}, `{}`, false},
		{"exists false", rules.Pattern{"a": []any{map[string]any{"exists": false}}}, `{"b":1}`, true},
		{"exists false, there", rules.Pattern{"a": []any{map[string]any{"exists": false}}}, `{"a":1}`, false},
		{"exists false below an absent object", rules.Pattern{"a": map[string]any{"b": []any{map[string]any{"exists": false}}}}, `{}`, true},
		{"anything-but", rules.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{"a":"y"}`, true},
		{"anything-but, the value", rules.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{"a":"x"}`, false},
		{"anything-but needs the field", rules.Pattern{"a": []any{map[string]any{"anything-but": []any{"x"}}}}, `{}`, false},
		{"anything-but a text, a number", rules.Pattern{"a": []any{map[string]any{"anything-but": "1"}}}, `{"a":1}`, true},
		{"anything-but a text, an object", rules.Pattern{"a": []any{map[string]any{"anything-but": "1"}}}, `{"a":{}}`,
			false},
		{"anything-but, no element", rules.Pattern{"a": []any{map[string]any{"anything-but": "1"}}}, `{"a":[]}`, false},
		{"null", rules.Pattern{"a": []any{nil}}, `{"a":null}`, true},
		{"null is no text", rules.Pattern{"a": []any{nil}}, `{"a":"null"}`, false},
		{"a prefix MUST match case", rules.Pattern{"a": []any{map[string]any{"prefix": "X"}}}, `{"a":"x"}`, false},
		{"one element MUST match all three fields", rules.Pattern{"a": map[string]any{"s": []any{"F"}, "t": []any{"2"},
			"u": []any{"3"}}},
			`{"a":[{"s":"F","t":"2","u":"1"},{"s":"F","t":"1","u":"3"},{"s":"P","t":"2","u":"3"}]}`, false},
		{"objects in an empty array", rules.Pattern{"a": map[string]any{"s": []any{"F"}}}, `{"a":[]}`, false},
		{"equals-ignore-case", rules.Pattern{"a": []any{map[string]any{"equals-ignore-case": "x"}}}, `{"a":"X"}`, true},
		{"objects in an array", rules.Pattern{"a": map[string]any{"s": []any{"F"}}}, `{"a":[{"s":"P"},{"s":"F"}]}`, true},
		{"one element MUST match all fields", rules.Pattern{"a": map[string]any{"s": []any{"F"}, "t": []any{"2"}}}, `{"a":[{"s":"F","t":"1"},{"s":"P","t":"2"}]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := rules.Compile([]rules.Rule{{Name: "r", Pattern: tt.pattern}})
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

// What is refused is named whole: the rule, the field, what is wrong, and what to write instead.
func TestCompileRefuses(t *testing.T) {
	operator := func(name string, operand any) rules.Pattern {
		return rules.Pattern{"a": rules.Pattern{"b": rules.Values{"x", rules.Operator{name: operand}}}}
	}
	const field = "rule r, field a.b: "
	const asText, asTexts = " (give it a string)", " (give it a string or a list of strings)"
	tests := []struct {
		name    string
		pattern rules.Pattern
		want    string
	}{
		{"an unknown operator", operator("numeric", []any{">", 1}),
			field + `operator "numeric" is not known (use prefix, exists, anything-but or equals-ignore-case)`},
		{"a prefix that is no text", operator("prefix", 1), field + `operator "prefix" cannot take 1` + asText},
		{"a list of prefixes", operator("prefix", []any{"x"}), field + `operator "prefix" cannot take ["x"]` + asText},
		{"another case of no text", operator("equals-ignore-case", nil),
			field + `operator "equals-ignore-case" cannot take null` + asText},
		{"exists in words", operator("exists", "true"),
			field + `operator "exists" cannot take "true" (give it true or false)`},
		{"anything but a number", operator("anything-but", 1), field + `operator "anything-but" cannot take 1` + asTexts},
		{"anything but nothing", operator("anything-but", []any{}),
			field + `operator "anything-but" cannot take []` + asTexts},
		{"anything but a text and a number", operator("anything-but", []any{"x", 1}),
			field + `operator "anything-but" cannot take ["x",1]` + asTexts},
		{"anything but a number and a text", operator("anything-but", []any{1, "x"}),
			field + `operator "anything-but" cannot take [1,"x"]` + asTexts},
		{"anything but an operator", operator("anything-but", map[string]any{"prefix": "x"}),
			field + `operator "anything-but" cannot take {"prefix":"x"}` + asTexts},
		{"two operators at once", rules.Pattern{"a": rules.Values{rules.Operator{"prefix": "x", "exists": true}}},
			`rule r, field a: {"exists":true,"prefix":"x"} is not one operator (give each operator its own object)`},
		{"no operator", rules.Pattern{"a": rules.Values{rules.Operator{}}},
			"rule r, field a: {} is not one operator (give each operator its own object)"},
		{"alternatives", rules.Pattern{"a": rules.Pattern{"$or": rules.Values{rules.Pattern{"b": rules.Values{"x"}}}}},
			`rule r, field a.$or: operator "$or" is not known (write one rule for each alternative)`},
		{"an empty list", rules.Pattern{"a": rules.Values{}},
			"rule r, field a: the list is empty (give at least one value)"},
		{"an empty object", rules.Pattern{"a": rules.Pattern{}},
			"rule r, field a: the pattern is empty (name a field, or leave the object out)"},
		{"nothing", nil, "rule r: the pattern is empty (name a field, or leave the object out)"},
		{"a bare value", rules.Pattern{"a": "x"},
			`rule r, field a: "x" is neither a list nor an object (put the value into a list)`},
		{"a number", rules.Pattern{"a": rules.Values{1}},
			"rule r, field a: 1 cannot be compared (use a string, true, false, null or an operator)"},
		{"what has no JSON form", rules.Pattern{"a": rules.Values{func() {}}}, "rule r: the pattern has no JSON form: " +
			"json: unsupported type: func() (use strings, lists and objects only)"},
		{"too long", rules.Pattern{"a": rules.Values{strings.Repeat("x", 2048-len(`{"a":[""]}`)+1)}},
			"rule r: the pattern has 2049 bytes of JSON (keep it within 2048)"},
		{"as long as may be", rules.Pattern{"a": rules.Values{strings.Repeat("x", 2048-len(`{"a":[""]}`))}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkRefused(t, tt.want, rules.Rule{Name: "r", Pattern: tt.pattern})
		})
	}
}

func TestCompileRefusesNames(t *testing.T) {
	const fix = " cannot name a rule (use 1 to 64 of A-Z a-z 0-9 . - _)"
	ok := rules.Pattern{"a": rules.Values{"x"}}
	for name, want := range map[string]string{
		"A-z.0_9": "", strings.Repeat("r", 64): "", "": `rule : ""` + fix, "a b": `rule a b: "a b"` + fix,
		strings.Repeat("r", 65): "rule " + strings.Repeat("r", 65) + `: "` + strings.Repeat("r", 65) + `"` + fix,
	} {
		checkRefused(t, want, rules.Rule{Name: name, Pattern: ok})
	}
	checkRefused(t, "", rules.Rule{Name: "r", Pattern: ok}, rules.Rule{Name: "s", Pattern: ok})
	checkRefused(t, "rule r: the name is used twice (give each rule its own name)",
		rules.Rule{Name: "r", Pattern: ok}, rules.Rule{Name: "s", Pattern: ok}, rules.Rule{Name: "r", Pattern: ok})
}

func checkRefused(t *testing.T, want string, table ...rules.Rule) {
	t.Helper()
	_, err := rules.Compile(table)
	if want == "" {
		if err != nil {
			t.Errorf("%s: got %v, want no error", names(table), err)
		}
		return
	}
	if fault.ClassOf(err) != fault.Invalid || err.Error() != want {
		t.Errorf("%s: got  %v\nwant %s", names(table), err, want)
	}
}

func TestMatchRefuses(t *testing.T) {
	m, err := rules.Compile([]rules.Rule{{Name: "r", Pattern: rules.Pattern{"a": rules.Values{nil}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"", "{", "[]", `"a"`} {
		matched, err := m.Match([]byte(event))
		if fault.ClassOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "event: is not a JSON object: ") ||
			len(matched) > 0 {
			t.Errorf("%s: got %v and %v, want it refused", event, names(matched), err)
		}
	}
}

// Rehearsals come in only where the deployer wants them, and consent only from
// the account that is asked for: its events could otherwise come from any account
// that forwards its bus here.
func TestOptionsSayWhoIsLetIn(t *testing.T) {
	created, consent := string(must(t, "created").Body), string(must(t, "consent-granted").Body)
	rehearsal := strings.Replace(created, `"aws.chime"`, `"chimewatch.rehearsal"`, 1)
	foreign := strings.NewReplacer("111122223333", "999988887777").Replace
	ours := rules.Options{Account: "111122223333"}
	for _, tt := range []struct {
		name    string
		options rules.Options
		event   string
		want    string
	}{
		{"real", rules.Options{}, created, "state-change"},
		{"rehearsal", rules.Options{}, rehearsal, ""},
		{"real, with rehearsals", rules.Options{Rehearsal: true}, created, "state-change"},
		{"rehearsal, with rehearsals", rules.Options{Rehearsal: true}, rehearsal, "state-change"},
		{"consent", rules.Options{}, consent, "consent"},
		{"consent of the account", ours, consent, "consent"},
		{"consent of another account", ours, foreign(consent), ""},
		{"consent of another account, from whom it may come", rules.Options{}, foreign(consent), "consent"},
		{"consent of no account", ours, strings.Replace(consent, `"account"`, `"tenant"`, 1), ""},
		{"real, of another account", ours, foreign(created), "state-change"},
		{"rehearsal of consent is none", rules.Options{Rehearsal: true},
			strings.Replace(consent, `"chimewatch.consent"`, `"chimewatch.rehearsal"`, 1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := rules.Compile(rules.Table(tt.options))
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
	var table []rules.Rule
	for i, pattern := range rules.VoiceStreamFilters() {
		table = append(table, rules.Rule{Name: fmt.Sprintf("filter-%d", i), Pattern: pattern})
	}
	m, err := rules.Compile(table)
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
