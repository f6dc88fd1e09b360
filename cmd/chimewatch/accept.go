package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Names of the functions, as the routing table has them. No rule leads to voice.
const (
	functionStatus   = "status"
	functionFailures = "failures"
	functionAlerts   = "alerts"
	functionConsent  = "consent"
	functionVoice    = "voice"
)

// accept returns the error with which a function refuses a message; nil where it
// accepts the message. It is the function's own handler that is asked, on a table
// that is empty and keeps nothing, so that no rule of it is written a second time.
func accept(ctx context.Context, function string, m lambdafn.Message, now func() time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = apperr.New(apperr.Internal, "function "+function, fmt.Sprintf("panics: %v", p), "report it with the event")
		}
	}()
	table := forgetful{dynamo.New(blank{}, "of "+function, dynamo.Options{Now: now}), now}
	owner := func(context.Context) string { return "chimewatch" }
	switch function {
	case functionStatus:
		return pipeline.Service{Recorder: table, Counts: idle{}}.Handle(ctx, m.Body)
	case functionFailures:
		return (&incident.Service{Repo: table, Counts: idle{}, Now: now}).Handle(ctx, m.Body)
	case functionAlerts:
		return (&rulematch.Service{
			Repo: table, Counts: idle{}, Now: now,
			Notifier: notify.Matches{Outbox: table, Topic: idle{}, Topics: func(string) notify.Publisher { return idle{} }, Owner: owner},
		}).Handle(ctx, m.Body)
	case functionConsent:
		return (&voicetask.Service{Ledger: table, Calls: idle{}, Counts: idle{}, Now: now}).Handle(ctx, m.Body)
	case functionVoice:
		return acceptNote(ctx, table, m)
	}
	return apperr.New(apperr.Internal, "function "+function, "is not known to this command", "report it")
}

// acceptNote does what the function voice does with a message, without its log.
// A record that it skips is accepted.
func acceptNote(ctx context.Context, table forgetful, m lambdafn.Message) error {
	n, err := chime.ParseVoice(m.Body, m.Source.Voice())
	if errors.Is(err, chime.ErrForeign) {
		return nil
	}
	if err != nil {
		return err
	}
	return table.RecordVoice(ctx, []chime.VoiceNotification{n})[0]
}

// forgetful is a store on a table that keeps nothing; what needs a table that
// remembers is done at once.
type forgetful struct {
	*dynamo.Store
	now func() time.Time
}

// Incident returns an incident that nobody has to be notified of.
func (f forgetful) Incident(_ context.Context, id string) (incident.Incident, error) {
	return incident.Incident{ID: id, ClosedAt: f.now().Add(time.Hour)}, nil
}

// idle counts, publishes and settles nothing.
type idle struct{}

func (idle) Count(string, int)                                  {}
func (idle) Publish(context.Context, notify.Message) error      { return nil }
func (idle) Reconcile(context.Context, voicetask.Trigger) error { return nil }
