package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// consentCmd holds the commands that record consent and look it up.
type consentCmd struct {
	Grant    consentGrantCmd    `cmd:"" help:"Grant consent for voice-analytics tasks on a call."`
	Deny     consentDenyCmd     `cmd:"" help:"Deny consent for voice-analytics tasks on a call."`
	Withdraw consentWithdrawCmd `cmd:"" help:"Withdraw consent: running tasks are stopped."`
	Show     consentShowCmd     `cmd:"" help:"Show the consent and the voice-analytics tasks of one call."`
	List     consentListCmd     `cmd:"" help:"List calls that wait for consent or have some, newest first."`
}

// consentFlags are the flags of grant, deny and withdraw.
type consentFlags struct {
	Transaction string `placeholder:"ID" help:"The call's transactionId."`
	Call        string `placeholder:"ID" help:"The call's callId, if the transaction is not known."`
	Scope       string `required:"" enum:"${scopes}" placeholder:"speaker-search|voice-tone|both" help:"The tasks."`
	By          string `required:"" placeholder:"WHO" help:"Who decided, or recorded the decision: for the audit."`
	Bus         string `default:"default" placeholder:"NAME" help:"Name or ARN of the event bus (${default})."`
}

type consentGrantCmd struct {
	consentFlags
	Until timeFlag      `xor:"end" placeholder:"TIME" help:"When consent ends: 2026-03-09T14:00:00Z; default: never."`
	For   time.Duration `xor:"end" placeholder:"SPAN" help:"How long consent lasts, like 30m."`
}

type (
	consentDenyCmd     struct{ consentFlags }
	consentWithdrawCmd struct{ consentFlags }
)

// Run sends a grant.
func (c *consentGrantCmd) Run(a *app) error {
	now, until := a.now().UTC(), c.Until.Time
	if c.For != 0 {
		until = now.Add(c.For)
	}
	return c.send(a, voicetask.Granted, now, until)
}

// Run sends a denial.
func (c *consentDenyCmd) Run(a *app) error {
	return c.send(a, voicetask.Denied, a.now().UTC(), time.Time{})
}

// Run sends a withdrawal.
func (c *consentWithdrawCmd) Run(a *app) error {
	return c.send(a, voicetask.Withdrawn, a.now().UTC(), time.Time{})
}

// consentSent is the JSON form of the decision that was sent.
type consentSent struct {
	EventID string `json:"eventId"`
	voicetask.ConsentDetail
	Bus string `json:"bus"`
}

// send puts a decision on the bus, unless the function consent would refuse it.
func (c *consentFlags) send(a *app, decision voicetask.Kind, now, until time.Time) error {
	d := voicetask.ConsentDetail{
		TransactionID: c.Transaction, CallID: c.Call, Scope: voicetask.Scope(c.Scope), Decision: decision, By: c.By,
		At: now, Until: until,
	}
	detail, err := json.Marshal(d)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "consent", "has no JSON form", "")
	}
	if err := checkConsent(detail, now); err != nil {
		return err
	}
	client, err := a.eventBridge()
	if err != nil {
		return err
	}
	id, err := putEvent(a.ctx, client, types.PutEventsRequestEntry{
		Source: aws.String(voicetask.ConsentSource), DetailType: aws.String(voicetask.DetailType), Time: aws.Time(now),
		Detail: aws.String(string(detail)), EventBusName: aws.String(c.Bus),
	})
	if err != nil {
		return err
	}
	bus := c.Bus
	for _, field := range []*string{&id, &d.By, &d.TransactionID, &d.CallID, &bus} {
		*field = redact.Text(*field)
	}
	if a.asJSON() {
		return a.printJSON(consentSent{EventID: id, ConsentDetail: d, Bus: bus})
	}
	subject := "transaction " + d.TransactionID
	if d.TransactionID == "" {
		subject = "call " + d.CallID
	}
	_, err = fmt.Fprintf(a.stdout, "sent to bus %s as event %s: %s %s on %s\n", bus, id, d.Scope, d.Decision, subject)
	return err
}

// checkConsent returns an error if the function consent would refuse the detail.
func checkConsent(detail json.RawMessage, now time.Time) error {
	event, err := json.Marshal(map[string]any{
		"id": "1", "source": voicetask.ConsentSource, "detail-type": voicetask.DetailType,
		"time": now.Format(time.RFC3339Nano), "detail": detail,
	})
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "consent", "has no JSON form", "")
	}
	_, err = voicetask.ParseConsent(event, now)
	var field *chime.FieldError
	if errors.As(err, &field) {
		flag, known := map[string]string{
			"/detail/transactionId": "--transaction", "/detail/callId": "--call", "/detail/by": "--by",
			"/detail/until": "--until, --for",
		}[field.Pointer]
		if !known {
			flag = field.Pointer
		}
		return usage(flag, "got "+field.Got+", want "+field.Want, "see: chimewatch consent grant --help")
	}
	return err
}
