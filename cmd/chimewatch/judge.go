package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/rules"
	"github.com/chimewatch/chimewatch/schemas"
)

// judge says what the schemas, the parser and the routing table make of events.
type judge struct{ matcher *rules.Matcher }

// problem is one fault of an event. Phone numbers in it are masked.
type problem struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// verdict is what is found about one event. The lists are never nil.
type verdict struct {
	Schema    string    `json:"schema,omitempty"`
	Problems  []problem `json:"problems"`
	Rules     []string  `json:"rules"`
	Functions []string  `json:"functions"`
}

func newJudge(o rules.Options) (judge, error) {
	matcher, err := rules.Compile(rules.Table(o))
	return judge{matcher}, err
}

// verdict judges the bytes of one event.
func (j judge) verdict(raw []byte) verdict {
	v := verdict{Problems: []problem{}, Rules: []string{}, Functions: []string{}}
	schema, problems, err := schemas.Validate(raw)
	v.Schema = schema
	v.addError(err)
	for _, p := range problems {
		v.Problems = append(v.Problems, problem{redact.Text(p.Pointer), redact.Text(p.Message)})
	}
	ev, err := chime.Parse(raw)
	v.addError(err)
	matched, err := j.matcher.Match(raw)
	v.addError(err)
	for _, rule := range matched {
		v.Rules = append(v.Rules, rule.Name)
		if !slices.Contains(v.Functions, rule.Function) {
			v.Functions = append(v.Functions, rule.Function)
		}
	}
	if ev != nil && ev.Voice != nil {
		v.Functions = append(v.Functions, "voice") // its sources hand it all they get, without a rule
	}
	return v
}

// addError adds what err says, unless there is a problem at the same place
// already: schema, parser and matcher stumble over the same things.
func (v *verdict) addError(err error) {
	if err == nil {
		return
	}
	p := problem{Message: err.Error()}
	var field *chime.FieldError
	var known *fault.Error
	switch {
	case errors.As(err, &field):
		p = problem{field.Pointer, "got " + field.Got + ", want " + field.Want}
	case errors.As(err, &known) && strings.HasPrefix(known.Where, "/"):
		p = problem{known.Where, strings.TrimPrefix(err.Error(), known.Where+": ")}
	}
	p = problem{redact.Text(p.Pointer), redact.Text(p.Message)}
	if !slices.ContainsFunc(v.Problems, func(other problem) bool { return other.Pointer == p.Pointer }) {
		v.Problems = append(v.Problems, p)
	}
}
