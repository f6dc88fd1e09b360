package schemas

import (
	"errors"
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
	if order := strings.Compare(a.Pointer, b.Pointer); order != 0 {
		return order
	}
	return strings.Compare(a.Message, b.Message)
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
		causes = applicable(causes)
	case *why.Type:
		c.add(e.InstanceLocation, kindWords(reason.Want))
		return
	case *why.Enum:
		c.add(e.InstanceLocation, choice(reason.Want))
		return
	}
	if len(causes) == 0 {
		c.add(e.InstanceLocation, "")
	}
	for _, cause := range causes {
		c.collect(cause)
	}
}

// applicable leaves out the alternatives that are for another event type: an
// alternative says by an enumeration which values it is for.
func applicable(alternatives []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	return slices.DeleteFunc(slices.Clone(alternatives), func(e *jsonschema.ValidationError) bool {
		_, forOther := e.ErrorKind.(*why.Enum)
		return forOther
	})
}

// add notes that the field at location is not as expected: as want says, and as
// the field's description says.
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
