package rules_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/chimewatch/chimewatch/internal/draws"
	"github.com/chimewatch/chimewatch/internal/rules"
)

// texts are few, so that patterns and events often agree.
var texts = []string{"", "a", "A", "ab", "b", "true", "null", "1"}

// drawValues draws what a field may be.
func drawValues(t *rapid.T) rules.Values {
	text := func(label string) string { return rapid.SampledFrom(texts).Draw(t, label) }
	var list rules.Values
	for range rapid.IntRange(1, 3).Draw(t, "values") {
		switch rapid.IntRange(0, 7).Draw(t, "form") {
		case 0, 1:
			list = append(list, text("text"))
		case 2:
			list = append(list, rapid.SampledFrom([]any{true, false, nil}).Draw(t, "literal"))
		case 3:
			list = append(list, rules.Operator{"prefix": text("prefix")})
		case 4:
			list = append(list, rules.Operator{"exists": rapid.Bool().Draw(t, "exists")})
		case 5:
			list = append(list, rules.Operator{"anything-but": text("but")})
		case 6:
			list = append(list, rules.Operator{"anything-but": rules.Values{text("but"), text("nor")}})
		default:
			list = append(list, rules.Operator{"equals-ignore-case": text("fold")})
		}
	}
	return list
}

var fields = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID[string])

func drawPattern(t *rapid.T, depth int) rules.Pattern {
	p := rules.Pattern{}
	for _, name := range fields.Draw(t, "fields") {
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			p[name] = drawPattern(t, depth-1)
		} else {
			p[name] = drawValues(t)
		}
	}
	return p
}

// drawEvent draws an object; its arrays are not empty.
func drawEvent(t *rapid.T, depth int) map[string]any {
	object := map[string]any{}
	for _, name := range fields.Draw(t, "fields") {
		object[name] = drawValue(t, depth)
	}
	return object
}

func drawValue(t *rapid.T, depth int) any {
	form := rapid.IntRange(0, 9).Draw(t, "form")
	switch {
	case form < 3 && depth > 0:
		return drawEvent(t, depth-1)
	case form < 5 && depth > 0:
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, "elements") {
			list = append(list, drawValue(t, depth-1))
		}
		return list
	case form < 8:
		return rapid.SampledFrom(texts).Draw(t, "text")
	}
	return rapid.SampledFrom([]any{true, false, nil, 1.0, 1.5}).Draw(t, "literal")
}

// matches is what a pattern means, field by field.
func matches(pattern rules.Pattern, value any) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(v any) bool { return matches(pattern, v) })
	}
	object, _ := value.(map[string]any)
	for name, want := range pattern {
		field, there := object[name]
		switch want := want.(type) {
		case rules.Pattern:
			if !matches(want, field) {
				return false
			}
		case rules.Values:
			if !slices.ContainsFunc(want, func(one any) bool { return allows(one, field, there) }) {
				return false
			}
		}
	}
	return true
}

// allows reports whether one entry of Values allows a field.
func allows(one, field any, there bool) bool {
	operator, _ := one.(rules.Operator)
	if !there {
		return operator["exists"] == false
	}
	if list, ok := field.([]any); ok {
		return slices.ContainsFunc(list, func(v any) bool { return allows(one, v, true) })
	}
	if _, ok := field.(map[string]any); ok {
		return false
	}
	text, isText := field.(string)
	for name, operand := range operator {
		switch name {
		case "prefix":
			return isText && strings.HasPrefix(text, operand.(string))
		case "equals-ignore-case":
			return isText && strings.EqualFold(text, operand.(string))
		case "exists":
			return operand.(bool)
		}
		list, ok := operand.(rules.Values)
		if !ok {
			list = rules.Values{operand}
		}
		return !isText || !slices.Contains(list, any(text))
	}
	return one == field
}

// An event matches when every field of the pattern allows it, whatever is nested in what.
func TestMatchIsWhatThePatternMeans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			pattern := drawPattern(t, 2)
			matcher, err := rules.Compile([]rules.Rule{{Name: "r", Pattern: pattern}})
			if err != nil {
				t.Fatalf("got %v of %v", err, pattern)
			}
			for range 20 {
				event := drawEvent(t, 3)
				raw, err := json.Marshal(event)
				if err != nil {
					t.Fatal(err)
				}
				matched, err := matcher.Match(raw)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := len(matched) == 1, matches(pattern, event); got != want {
					text, _ := json.Marshal(pattern)
					t.Fatalf("got %t of %s by %s, want %t", got, raw, text, want)
				}
			}
		}
	})
}
