package lambdafn

import (
	"bytes"
	"cmp"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// unwrapper collects the messages of a payload.
type unwrapper struct {
	batch    Batch
	overflow bool
}

// envelope is what is known of a value by the envelopes around it.
type envelope struct {
	path     string // where the value is, for errors
	depth    int
	source   Source // empty where none is known yet
	recordID string
	redriven bool
}

func (e envelope) in(step string) envelope {
	e.path += step
	e.depth++
	return e
}

// unwrap adds the messages in raw to the batch. The error is about raw as a whole; an
// error of one record inside is one of the batch's failures.
func (u *unwrapper) unwrap(raw []byte, e envelope) error {
	if e.depth > MaxDepth {
		return apperr.New(apperr.Invalid, e.path,
			fmt.Sprintf("has more than %d envelopes", MaxDepth), "send the event with fewer envelopes")
	}
	switch jsontext.Value(raw).Kind() {
	case '{':
		return u.object(raw, e)
	case '[':
		return u.array(raw, e)
	case '"':
		return u.text(raw, e)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return apperr.New(apperr.Invalid, e.path, "is empty", "send an event")
	}
	if err := jsonread.Check(raw); err != nil {
		return notJSON(e.path, raw, err)
	}
	u.add(raw, Direct, e)
	return nil
}

// object unwraps an object, whose members say what it is.
func (u *unwrapper) object(raw []byte, e envelope) error {
	var values [8]jsontext.Value // an array, so that an event allocates nothing
	detailType, err := readFields(raw, e.path, "detail-type", values[:],
		"Records", "requestContext", "requestPayload", "payload", "Type", "Message", "eventSource", "EventSource")
	records, requestContext, requestPayload, payload := values[0], values[1], values[2], values[3]
	kind, message, eventSource, snsSource := values[4], values[5], values[6], values[7]
	switch {
	case err != nil:
		return err
	case detailType != nil:
		u.add(raw, sender(detailType), e)
		return nil
	case records.Kind() == '[':
		return u.records(records, e)
	case requestPayload != nil && requestContext.Kind() == '{':
		e.redriven, e.source = true, "" // the queue is only how it came back
		return u.unwrap(requestPayload, e.in("/requestPayload"))
	case payload.Kind() == '"' && requestContext.Kind() == '{':
		e.redriven, e.source = true, ""
		return u.unwrap(jsonread.Text(payload), e.in("/payload"))
	case isText(kind, "Notification") && message.Kind() == '"':
		e.source = cmp.Or(e.source, SNS)
		return u.unwrap(jsonread.Text(message), e.in("/Message"))
	case recordSource(eventSource) != "" || recordSource(snsSource) != "":
		_, _, err := u.record(raw, e)
		return err
	}
	u.add(raw, Direct, e)
	return nil
}

// sender returns the source of events of a detail type. Only EventBridge and the
// voice services use the key; the latter invoke functions themselves.
func sender(detailType jsontext.Value) Source {
	for _, voice := range []string{chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone} {
		if isText(detailType, voice) {
			return Direct
		}
	}
	return EventBridge
}

func (u *unwrapper) array(raw []byte, e envelope) error {
	return u.each(raw, e.path, "is an empty array", "send at least one event", func(step string, item jsontext.Value) {
		if err := u.unwrap(item, e.in(step)); err != nil {
			u.fail(e.recordID, err)
		}
	})
}

// each calls fn for each item of an array, with its step in a path, as long as more
// messages are accepted. An array without items is an error.
func (u *unwrapper) each(
	list []byte, path, empty, fix string, fn func(step string, item jsontext.Value),
) error {
	n := 0
	err := jsonread.Items(list, func(item jsontext.Value) {
		if !u.full() {
			fn("/"+strconv.Itoa(n), item)
		}
		n++
	})
	switch {
	case err != nil:
		return notJSON(path, list, err)
	case n == 0:
		return apperr.New(apperr.Invalid, path, empty, fix)
	}
	return nil
}

// text unwraps a JSON text that holds JSON; any other text is a message.
func (u *unwrapper) text(raw []byte, e envelope) error {
	if err := jsonread.Check(raw); err != nil {
		return notJSON(e.path, raw, err)
	}
	inner := jsonread.Text(bytes.TrimSpace(raw))
	switch jsontext.Value(inner).Kind() {
	case '{', '[', '"':
		return u.unwrap(inner, e.in("(text)"))
	}
	u.add(raw, Direct, e)
	return nil
}

// add puts a message into the batch. The source that an envelope names goes before
// the source that the message looks like.
func (u *unwrapper) add(body []byte, source Source, e envelope) {
	if !u.full() {
		u.batch.Messages = append(u.batch.Messages, Message{
			Source: cmp.Or(e.source, source), RecordID: e.recordID, Body: body, Redriven: e.redriven,
		})
	}
}

func (u *unwrapper) fail(recordID string, err error) {
	if !u.full() {
		u.batch.Failures = append(u.batch.Failures, Failure{RecordID: recordID, Err: err})
	}
}

// full reports whether no more messages are accepted; the whole payload is then
// refused.
func (u *unwrapper) full() bool {
	u.overflow = u.overflow || len(u.batch.Messages)+len(u.batch.Failures) >= MaxMessages
	return u.overflow
}
