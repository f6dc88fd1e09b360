package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

const (
	wholeEvent   = "event"
	typePointer  = "/detail-type"
	typeProperty = "detail-type"
)

// Problem is one fault of an event.
type Problem struct {
	// Pointer is the JSON pointer (RFC 6901) of the faulty field, of the absent
	// one where a field is missing.
	Pointer string
	// Message describes what was found there and what was expected.
	Message string
}

// Validate compares an event with the schema of its detail type. It returns the schema's
// name and the problems, sorted by pointer, each once; none when the event follows its
// schema. An event without a usable detail-type has no schema: then the name is empty,
// and the problems are those of the envelope.
//
// The error has class Invalid when raw is not a JSON object, and NotFound when
// there is no schema for the event's detail type, which is no fault of the
// event. The first call compiles the schemas; calls may run at the same time.
func Validate(raw []byte) (schema string, problems []Problem, err error) {
	event, err := decodeObject(raw)
	if err != nil {
		return "", nil, err
	}
	compiled, err := compile()
	if err != nil {
		return "", nil, err
	}
	detailType, ok := event[typeProperty].(string)
	if !ok || detailType == "" {
		return "", envelopeProblems(compiled[stateChange], event), nil
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.detailType == detailType })
	if i < 0 {
		return "", nil, apperr.New(apperr.NotFound, typePointer, "there is no schema for "+found(detailType),
			"the detail types with a schema are "+quotedList(detailTypes(), "and"))
	}
	schema = kinds[i].schema
	return schema, problemsOf(compiled[schema], event), nil
}

// envelopeProblems returns the problems of an event whose kind is not known, by any
// schema, as all have the same envelope.
func envelopeProblems(sch *jsonschema.Schema, event map[string]any) []Problem {
	value, present := event[typeProperty]
	expected := quotedList(detailTypes(), "or")
	unknown := Problem{Pointer: typePointer, Message: state(value, present) + ", expected " + expected}
	problems := slices.DeleteFunc(problemsOf(sch, event), func(p Problem) bool {
		return p.Pointer == typePointer || strings.HasPrefix(p.Pointer, "/detail/")
	})
	problems = append(problems, unknown)
	slices.SortFunc(problems, byPointer)
	return problems
}

// decodeObject reads raw as one JSON object, numbers as they are written.
func decodeObject(raw []byte) (map[string]any, error) {
	const fix = "an event is one JSON object"
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, apperr.New(apperr.Invalid, wholeEvent, "is empty", fix)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, wholeEvent, "is not JSON"+place(raw, err), "correct the JSON there")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, wholeEvent, "cannot be read", fix)
	}
	event, ok := value.(map[string]any)
	if !ok {
		return nil, apperr.New(apperr.Invalid, wholeEvent, "found "+found(value)+", expected an object", fix)
	}
	return event, nil
}

// place returns where in raw a syntax error is, counting from 1: " at line 2,
// column 5 (byte 31)". The column counts characters, not bytes.
func place(raw []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	offset := max(1, min(int(syntax.Offset), len(raw)))
	before := raw[:offset-1] // Offset counts the faulty byte itself
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf(" at line %d, column %d (byte %d)", line, column, offset)
}

// compile returns all schemas by name, which it compiles once.
var compile = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	compiler.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: checkTime})
	compiler.UseLoader(loader{})
	compiled := make(map[string]*jsonschema.Schema, len(kinds))
	for _, k := range kinds {
		sch, err := compiler.Compile("embed:///" + k.schema + ".schema.json")
		if err != nil {
			return nil, apperr.Wrap(err, apperr.Internal, "schema "+k.schema, "cannot be compiled", "")
		}
		compiled[k.schema] = sch
	}
	return compiled, nil
})

// loader loads the embedded schemas.
type loader struct{}

func (loader) Load(url string) (any, error) {
	file, err := files.Open(path.Base(url))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return jsonschema.UnmarshalJSON(file)
}

// checkTime accepts the times that EventBridge writes; the functions accept more
// forms. The library's own check also lets years before 1970 pass, which they refuse.
func checkTime(value any) error {
	text, ok := value.(string)
	if !ok {
		return nil // another keyword asks for the type
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return err
	}
	if year := t.UTC().Year(); year < 1970 || year > 9999 {
		return fmt.Errorf("the year %d is not in 1970 to 9999", year)
	}
	return nil
}
