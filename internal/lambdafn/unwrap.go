package lambdafn

import (
	"bytes"
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

// keys are the members by which the shapes of an object differ, in the order of
// the constants.
var keys = []string{
	"Records", "requestContext", "requestPayload", "payload", "Type", "Message", "eventSource", "EventSource",
}

const (
	keyRecords = iota
	keyRequestContext
	keyRequestPayload
	keyPayload
	keyType
	keyMessage
	keyEventSource
	keyEventSourceSNS
	keyCount
)

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

func (u *unwrapper) object(raw []byte, e envelope) error {
	var values [keyCount]jsontext.Value
	detailType, err := readFields(raw, e.path, "detail-type", keys, values[:])
	switch {
	case err != nil:
		return err
	case detailType != nil:
		u.add(raw, sender(detailType), e)
		return nil
	case values[keyRecords].Kind() == '[':
		return u.records(values[keyRecords], e)
	case values[keyRequestPayload] != nil && values[keyRequestContext].Kind() == '{':
		e.redriven, e.source = true, "" // the queue is only how it came back
		return u.unwrap(values[keyRequestPayload], e.in("/requestPayload"))
	case values[keyPayload].Kind() == '"' && values[keyRequestContext].Kind() == '{':
		e.redriven, e.source = true, ""
		return u.unwrap(jsonread.Text(values[keyPayload]), e.in("/payload"))
	case isText(values[keyType], "Notification") && values[keyMessage].Kind() == '"':
		if e.source == "" {
			e.source = SNS
		}
		return u.unwrap(jsonread.Text(values[keyMessage]), e.in("/Message"))
	case recordSource(values[keyEventSource]) != "" || recordSource(values[keyEventSourceSNS]) != "":
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
	n := 0
	err := jsonread.Items(raw, func(item jsontext.Value) {
		inner := e.in("/" + strconv.Itoa(n))
		n++
		if u.full() {
			return
		}
		if err := u.unwrap(item, inner); err != nil {
			u.fail(inner.recordID, err)
		}
	})
	switch {
	case err != nil:
		return notJSON(e.path, raw, err)
	case n == 0:
		return apperr.New(apperr.Invalid, e.path, "is an empty array", "send at least one event")
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
	if e.source != "" {
		source = e.source
	}
	if !u.full() {
		u.batch.Messages = append(u.batch.Messages,
			Message{Source: source, RecordID: e.recordID, Body: body, Redriven: e.redriven})
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
