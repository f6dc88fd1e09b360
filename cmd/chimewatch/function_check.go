package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

// Names of the functions, as in the routing table. No rule leads to voice.
const (
	functionStatus   = "status"
	functionFailures = "failures"
	functionAlerts   = "alerts"
	functionConsent  = "consent"
	functionVoice    = "voice"
)

// checkByFunction returns the error with which a function refuses a message, nil if it accepts it. It
// calls the handler of the function, with an empty table that stores nothing, so that no rule has to
// be written twice.
func checkByFunction(ctx context.Context, function string, m lambdafn.Message, now func() time.Time) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = apperr.New(apperr.Internal, "function "+function, fmt.Sprintf("panics: %v", p), "report it with the event")
		}
	}()
	ctx = context.WithoutCancel(ctx) // an interrupt is no fault of the message, and nothing here waits
	table := emptyStore{dynamo.New(emptyTable, "of "+function, dynamo.Options{Now: now}), now}
	switch function {
	case functionStatus:
		return pipeline.Service{Recorder: table, Counts: discard{}}.Handle(ctx, m.Body)
	case functionFailures:
		return (&incident.Service{Repo: table, Counts: discard{}, Now: now}).Handle(ctx, m.Body)
	case functionAlerts:
		notifier := notify.Matches{
			Outbox: table, Topic: discard{}, Topics: func(string) notify.Publisher { return discard{} },
			Owner: func(context.Context) string { return "chimewatch" },
		}
		return (&rulematch.Service{Repo: table, Counts: discard{}, Notifier: notifier, Now: now}).Handle(ctx, m.Body)
	case functionConsent:
		return (&voicetask.Service{Ledger: table, Calls: discard{}, Counts: discard{}, Now: now}).Handle(ctx, m.Body)
	case functionVoice:
		n, err := chime.ParseVoice(m.Body, m.Source.Voice())
		if errors.Is(err, chime.ErrForeign) { // which it skips
			return nil
		}
		if err != nil {
			return err
		}
		return table.RecordVoice(ctx, []chime.VoiceNotification{n})[0]
	}
	return apperr.New(apperr.Internal, "function "+function, "is not known to this command", "report it")
}

// emptyTable is a client of a table that is empty, accepts all writes and stores nothing: every answer
// is an empty object. What DynamoDB would refuse, the store refuses before.
var emptyTable = dynamodb.New(dynamodb.Options{
	Region: "us-east-1", Credentials: aws.AnonymousCredentials{},
	HTTPClient: httpClientFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	}),
})

type httpClientFunc func(*http.Request) (*http.Response, error)

func (f httpClientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

// emptyStore is a store on an empty table that skips what needs a table that stores its items.
type emptyStore struct {
	*dynamo.Store
	now func() time.Time
}

// Incident returns an incident that needs no notification.
func (s emptyStore) Incident(_ context.Context, id string) (incident.Incident, error) {
	return incident.Incident{ID: id, ClosedAt: s.now().Add(time.Hour)}, nil
}

// discard counts nothing, publishes nothing and starts no voice task.
type discard struct{}

func (discard) Count(string, int)                                  {}
func (discard) Publish(context.Context, notify.Message) error      { return nil }
func (discard) Reconcile(context.Context, voicetask.Trigger) error { return nil }
