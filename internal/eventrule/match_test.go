package eventrule_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

func ExampleRules_Match() {
	rules, err := eventrule.Table(eventrule.Options{}).Match([]byte(`{
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
func field(values ...string) eventrule.Pattern {
	return eventrule.Pattern{"a": eventrule.Values(values)}
}

func anythingBut(values ...string) eventrule.Pattern {
	return eventrule.Pattern{"a": eventrule.AnythingBut(values)}
}

func containing(texts ...string) eventrule.Pattern {
	return eventrule.Pattern{"a": eventrule.Containing(texts)}
}

func TestMatch(t *testing.T) {
	status := func(value string) eventrule.Pattern { return eventrule.Pattern{"s": eventrule.Values{value}} }
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
		{"any listed value matches", field("x", "y"), `{"a":"y"}`, true},
		{"an array matches by any element", field("x"), `{"a":["w","x"]}`, true},
		{"all fields MUST match", eventrule.Pattern{"a": eventrule.Values{"x"}, "b": eventrule.Values{"y"}},
			`{"a":"x","b":"z"}`, false},
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
		{"containing", containing(`"F"`), `{"a":"[{\"s\":\"F\"}]"}`, true},
		{"containing, case counts", containing("F"), `{"a":"f"}`, false},
		{"containing, nothing else", containing("F"), `{"a":"F"}`, true},
		{"containing, the whole text", containing("Fe"), `{"a":"eF"}`, false},
		{"containing, any listed text matches", containing("x", "F"), `{"a":"eFe"}`, true},
		{"containing, in one of several lines", containing("b"), `{"a":"a\n\nb"}`, true},
		{"containing, a dot is a dot", containing("a."), `{"a":"ab"}`, false},
		{"containing needs the field", containing("F"), `{}`, false},
		{"containing, of a number", containing("1"), `{"a":1}`, false},
		{"containing, of an array", containing("F"), `{"a":[1,"eFe"]}`, true},
		{"containing, of an object", containing("F"), `{"a":{"b":"F"}}`, false},
		{"objects in an array", eventrule.Pattern{"a": status("F")}, `{"a":[{"s":"P"},{"s":"F"}]}`, true},
		{"no object", eventrule.Pattern{"a": status("F")}, `{"a":"F"}`, false},
		{"one element MUST match all fields",
			eventrule.Pattern{"a": eventrule.Pattern{"s": eventrule.Values{"F"}, "t": eventrule.Values{"2"}}},
			`{"a":[{"s":"F","t":"1"},{"s":"P","t":"2"}]}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := matched(t, eventrule.Rules{{Name: "r", Pattern: tt.pattern}}, tt.event) != ""; got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestMatchRefusesInvalidJSON(t *testing.T) {
	for _, event := range []string{"", "[]", `"x"`, `{"a":`} {
		if _, err := eventrule.Table(eventrule.Options{}).Match([]byte(event)); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want it refused as invalid", event, err)
		}
	}
}

// The text of a pattern is EventBridge's.
func TestPatternText(t *testing.T) {
	pattern := eventrule.Pattern{"a": eventrule.Pattern{
		"b": eventrule.Values{"x", "y"}, "c": eventrule.AnythingBut{"z"}, "d": eventrule.Containing{`"F"`, "<"},
	}}
	want := `{"a":{"b":["x","y"],"c":[{"anything-but":["z"]}],"d":[{"wildcard":"*\"F\"*"},{"wildcard":"*\u003c*"}]}}`
	if got, err := json.Marshal(pattern); err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}
