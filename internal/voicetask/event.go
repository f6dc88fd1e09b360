package voicetask

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// How events of consent are marked on the bus.
const (
	ConsentSource = "chimewatch.consent"
	DetailType    = "Voice Analytics Consent"
)

const (
	// maxText is the longest id or name that an event may bear, in characters, as
	// the schema counts them.
	maxText = 256
	// maxAhead is how far the sender's clock may be ahead. A no from further in the
	// future would outlast every yes until then.
	maxAhead = 5 * time.Minute
)

// ConsentDetail is what an event of consent says, as its sender writes it.
type ConsentDetail struct {
	TransactionID string    `json:"transactionId,omitempty"`
	CallID        string    `json:"callId,omitempty"`
	Scope         Scope     `json:"scope"`
	Decision      Kind      `json:"decision"`
	By            string    `json:"by"`
	Until         time.Time `json:"until,omitzero"`
	At            time.Time `json:"at,omitzero"`
}

// ParseConsent makes the entry that an event of consent is. It is strict: what it cannot
// take as it is meant is an error of class Invalid with a *chime.FieldError that
// names the field. It must have a transactionId or a callId, of a real call and
// not of a rehearsal, a known scope and decision, and a by. An until goes with a yes only, and is later than the
// decision; the decision is not later than now, but for five minutes. A yes from
// a clock that is ahead is as of now: else it would outlast a no that is said
// meanwhile.
func ParseConsent(raw []byte, now time.Time) (Entry, error) {
	ev, err := chime.Parse(raw)
	if err != nil {
		return Entry{}, err
	}
	if ev.Source != ConsentSource {
		return Entry{}, invalid("/source", strconv.Quote(ev.Source), strconv.Quote(ConsentSource))
	}
	if ev.DetailType != DetailType {
		return Entry{}, invalid("/detail-type", strconv.Quote(ev.DetailType), strconv.Quote(DetailType))
	}
	detail, err := detailOf(raw)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Event: ev.ID, At: ev.Time}
	if err := detail.read(&e); err != nil {
		return Entry{}, err
	}
	e.At = e.At.UTC()
	if e.At.After(now.Add(maxAhead)) {
		return Entry{}, invalid(detail.momentField(), strconv.Quote(e.At.Format(time.RFC3339Nano)), "a time that is not in the future")
	}
	if e.Kind == Granted && e.At.After(now) {
		e.At = now.UTC()
	}
	return e, nil
}

// members are the members of the detail.
type members map[string]jsontext.Value

// detailOf reads the detail. Unlike in events of the service, a key that stands
// twice is an error: which one is meant would be a guess.
func detailOf(raw []byte) (members, error) {
	var event struct {
		Detail jsontext.Value `json:"detail"`
	}
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, syntaxError(err)
	}
	if event.Detail.Kind() != '{' {
		return nil, invalid("/detail", found(event.Detail), "an object")
	}
	var m members
	if err := json.Unmarshal(event.Detail, &m); err != nil {
		return nil, syntaxError(err)
	}
	return m, nil
}

func syntaxError(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && syntax.JSONPointer != "" {
		pointer := "/detail" + strings.TrimPrefix(string(syntax.JSONPointer), "/detail")
		return apperr.Wrap(err, apperr.Invalid, pointer, "cannot be read", "give each key once, in valid UTF-8")
	}
	return apperr.Wrap(err, apperr.Invalid, "event", "cannot be read", "send one JSON object with each key once")
}

func (m members) read(e *Entry) error {
	for _, field := range []struct {
		name   string
		target *string
	}{{"transactionId", &e.TransactionID}, {"callId", &e.CallID}, {"by", &e.By}} {
		if err := m.text(field.name, field.target); err != nil {
			return err
		}
		if field.target != &e.By && chime.IsRehearsal(*field.target) {
			return invalid("/detail/"+field.name, found(m[field.name]), "the id of a real call: no task runs on a rehearsal")
		}
	}
	if e.TransactionID == "" && e.CallID == "" {
		return invalid("/detail/transactionId", "nothing, and no callId", "the call: transactionId or callId")
	}
	if e.By == "" {
		return invalid("/detail/by", "nothing", "who decided, or took it down")
	}
	var scope, decision string
	if err := errors.Join(m.text("scope", &scope), m.text("decision", &decision)); err != nil {
		return err
	}
	e.Scope, e.Kind = Scope(scope), Kind(decision)
	if e.Scope != ScopeSpeakerSearch && e.Scope != ScopeVoiceTone && e.Scope != ScopeBoth {
		return invalid("/detail/scope", found(m["scope"]), fmt.Sprintf("%q, %q or %q", ScopeSpeakerSearch, ScopeVoiceTone, ScopeBoth))
	}
	if !e.isConsent() {
		return invalid("/detail/decision", found(m["decision"]), fmt.Sprintf("%q, %q or %q", Granted, Denied, Withdrawn))
	}
	if err := errors.Join(m.time("at", &e.At), m.time("until", &e.Until)); err != nil {
		return err
	}
	switch {
	case e.Until.IsZero():
		return nil
	case e.Kind != Granted:
		return invalid("/detail/until", found(m["until"]), fmt.Sprintf("none, as the decision is %q", e.Kind))
	case !e.Until.After(e.At):
		return invalid("/detail/until", found(m["until"]), "a time later than the decision, "+e.At.UTC().Format(time.RFC3339))
	}
	return nil
}

// text reads a member that may be absent.
func (m members) text(name string, target *string) error {
	value, there := m[name]
	if !there {
		return nil
	}
	if value.Kind() != '"' {
		return invalid("/detail/"+name, found(value), "a text")
	}
	if err := json.Unmarshal(value, target); err != nil {
		return syntaxError(err)
	}
	if n := utf8.RuneCountInString(*target); n == 0 || n > maxText {
		return invalid("/detail/"+name, fmt.Sprintf("a text of %d characters", n), fmt.Sprintf("1 to %d", maxText))
	}
	return nil
}

// time reads a member that may be absent.
func (m members) time(name string, target *time.Time) error {
	var text string
	if err := m.text(name, &text); err != nil || text == "" {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 9999 {
		return invalid("/detail/"+name, strconv.Quote(text), "an RFC 3339 time such as 2026-01-31T12:00:00Z")
	}
	*target = t.UTC()
	return nil
}

// momentField names the field that gave the moment of the decision.
func (m members) momentField() string {
	if _, there := m["at"]; there {
		return "/detail/at"
	}
	return "/time"
}

func invalid(pointer, got, want string) error {
	field := &chime.FieldError{Pointer: pointer, Got: got, Want: want}
	return &apperr.Error{Class: apperr.Invalid, Where: "event of consent", What: "cannot be taken", Err: field}
}

// found describes a value, shortened to what a log line bears.
func found(value jsontext.Value) string {
	switch {
	case len(value) == 0:
		return "nothing"
	case len(value) > 60:
		return fmt.Sprintf("%d bytes", len(value))
	}
	return string(value)
}
