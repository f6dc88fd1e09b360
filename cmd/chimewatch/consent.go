package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// consentCmd tells of consent to voice-analytics tasks, and looks it up.
type consentCmd struct {
	Grant    grantCmd       `cmd:"" help:"Tell that somebody consents to voice-analytics tasks on a call."`
	Deny     denyCmd        `cmd:"" help:"Tell that somebody refuses voice-analytics tasks on a call."`
	Withdraw withdrawCmd    `cmd:"" help:"Tell that somebody takes consent back: running tasks are stopped."`
	Show     showConsentCmd `cmd:"" help:"Show what was said and done about one call."`
	List     listConsentCmd `cmd:"" help:"List calls that are held, or that somebody has spoken of, newest first."`
}

// word is what grant, deny and withdraw share.
type word struct {
	Transaction string `placeholder:"ID" help:"The call's transactionId."`
	Call        string `placeholder:"ID" help:"The call's callId, where the transaction is not known."`
	Scope       string `required:"" enum:"speaker-search,voice-tone,both" placeholder:"speaker-search|voice-tone|both" help:"The tasks that this is about."`
	By          string `required:"" placeholder:"WHO" help:"Who decided, or took it down: for the audit."`
	Bus         string `default:"default" placeholder:"NAME" help:"Name or ARN of the event bus (${default})."`
}

type grantCmd struct {
	word
	Until string        `xor:"end" placeholder:"TIME" help:"When consent ends: 2026-03-09T14:00:00Z; without it there is no end."`
	For   time.Duration `xor:"end" placeholder:"SPAN" help:"How long consent lasts, like 30m."`
}

type (
	denyCmd     struct{ word }
	withdrawCmd struct{ word }
)

// Run tells of consent.
func (c *grantCmd) Run(a *app) error {
	d := c.detail(voicetask.Granted, a.now())
	if c.Until != "" {
		until, err := parseTime("--until", c.Until)
		if err != nil {
			return err
		}
		d.Until = until
	}
	if c.For != 0 {
		d.Until = d.At.Add(c.For)
	}
	return c.send(a, d)
}

// Run tells of a refusal.
func (c *denyCmd) Run(a *app) error { return c.send(a, c.detail(voicetask.Denied, a.now())) }

// Run reports that consent is taken back.
func (c *withdrawCmd) Run(a *app) error { return c.send(a, c.detail(voicetask.Withdrawn, a.now())) }

func (w *word) detail(decision voicetask.Kind, now time.Time) voicetask.ConsentDetail {
	return voicetask.ConsentDetail{TransactionID: w.Transaction, CallID: w.Call, Scope: voicetask.Scope(w.Scope), Decision: decision, By: w.By, At: now.UTC()}
}

// told is the JSON form of what was told.
type told struct {
	EventID string `json:"eventId"`
	voicetask.ConsentDetail
	Bus string `json:"bus"`
}

// send puts the event on the bus. What the function would refuse is refused here
// already.
func (w *word) send(a *app, d voicetask.ConsentDetail) error {
	text, err := json.Marshal(d)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "consent", "has no JSON form", "")
	}
	if err := acceptable(text, d.At); err != nil {
		return err
	}
	cfg, err := a.awsConfig()
	if err != nil {
		return err
	}
	answer, err := eventbridge.NewFromConfig(cfg).PutEvents(a.ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(voicetask.ConsentSource), DetailType: aws.String(voicetask.DetailType), Time: aws.Time(d.At),
		Detail: aws.String(string(text)), EventBusName: aws.String(w.Bus),
	}}})
	if err != nil {
		return err
	}
	id, err := taken(answer, w.Bus)
	if err != nil {
		return err
	}
	for _, field := range []*string{&id, &d.By, &d.TransactionID, &d.CallID} {
		*field = redact.Text(*field)
	}
	if a.asJSON() {
		return a.printJSON(told{EventID: id, ConsentDetail: d, Bus: redact.Text(w.Bus)})
	}
	what := "transaction " + d.TransactionID
	if d.TransactionID == "" {
		what = "call " + d.CallID
	}
	_, err = fmt.Fprintf(a.stdout, "told bus %s as event %s: %s %s on %s\n", redact.Text(w.Bus), id, d.Scope, d.Decision,
		what)
	return err
}

// acceptable holds the detail against what the function takes.
func acceptable(detail json.RawMessage, now time.Time) error {
	event, err := json.Marshal(map[string]any{
		"id": "1", "source": voicetask.ConsentSource, "detail-type": voicetask.DetailType, "time": now.Format(time.RFC3339Nano), "detail": detail,
	})
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "consent", "has no JSON form", "")
	}
	_, err = voicetask.ParseConsent(event, now)
	var field *chime.FieldError
	if errors.As(err, &field) {
		flag, named := flagOf[field.Pointer]
		if !named {
			flag = field.Pointer
		}
		return usage(flag, "got "+field.Got+", want "+field.Want, "see: chimewatch consent grant --help")
	}
	return err
}

// flagOf returns the flag for a field of the event.
var flagOf = map[string]string{
	"/detail/transactionId": "--transaction", "/detail/callId": "--call", "/detail/by": "--by", "/detail/until": "--until, --for",
}
