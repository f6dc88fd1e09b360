package voicetask

import (
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// The source and detail type of consent events.
const (
	ConsentSource = "chimewatch.consent"
	DetailType    = "Voice Analytics Consent"
)

const (
	// maxText is the maximum length of an id or a name, in characters, as in the schema.
	maxText = 256
	// maxAhead is how far the sender's clock may be ahead. A denial from further in the
	// future would be later than every grant until then.
	maxAhead = 5 * time.Minute
)

// ConsentDetail is the detail of a consent event, as its sender writes it.
type ConsentDetail struct {
	TransactionID string    `json:"transactionId,omitempty"`
	CallID        string    `json:"callId,omitempty"`
	Scope         Scope     `json:"scope"`
	Decision      Kind      `json:"decision"`
	By            string    `json:"by"`
	Until         time.Time `json:"until,omitzero"`
	At            time.Time `json:"at,omitzero"`
}

// consentEvent is a consent event as it is read. A member of another type or form is an
// error, and so is a key that stands twice: which one is meant would be a guess.
type consentEvent struct {
	ID         string         `json:"id"`
	Source     string         `json:"source"`
	DetailType string         `json:"detail-type"`
	Time       jsontext.Value `json:"time"`
	Detail     *struct {
		TransactionID text `json:"transactionId"`
		CallID        text `json:"callId"`
		Scope         text `json:"scope"`
		Decision      text `json:"decision"`
		By            text `json:"by"`
		Until         text `json:"until"`
		At            text `json:"at"`
	} `json:"detail"`
}

// ParseConsent returns the ledger entry of a consent event. It is strict: whatever could
// be understood in two ways is an error of class Invalid, with a *chime.FieldError that
// names the field where one is at fault.
//
// The event must have a transactionId or a callId of a real call, not of a rehearsal, a
// known scope and decision, and a by. An until is for grants only, and must be later than
// the decision. The decision may be at most five minutes in the future; a grant from the
// future is as of now, so that it is not later than a denial that is sent meanwhile.
func ParseConsent(raw []byte, now time.Time) (Entry, error) {
	var event consentEvent
	if err := json.Unmarshal(raw, &event); err != nil {
		return Entry{}, unreadable(err)
	}
	if event.Detail == nil {
		return Entry{}, invalid("/detail", "nothing", "an object")
	}
	d := event.Detail
	written := []byte(event.Time) // a text or a number
	if event.Time.Kind() == '"' {
		written = jsonread.Text(event.Time)
	}
	at, timeOK := chime.ParseTime(string(written))
	exact, atOK := d.At.time()
	until, untilOK := d.Until.time()
	e := Entry{
		Kind: Kind(d.Decision), At: at, Event: chime.ShortID(event.ID, chime.MaxIDLength), By: string(d.By),
		TransactionID: string(d.TransactionID), CallID: string(d.CallID), Scope: Scope(d.Scope), Until: until,
	}
	timeField := "/time"
	if !exact.IsZero() {
		e.At, timeField = exact, "/detail/at"
	}
	const realCall = "the id of a real call: no task runs on a rehearsal"
	const anRFC3339Time = "an RFC 3339 time such as 2026-01-31T12:00:00Z"
	for _, rule := range []struct {
		ok                 bool
		pointer, got, want string
	}{
		{event.ID != "" && !chime.IsRehearsal(event.ID), "/id", quote(event.ID), "the event's id, a UUID in text"},
		{event.Source == ConsentSource, "/source", quote(event.Source), strconv.Quote(ConsentSource)},
		{event.DetailType == DetailType, "/detail-type", quote(event.DetailType), strconv.Quote(DetailType)},
		{timeOK, "/time", jsonread.Describe(event.Time), "a time such as 2026-01-31T12:00:00Z"},
		{!chime.IsRehearsal(e.TransactionID), "/detail/transactionId", quote(e.TransactionID), realCall},
		{!chime.IsRehearsal(e.CallID), "/detail/callId", quote(e.CallID), realCall},
		{e.TransactionID+e.CallID != "", "/detail/transactionId", "nothing, and no callId",
			"the call: transactionId or callId"},
		{e.By != "", "/detail/by", "nothing", "who decided, or recorded the decision"},
		{e.Scope.known(), "/detail/scope", quote(e.Scope),
			fmt.Sprintf("%q, %q or %q", ScopeSpeakerSearch, ScopeVoiceTone, ScopeBoth)},
		{e.Kind.isConsent(), "/detail/decision", quote(e.Kind),
			fmt.Sprintf("%q, %q or %q", Granted, Denied, Withdrawn)},
		{atOK, "/detail/at", quote(d.At), anRFC3339Time},
		{untilOK, "/detail/until", quote(d.Until), anRFC3339Time},
		{until.IsZero() || e.Kind == Granted, "/detail/until", quote(d.Until),
			fmt.Sprintf("none, as the decision is %q", e.Kind)},
		{until.IsZero() || until.After(e.At), "/detail/until", quote(d.Until),
			"a time later than the decision, " + e.At.Format(time.RFC3339)},
		{!e.At.After(now.Add(maxAhead)), timeField, quote(e.At.Format(time.RFC3339Nano)),
			"a time that is not in the future"},
	} {
		if !rule.ok {
			return Entry{}, invalid(rule.pointer, rule.got, rule.want)
		}
	}
	if e.Kind == Granted && e.At.After(now) {
		e.At = now.UTC()
	}
	return e, nil
}

// text is a member of the detail that may be absent, but is neither null nor empty.
type text string

// UnmarshalJSON returns a *chime.FieldError without a pointer, which unreadable adds.
func (t *text) UnmarshalJSON(value []byte) error {
	if jsontext.Value(value).Kind() != '"' {
		return &chime.FieldError{Got: jsonread.Describe(value), Want: "a text"}
	}
	*t = text(jsonread.Text(value))
	if n := utf8.RuneCountInString(string(*t)); n == 0 || n > maxText {
		return &chime.FieldError{Got: fmt.Sprintf("a text of %d characters", n), Want: fmt.Sprintf("1 to %d", maxText)}
	}
	return nil
}

// time reads a text that is a time, zero where it is absent.
func (t text) time() (time.Time, bool) {
	if t == "" {
		return time.Time{}, true
	}
	at, err := time.Parse(time.RFC3339Nano, string(t))
	at = at.UTC()
	return at, err == nil && at.Year() >= 1970 && at.Year() <= 9999
}

// unreadable returns the error for an event that json.Unmarshal refuses.
func unreadable(err error) error {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		field := &chime.FieldError{Got: "a value of another type", Want: "a text"}
		if semantic.JSONPointer == "/detail" {
			field.Want = "an object"
		}
		errors.As(err, &field)
		return invalid(string(semantic.JSONPointer), field.Got, field.Want)
	case errors.As(err, &syntax) && syntax.JSONPointer != "":
		return apperr.Wrap(err, apperr.Invalid, string(syntax.JSONPointer), "cannot be read",
			"write each key once, in valid UTF-8")
	}
	return apperr.Wrap(err, apperr.Invalid, "event", "cannot be read", "send one JSON object with each key once")
}

func invalid(pointer, got, want string) error {
	field := &chime.FieldError{Pointer: pointer, Got: got, Want: want}
	return &apperr.Error{Class: apperr.Invalid, Where: "consent event", What: "cannot be used", Err: field}
}

// quote describes a text for an error.
func quote[T ~string](text T) string {
	if text == "" {
		return "nothing"
	}
	return jsonread.Describe(strconv.AppendQuote(nil, string(text)))
}
