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

// judge says what the schemas, the routing table and the functions make of events.
type judge struct {
	rules eventrule.Rules
	now   func() time.Time
}

// problem is one fault of an event. Phone numbers in it are masked.
type problem struct {
	Pointer string `json:"pointer"`
	Message string `json:"message"`
}

// verdict is what is found about one event. The first three lists are never nil.
type verdict struct {
	Schema string `json:"schema,omitempty"`
	// Problems are empty where every function accepts the event that the rules send
	// it to, and, of an event that none gets, where it follows its schema.
	Problems  []problem `json:"problems"`
	Rules     []string  `json:"rules"`
	Functions []string  `json:"functions"`
	// Differences are where an event that the functions accept does not follow its
	// schema.
	Differences []problem `json:"differences,omitempty"`
}

// verdict judges one event, by the way that it came as well.
func (j judge) verdict(ctx context.Context, m lambdafn.Message) verdict {
	v := newVerdict()
	schema, problems, schemaErr := schemas.Validate(m.Body)
	v.Schema = schema
	matched, matchErr := j.rules.Match(m.Body)
	for _, rule := range matched {
		v.Rules = append(v.Rules, rule.Name)
		if !slices.Contains(v.Functions, rule.Function) {
			v.Functions = append(v.Functions, rule.Function)
		}
	}
	if len(matched) == 0 && isForVoice(m) {
		v.Functions = append(v.Functions, functionVoice)
	}
	var refusals []error
	for _, function := range v.Functions {
		if err := accept(ctx, function, m, j.now); err != nil {
			refusals = append(refusals, err)
		}
	}
	if len(v.Functions) == 0 {
		_, err := chime.Parse(m.Body)
		refusals = []error{err, matchErr}
	}
	var unlike []problem
	for _, p := range problems {
		unlike = append(unlike, problem{redact.Text(p.Pointer), redact.Text(p.Message)})
	}
	if len(v.Functions) > 0 && len(refusals) == 0 {
		v.Differences = unlike
		return v
	}
	v.Problems = append(v.Problems, unlike...)
	if schemaErr != nil && (len(v.Functions) == 0 || apperr.ClassOf(schemaErr) != apperr.NotFound) {
		v.addError(schemaErr)
	}
	for _, err := range refusals {
		v.addError(err)
	}
	return v
}

// isForVoice reports whether a message that no rule matches is for the function voice:
// its sources hand that all they get, without a rule.
func isForVoice(m lambdafn.Message) bool {
	switch m.Source {
	case lambdafn.SQS, lambdafn.SNS, lambdafn.Kinesis:
		return true
	}
	ev, err := chime.ParseEnvelope(m.Body)
	return err == nil && (isVoiceNotification(ev.DetailType) || ev.ServiceType != "") // EventBridge's events have no service type
}

// addError adds what err says, unless there is a problem at the same place already:
// schema, parser and functions stumble over the same things.
func (v *verdict) addError(err error) {
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
	if !slices.ContainsFunc(v.Problems, func(other problem) bool {
		return other.Pointer == p.Pointer && (p.Pointer != "" || len(v.Functions) == 0 || other.Message == p.Message)
	}) {
		v.Problems = append(v.Problems, p)
	}
}
