package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// override replaces one value of an event.
type override struct {
	text  string // as it was typed
	path  []string
	value any
}

// parseOverride reads path=value. Dots separate the parts of the path; a dot in a name is written "\.". The
// value is JSON if it parses as JSON, else text; a text that parses as JSON is put in quotes.
func parseOverride(text string) (override, error) {
	const fix = `write it like detail.callId=abc, detail.list.0.status=Failed or detail.count=3`
	path, value, ok := strings.Cut(text, "=")
	if !ok {
		return override{}, usage("--set "+text, "it has no =", fix)
	}
	o := override{text: text, path: splitPath(path), value: value}
	for _, name := range o.path {
		if name == "" {
			return override{}, usage("--set "+text, "a part of the path is empty", fix)
		}
	}
	if parsed, err := decodeJSON([]byte(value)); err == nil {
		o.value = parsed
	}
	return o, nil
}

func splitPath(path string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path) && (path[i+1] == '.' || path[i+1] == '\\'):
			i++
			part.WriteByte(path[i])
		case path[i] == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(path[i])
		}
	}
	return append(parts, part.String())
}

// apply sets the value in event, and creates missing objects and arrays. A part of the path for an array is
// the index of an element, or the length of the array to append one.
func (o override) apply(event map[string]any) error {
	_, err := o.put(event, o.path)
	return err
}

// put returns holder with the value in it; for an array that may be another one.
func (o override) put(holder any, path []string) (any, error) {
	if len(path) == 0 {
		return o.value, nil
	}
	name, rest := path[0], path[1:]
	switch holder := holder.(type) {
	case map[string]any:
		below, present := holder[name]
		if !present {
			below = emptyFor(rest)
		}
		value, err := o.put(below, rest)
		if err != nil {
			return nil, err
		}
		holder[name] = value
		return holder, nil
	case []any:
		return o.putElement(holder, name, rest)
	default:
		return nil, usage("--set "+o.text, fmt.Sprintf("%s has no fields to set %q in", o.before(path), name),
			"set "+o.before(path)+" itself, to an object")
	}
}

func (o override) putElement(list []any, name string, rest []string) (any, error) {
	index, err := strconv.Atoi(name)
	if err != nil || index < 0 || index > len(list) {
		return nil, usage("--set "+o.text, fmt.Sprintf("%q is no index of an array of %d", name, len(list)),
			fmt.Sprintf("use 0 to %d; the last of these appends", len(list)))
	}
	if index == len(list) {
		list = append(list, emptyFor(rest))
	}
	if list[index], err = o.put(list[index], rest); err != nil {
		return nil, err
	}
	return list, nil
}

// emptyFor returns what path can be set in: an array if it begins with an index.
func emptyFor(path []string) any {
	if len(path) == 0 {
		return nil
	}
	if _, err := strconv.Atoi(path[0]); err == nil {
		return []any{}
	}
	return map[string]any{}
}

// before returns the path of the value that the rest path is relative to.
func (o override) before(path []string) string {
	return strings.Join(o.path[:len(o.path)-len(path)], ".")
}

// decodeJSON reads one JSON value, and keeps the form of numbers.
func decodeJSON(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more follows the JSON value")
	}
	return value, nil
}
