package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	why "github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// problemsOf returns what is wrong with event, sorted, each problem once.
func problemsOf(sch *jsonschema.Schema, event map[string]any) []Problem {
	err := sch.Validate(event)
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return nil
	}
	c := collector{schema: sch, event: event}
	c.collect(failed)
	slices.SortFunc(c.problems, byPointer)
	return slices.Compact(c.problems)
}

func byPointer(a, b Problem) int {
	return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Message, b.Message))
}

// collector turns the library's tree of errors into problems.
type collector struct {
	schema   *jsonschema.Schema
	event    map[string]any
	problems []Problem
}

func (c *collector) collect(e *jsonschema.ValidationError) {
	causes := e.Causes
	switch reason := e.ErrorKind.(type) {
	case *why.Required:
		for _, name := range reason.Missing {
			c.add(append(slices.Clone(e.InstanceLocation), name), "")
		}
		return
	case *why.AnyOf:
		// An alternative that fails by its enumeration is for another event type.
		causes = slices.DeleteFunc(slices.Clone(causes), func(e *jsonschema.ValidationError) bool {
			_, forOther := e.ErrorKind.(*why.Enum)
			return forOther
		})
	case *why.Type:
		var names []string
		for _, name := range reason.Want {
			names = append(names, typeNames[name])
		}
		c.add(e.InstanceLocation, strings.Join(names, " or "))
		return
	case *why.Enum:
		var values []string
		for _, value := range reason.Want {
			values = append(values, fmt.Sprint(value))
		}
		c.add(e.InstanceLocation, quotedList(values, "or"))
		return
	}
	if len(causes) == 0 {
		c.add(e.InstanceLocation, "")
	}
	for _, cause := range causes {
		c.collect(cause)
	}
}

// typeNames are the JSON types of a schema in words for people.
var typeNames = map[string]string{
	"string": "text", "boolean": "true or false", "number": "a number",
	"integer": "an integer", "array": "an array", "object": "an object",
}

// add adds a problem of the field at location, which is expected to be as want and the
// field's description say.
func (c *collector) add(location []string, want string) {
	message := state(valueAt(c.event, location))
	if text := gist(describedAt(c.schema, location)); want == "" {
		want = text
	} else if text != "" {
		want += ": " + text
	}
	c.problems = append(c.problems, Problem{Pointer: pointer(location), Message: message + ", expected " + want})
}

// pointer writes a location as a JSON pointer.
func pointer(location []string) string {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, token := range location {
		b.WriteString("/" + escape.Replace(token))
	}
	return b.String()
}
