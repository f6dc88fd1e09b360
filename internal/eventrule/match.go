package eventrule

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Matcher tells which rules of a table an event matches. It does not change
// once Compile made it, so it may be shared.
type Matcher struct {
	rules []compiled
}

// scalar is one value of an event: the text of a string, or the JSON of a
// number, a boolean or null.
type scalar struct {
	isString bool
	text     string
}

// Match gives the rules that the event matches, in the table's order. An event
// that is no JSON object is an error of class Invalid.
//
// As in EventBridge, an array matches when any of its elements does, and of an
// array of objects one and the same element must match all that is asked of it.
func (m *Matcher) Match(event []byte) ([]Rule, error) {
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.UseNumber()
	var tree map[string]any
	if err := dec.Decode(&tree); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, "event", "is not a JSON object", "send one JSON object")
	}
	var matched []Rule
	for _, c := range m.rules {
		if fits(c.leaves, 0, tree) {
			matched = append(matched, c.rule)
		}
	}
	return matched, nil
}

// fits tells whether an object, or some object of an array, has fields that
// pass all leaves; the leaves share their path up to depth and are sorted.
func fits(leaves []leaf, depth int, value any) bool {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			if fits(leaves, depth, item) {
				return true
			}
		}
		return false
	}
	object, _ := value.(map[string]any) // of anything else, all fields are absent
	for len(leaves) > 0 {
		name, n := leaves[0].path[depth], 1
		for n < len(leaves) && leaves[n].path[depth] == name {
			n++
		}
		field, there := object[name]
		if len(leaves[0].path) == depth+1 {
			if there && !passes(leaves[0].tests, field) || !there && !leaves[0].absent {
				return false
			}
		} else if !fits(leaves[:n], depth+1, field) {
			return false
		}
		leaves = leaves[n:]
	}
	return true
}

// passes tells whether a value, or some element of an array, passes any test.
func passes(tests []test, value any) bool {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			if passes(tests, item) {
				return true
			}
		}
		return false
	}
	s := scalar{}
	switch value := value.(type) {
	case map[string]any:
		return false
	case string:
		s = scalar{isString: true, text: value}
	case nil:
		s.text = "null"
	default:
		s.text = fmt.Sprint(value)
	}
	for _, t := range tests {
		if t(s) {
			return true
		}
	}
	return false
}
