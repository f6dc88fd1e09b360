package stacks_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// template is a CloudFormation template.
type template struct {
	Resources  map[string]*resource
	Outputs    map[string]struct{ Value, Description any }
	Rules      map[string]any
	Parameters map[string]any
}

// resource is one of its resources.
type resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
	Metadata                            map[string]any
}

func read(t *testing.T, text []byte) template {
	t.Helper()
	var c template
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// clone returns a template that a test may change.
func (c template) clone(t *testing.T) template {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, text)
}

// path is where a resource is in the construct tree, below the stack: Status, or
// Status/ServiceRole.
func (r *resource) path() string {
	path, _ := r.Metadata["aws:cdk:path"].(string)
	_, path, _ = strings.Cut(path, "/")
	return strings.TrimSuffix(path, "/Resource")
}

// of returns the resources of a type, by their paths.
func (c template) of(kind string) map[string]*resource {
	found := map[string]*resource{}
	for _, r := range c.Resources {
		if r.Type == kind {
			found[r.path()] = r
		}
	}
	return found
}

// get returns the resource of a type and path, nil where there is none.
func (c template) get(kind, path string) *resource { return c.of(kind)[path] }

// paths returns the paths of the resources of a type, sorted.
func (c template) paths(kind string) []string { return slices.Sorted(maps.Keys(c.of(kind))) }

// target returns the path of the resource that a value refers to by Ref or
// Fn::GetAtt; the value itself where it is a text; else nothing.
func (c template) target(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	id, _ := at(value, "Ref").(string)
	if id == "" {
		id, _ = at(value, "Fn::GetAtt", 0).(string)
	}
	if r := c.Resources[id]; r != nil {
		return r.path()
	}
	return ""
}

// targets is target for a value that stands for one or a list.
func (c template) targets(value any) []string {
	var all []string
	for _, one := range listed(value) {
		all = append(all, c.target(one))
	}
	slices.Sort(all)
	return all
}

// prop follows names and indexes into the properties.
func (r *resource) prop(path ...any) any {
	if r == nil {
		return nil
	}
	return at(r.Properties, path...)
}

// at follows names and indexes into a value; nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// listed is a value that stands for a list of one as that list.
func listed(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// asText is a value as one line of JSON, for a look at what is in it.
func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// words returns a value that CloudFormation joins, with the paths of what it refers
// to in brackets.
func (c template) words(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	if parts, ok := at(value, "Fn::Join", 1).([]any); ok {
		var all strings.Builder
		for _, part := range parts {
			all.WriteString(c.words(part))
		}
		return all.String()
	}
	if id := c.target(value); id != "" {
		return "[" + id + "]"
	}
	if ref, ok := at(value, "Ref").(string); ok {
		return "[" + ref + "]"
	}
	return asText(value)
}

// plain is a value as JSON makes it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}
