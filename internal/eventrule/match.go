package eventrule

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Pattern is an EventBridge event pattern: every field that it names must be there and
// meet its condition. encoding/json returns the text for EventBridge.
type Pattern map[string]Condition

// Condition is what a field must be: a nested Pattern, or Values, AnythingBut or
// Containing. EventBridge has more operators; these are the ones of the table.
type Condition interface {
	// accepts reports whether the condition is met by a value that is no array.
	accepts(value any) bool
}

// Values lists the strings that a field may be.
type Values []string

// AnythingBut lists the strings that a field must not be; a number, null, true and false
// are accepted.
type AnythingBut []string

// Containing lists texts without asterisk and backslash: a field must be a string that
// contains one of them.
type Containing []string

// MarshalJSON returns EventBridge's form of the condition.
func (a AnythingBut) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{map[string][]string{"anything-but": a}})
}

// MarshalJSON returns EventBridge's form of the condition.
func (c Containing) MarshalJSON() ([]byte, error) {
	var wildcards []map[string]string
	for _, text := range c {
		wildcards = append(wildcards, map[string]string{"wildcard": "*" + text + "*"})
	}
	return json.Marshal(wildcards)
}

func (p Pattern) accepts(value any) bool {
	object, _ := value.(map[string]any)
	for name, condition := range p {
		if field, ok := object[name]; !ok || !matches(condition, field) {
			return false
		}
	}
	return true
}

func (v Values) accepts(value any) bool {
	text, ok := value.(string)
	return ok && slices.Contains(v, text)
}

func (a AnythingBut) accepts(value any) bool {
	_, isObject := value.(map[string]any)
	return !isObject && !Values(a).accepts(value)
}

func (c Containing) accepts(value any) bool {
	text, ok := value.(string)
	return ok && slices.ContainsFunc(c, func(part string) bool { return strings.Contains(text, part) })
}

// matches reports whether a value meets a condition. As in EventBridge, an array does if
// one of its elements does, and of an array of objects one element must do so alone.
func matches(c Condition, value any) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(element any) bool { return matches(c, element) })
	}
	return c.accepts(value)
}

// Match returns the rules that the event matches, in their order. An event that is no JSON
// object is an error of class Invalid.
func (r Rules) Match(event []byte) ([]Rule, error) {
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber() // a number may be too large for a float64
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, "event", "is not a JSON object", "send one JSON object")
	}
	var matched []Rule
	for _, rule := range r {
		if rule.Pattern.accepts(object) {
			matched = append(matched, rule)
		}
	}
	return matched, nil
}
