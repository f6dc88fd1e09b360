package eventrule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// maxPatternBytes is EventBridge's default quota for the text of one pattern.
const maxPatternBytes = 2048

// ruleName is what EventBridge accepts as the name of a rule.
var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// Matcher finds the rules of a table that an event matches. It is safe for concurrent use.
type Matcher struct {
	rules []Rule
	tests []test // of the rules
}

// test reports whether a value of an event matches a part of a pattern.
type test func(value any) bool

// Compile makes a Matcher of a table. The error, of class Invalid, names the rule and the
// field where EventBridge would refuse the table (a name that is used twice, an empty list,
// a pattern that is too long), and where it would accept more than this package does:
// a list has strings, anything-but and wildcard only.
func Compile(table []Rule) (*Matcher, error) {
	m := &Matcher{rules: slices.Clone(table)}
	names := map[string]bool{}
	for _, rule := range table {
		where := "rule " + rule.Name
		if !ruleName.MatchString(rule.Name) || names[rule.Name] {
			return nil, apperr.New(apperr.Invalid, where, "the name is not valid, or is used twice",
				"give each rule its own name of 1 to 64 of A-Z a-z 0-9 . - _")
		}
		names[rule.Name] = true
		// The text that EventBridge receives counts, not the Go values.
		text, err := json.Marshal(rule.Pattern)
		if err != nil || len(text) > maxPatternBytes {
			return nil, apperr.Wrap(err, apperr.Invalid, where, fmt.Sprintf("the pattern has %d bytes of JSON", len(text)),
				fmt.Sprintf("use strings, lists and objects only, and at most %d bytes", maxPatternBytes))
		}
		var pattern map[string]any
		if err := json.Unmarshal(text, &pattern); err != nil {
			return nil, apperr.Wrap(err, apperr.Internal, where, "the pattern cannot be read back", "")
		}
		matches, err := compileObject(where+", field ", pattern)
		if err != nil {
			return nil, err
		}
		m.tests = append(m.tests, matches)
	}
	return m, nil
}

// Match returns the rules that the event matches, in the table's order. An event that is
// no JSON object is an error of class Invalid.
func (m *Matcher) Match(event []byte) ([]Rule, error) {
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber() // a number may be too large for a float64
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, "event", "is not a JSON object", "send one JSON object")
	}
	var matched []Rule
	for i, matches := range m.tests {
		if matches(object) {
			matched = append(matched, m.rules[i])
		}
	}
	return matched, nil
}

// compileObject makes the test of a nested pattern: every field that it names must match.
func compileObject(where string, pattern map[string]any) (test, error) {
	if len(pattern) == 0 {
		return nil, refuse(where, pattern)
	}
	fields := map[string]test{}
	for name, value := range pattern {
		var err error
		switch value := value.(type) {
		case map[string]any:
			fields[name], err = compileObject(where+name+".", value)
		case []any:
			fields[name], err = compileList(where+name, value)
		default:
			err = refuse(where+name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	return orElement(func(value any) bool {
		object, _ := value.(map[string]any)
		for name, matches := range fields {
			if field, ok := object[name]; !ok || !matches(field) {
				return false
			}
		}
		return true
	}), nil
}

// compileList makes the test of a list: the value must match one of its entries.
func compileList(where string, entries []any) (test, error) {
	var tests []test
	for _, entry := range entries {
		matches, err := compileEntry(where, entry)
		if err != nil {
			return nil, err
		}
		tests = append(tests, matches)
	}
	if len(tests) == 0 {
		return nil, refuse(where, entries)
	}
	return orElement(func(value any) bool {
		return slices.ContainsFunc(tests, func(matches test) bool { return matches(value) })
	}), nil
}

func compileEntry(where string, entry any) (test, error) {
	if text, ok := entry.(string); ok {
		return func(value any) bool { return value == text }, nil
	}
	operator, _ := entry.(map[string]any)
	if text, ok := operator[opWildcard].(string); ok && len(operator) == 1 && wildcardForm.MatchString(text) {
		form := wildcardExpression(text)
		return func(value any) bool {
			text, ok := value.(string)
			return ok && form.MatchString(text)
		}, nil
	}
	if list, ok := operator[opAnythingBut].([]any); ok && len(operator) == 1 && len(list) > 0 &&
		!slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok }) {
		return func(value any) bool {
			_, isObject := value.(map[string]any)
			return !isObject && !slices.Contains(list, value)
		}, nil
	}
	return nil, refuse(where, entry)
}

// orElement makes a test of an array, too: as in EventBridge, an array matches if one of
// its elements does, and of an array of objects one element must match alone.
func orElement(matches test) test {
	var either test
	either = func(value any) bool {
		if list, ok := value.([]any); ok {
			return slices.ContainsFunc(list, either)
		}
		return matches(value)
	}
	return either
}

var (
	// wildcardForm is what EventBridge accepts: an asterisk is any characters or none, two may
	// not be neighbours, and a backslash makes the next asterisk or backslash ordinary.
	wildcardForm  = regexp.MustCompile(`^(\*|(\*?([^*\\]|\\[*\\]))+\*?)$`)
	wildcardToken = regexp.MustCompile(`(?s)\\?.`)
)

func wildcardExpression(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)^` + wildcardToken.ReplaceAllStringFunc(text, func(token string) string {
		if token == "*" {
			return ".*"
		}
		return regexp.QuoteMeta(strings.TrimPrefix(token, `\`))
	}) + `$`)
}

func refuse(where string, value any) error {
	text, _ := json.Marshal(value) // it was JSON before
	where = strings.TrimSuffix(strings.TrimSuffix(where, "."), ", field ")
	return apperr.New(apperr.Invalid, where, fmt.Sprintf("%s is not supported", text),
		`use an object or a list, not empty; a list has strings, {"anything-but": [strings]} and {"wildcard": string}`)
}
