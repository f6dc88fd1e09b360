package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/schemas"
)

// eventChecker checks events against the schemas, the routing table and the functions.
type eventChecker struct {
	rules eventrule.Rules
	now   func() time.Time
}

// problem is one fault of an event. Phone numbers in it are masked.
type problem struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// findings are the result for one event. Only Differences may be nil.
type findings struct {
	Schema string `json:"schema,omitempty"`
	// Problems is empty if every function accepts the event that the rules send to it; for an event that
	// no function gets, if it follows its schema.
	Problems  []problem `json:"problems"`
	Rules     []string  `json:"rules"`
	Functions []string  `json:"functions"`
	// Differences are those between an event that the functions accept and its schema.
	Differences []problem `json:"differences,omitempty"`
}

func newFindings(problems ...problem) findings {
	return findings{Problems: orEmpty(problems), Rules: []string{}, Functions: []string{}}
}

// check checks one event. The result depends also on the service that delivered it.
func (c eventChecker) check(ctx context.Context, m lambdafn.Message) findings {
	f := newFindings()
	schema, problems, schemaErr := schemas.Validate(m.Body)
	f.Schema = schema
	matched, matchErr := c.rules.Match(m.Body)
	for _, rule := range matched {
		f.Rules = append(f.Rules, rule.Name)
		if !slices.Contains(f.Functions, rule.Function) {
			f.Functions = append(f.Functions, rule.Function)
		}
	}
	if len(matched) == 0 && isForVoice(m) {
		f.Functions = append(f.Functions, functionVoice)
	}
	var refusals []error
	for _, function := range f.Functions {
		if err := checkByFunction(ctx, function, m, c.now); err != nil {
			refusals = append(refusals, err)
		}
	}
	if len(f.Functions) == 0 {
		_, err := chime.Parse(m.Body)
		refusals = []error{err, matchErr}
	}
	differences := mapped(problems, func(p schemas.Problem) problem {
		return problem{redact.Text(p.Pointer), redact.Text(p.Message)}
	})
	if len(f.Functions) > 0 && len(refusals) == 0 {
		f.Differences = differences
		return f
	}
	f.Problems = differences
	if schemaErr != nil && (len(f.Functions) == 0 || apperr.ClassOf(schemaErr) != apperr.NotFound) {
		f.addError(schemaErr)
	}
	for _, err := range refusals {
		f.addError(err)
	}
	return f
}

// isForVoice reports whether a message that no rule matches is for the function voice: it gets every message
// of its sources, without a rule.
func isForVoice(m lambdafn.Message) bool {
	switch m.Source {
	case lambdafn.SQS, lambdafn.SNS, lambdafn.Kinesis:
		return true
	}
	ev, err := chime.ParseEnvelope(m.Body)
	return err == nil && (isVoiceNotification(ev.DetailType) || ev.ServiceType != "") // events of EventBridge have none
}

// addError adds an error, unless there is a problem at the same place: schema, parser and functions
// find the same faults.
func (f *findings) addError(err error) {
	if err == nil {
		return
	}
	p := problem{Message: err.Error()}
	var field *chime.FieldError
	var known *apperr.Error
	switch {
	case errors.As(err, &field):
		p = problem{field.Pointer, "got " + field.Got + ", want " + field.Want}
	case errors.As(err, &known) && strings.HasPrefix(known.Where, "/"):
		p = problem{known.Where, strings.TrimPrefix(err.Error(), known.Where+": ")}
	}
	p = problem{redact.Text(p.Pointer), redact.Text(p.Message)}
	if !slices.ContainsFunc(f.Problems, func(other problem) bool {
		return other.Pointer == p.Pointer && (p.Pointer != "" || len(f.Functions) == 0 || other.Message == p.Message)
	}) {
		f.Problems = append(f.Problems, p)
	}
}
