package eventrule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

func ExampleMatcher_Match() {
	matcher, err := eventrule.Compile(eventrule.Table(eventrule.Options{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := matcher.Match([]byte(`{
		"source": "aws.chime",
		"detail-type": "Media Insights State Change",
		"detail": {"eventType": "chime:MediaInsightsPermanentFailure"}
	}`))
	for _, rule := range rules {
		fmt.Printf("rule %s invokes the function %s\n", rule.Name, rule.Function)
	}
	fmt.Println(err)
	// Output:
	// rule state-change invokes the function status
	// rule permanent-failure invokes the function failures
	// <nil>
}

// field is a pattern of the field a.
func field(values ...any) eventrule.Pattern { return eventrule.Pattern{"a": values} }

func anythingBut(values ...any) eventrule.Pattern {
	return field(map[string]any{"anything-but": values})
}

func wildcard(text string) eventrule.Pattern { return field(map[string]any{"wildcard": text}) }

func TestMatch(t *testing.T) {
	status := func(values ...any) eventrule.Pattern { return eventrule.Pattern{"s": values} }
	tests := []struct {
		name    string
		pattern eventrule.Pattern
		event   string
		want    bool
	}{
		{"a string MUST be equal", field("x"), `{"a":"x"}`, true},
		{"another string MUST NOT match", field("x"), `{"a":"xy"}`, false},
		{"a number is no string", field("1"), `{"a":1}`, false},
		{"a number that no float64 holds", field("1"), `{"a":"1","b":1e999}`, true},
		{"any listed value will do", field("x", "y"), `{"a":"y"}`, true},
		{"an array matches by any element", field("x"), `{"a":["w","x"]}`, true},
		{"all fields MUST match", eventrule.Pattern{"a": []any{"x"}, "b": []any{"y"}}, `{"a":"x","b":"z"}`, false},
		{"anything-but", anythingBut("x"), `{"a":"y"}`, true},
		{"anything-but, the value", anythingBut("x"), `{"a":"x"}`, false},
		{"anything-but, another value", anythingBut("y", "x"), `{"a":"x"}`, false},
		{"anything-but needs the field", anythingBut("x"), `{}`, false},
		{"anything-but of a number", anythingBut("1"), `{"a":1}`, true},
		{"anything-but of null", anythingBut("null"), `{"a":null}`, true},
		{"anything-but of true", anythingBut("true"), `{"a":true}`, true},
		{"anything-but of an array with another element", anythingBut("x"), `{"a":["x","y"]}`, true},
		{"anything-but of an array of nothing else", anythingBut("x"), `{"a":["x"]}`, false},
		{"anything-but of an object", anythingBut("x"), `{"a":{"b":1}}`, false},
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
		{"wildcard, more than one line", wildcard(`a*b`), `{"a":"a\n\nb"}`, true},
		{"wildcard, a dot is a dot", wildcard(`a.*`), `{"a":"ab"}`, false},
		{"wildcard of anything", wildcard(`*`), `{"a":""}`, true},
		{"wildcard of a number", wildcard(`*`), `{"a":1}`, false},
		{"wildcard of an array", wildcard(`*F*`), `{"a":[1,"eFe"]}`, true},
		{"wildcard of an object", wildcard(`*`), `{"a":{"b":"F"}}`, false},
		{"objects in an array", eventrule.Pattern{"a": status("F")}, `{"a":[{"s":"P"},{"s":"F"}]}`, true},
		{"no object", eventrule.Pattern{"a": status("F")}, `{"a":"F"}`, false},
		{"one element MUST match all fields", eventrule.Pattern{"a": eventrule.Pattern{"s": []any{"F"}, "t": []any{"2"}}},
			`{"a":[{"s":"F","t":"1"},{"s":"P","t":"2"}]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := matched(t, []eventrule.Rule{{Name: "r", Pattern: tt.pattern}}, tt.event) != ""; got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestMatchRefusesWhatIsNoObject(t *testing.T) {
	m, err := eventrule.Compile(eventrule.Table(eventrule.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"", "[]", `"x"`, `{"a":`} {
		if _, err := m.Match([]byte(event)); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want it refused as invalid", event, err)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	rule := func(pattern eventrule.Pattern) []eventrule.Rule {
		return []eventrule.Rule{{Name: "r", Pattern: pattern}}
	}
	operator := func(name string, operand any) []eventrule.Rule { return rule(field(map[string]any{name: operand})) }
	good := rule(field("x"))
	tests := []struct {
		name  string
		table []eventrule.Rule
		want  []string
	}{
		{"an operator that EventBridge knows", operator("numeric", []any{">", 1}),
			[]string{"rule r", "field a", "numeric", "wildcard"}},
		{"exists", operator("exists", false), []string{"field a", "exists"}},
		{"alternatives", rule(eventrule.Pattern{"$or": []any{good[0].Pattern, good[0].Pattern}}),
			[]string{"field $or", `{"a":["x"]}`}},
		{"two operators in one", rule(field(map[string]any{"wildcard": "x*", "anything-but": []any{"y"}})),
			[]string{"field a"}},
		{"anything-but of nothing", operator("anything-but", []any{}), []string{"field a", "anything-but"}},
		{"anything-but of a number", operator("anything-but", []any{"x", 1}), []string{"field a", "anything-but"}},
		{"anything-but of an operator", operator("anything-but", map[string]any{"prefix": "x"}),
			[]string{"field a", "prefix"}},
		{"two asterisks side by side", rule(wildcard(`a**b`)), []string{"field a", "wildcard"}},
		{"two asterisks at the beginning", rule(wildcard(`**b`)), []string{"field a", "wildcard"}},
		{"two asterisks alone", rule(wildcard(`**`)), []string{"field a", "wildcard"}},
		{"a backslash before another character", rule(wildcard(`a\b`)), []string{"field a", "wildcard"}},
		{"a backslash at the end", rule(wildcard(`a\`)), []string{"field a", "wildcard"}},
		{"an empty wildcard", rule(wildcard(``)), []string{"field a", "wildcard"}},
		{"a wildcard of a list", operator("wildcard", []any{"x"}), []string{"field a", "wildcard"}},
		{"an empty list", rule(field()), []string{"field a", "empty"}},
		{"a bare value", rule(eventrule.Pattern{"a": "x"}), []string{"field a", "list"}},
		{"a number", rule(field(1)), []string{"field a", "1"}},
		{"an empty pattern", rule(eventrule.Pattern{}), []string{"rule r: {}", "empty"}},
		{"an empty object", rule(eventrule.Pattern{"a": eventrule.Pattern{"b": eventrule.Pattern{}}}),
			[]string{"field a.b: {}"}},
		{"a long pattern", rule(field(strings.Repeat("x", 2048))), []string{"rule r", "2058 bytes", "at most 2048"}},
		{"no JSON", rule(field(func() {})), []string{"rule r", "strings, lists and objects only"}},
		{"a name twice", append(good, good...), []string{"rule r", "used twice"}},
		{"a name with a space", []eventrule.Rule{{Name: "r r", Pattern: field("x")}}, []string{"rule r r", "A-Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := eventrule.Compile(tt.table)
			if apperr.ClassOf(err) != apperr.Invalid {
				t.Fatalf("got %v, want it refused as invalid", err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to name %q", err, part)
				}
			}
		})
	}
}
