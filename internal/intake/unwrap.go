package intake

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/go-json-experiment/json/jsontext"
)

// reader collects what the wrappings hold.
type reader struct {
	batch    Batch
	overflow bool
}

// wrapping is what is known from the wrappings outside of a value.
type wrapping struct {
	path     string // where the value is, for errors
	depth    int
	source   Source // empty where none is known yet
	recordID string
	redriven bool
}

func (w wrapping) in(step string) wrapping {
	w.path += step
	w.depth++
	return w
}

// keys that tell the shapes of an object apart, in the order of the constants.
var keys = []string{"Records", "requestContext", "requestPayload", "payload", "Type", "Message", "eventSource", "EventSource"}

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

// unwrap adds the messages in raw to the batch. The error concerns raw as a
// whole; what is wrong with one record inside is among the batch's failures.
func (r *reader) unwrap(raw []byte, w wrapping) error {
	if w.depth > MaxDepth {
		return apperr.New(apperr.Invalid, w.path, fmt.Sprintf("is wrapped more than %d times", MaxDepth), "send the event with less around it")
	}
	switch jsontext.Value(raw).Kind() {
	case '{':
		return r.object(raw, w)
	case '[':
		return r.array(raw, w)
	case '"':
		return r.text(raw, w)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return apperr.New(apperr.Invalid, w.path, "is empty", "send an event")
	}
	if err := wellFormed(raw, w.path); err != nil {
		return err
	}
	r.add(raw, Direct, w)
	return nil
}

func (r *reader) object(raw []byte, w wrapping) error {
	var values [keyCount]jsontext.Value
	detailType, err := skim(raw, w.path, "detail-type", keys, values[:])
	switch {
	case err != nil:
		return err
	case detailType != nil:
		r.add(raw, sender(detailType), w)
		return nil
	case values[keyRecords].Kind() == '[':
		return r.records(values[keyRecords], w)
	case values[keyRequestPayload] != nil && values[keyRequestContext].Kind() == '{':
		w.redriven, w.source = true, "" // the dead-letter queue is only how it came back
		return r.unwrap(values[keyRequestPayload], w.in("/requestPayload"))
	case values[keyPayload].Kind() == '"' && values[keyRequestContext].Kind() == '{':
		w.redriven, w.source = true, ""
		return r.unwrap(unquote(values[keyPayload]), w.in("/payload"))
	case isText(values[keyType], "Notification") && values[keyMessage].Kind() == '"':
		if w.source == "" {
			w.source = SNS
		}
		return r.unwrap(unquote(values[keyMessage]), w.in("/Message"))
	case recordSource(values[keyEventSource]) != "" || recordSource(values[keyEventSourceSNS]) != "":
		_, _, err := r.record(raw, w)
		return err
	}
	r.add(raw, Direct, w)
	return nil
}

// sender tells who sends events of a detail type. Only EventBridge and the
// voice services use the key; the latter invoke functions themselves.
func sender(detailType jsontext.Value) Source {
	for _, voice := range []string{chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone} {
		if isText(detailType, voice) {
			return Direct
		}
	}
	return EventBridge
}

func (r *reader) array(raw []byte, w wrapping) error {
	n := 0
	err := each(raw, w.path, func(i int, item jsontext.Value) {
		n++
		if r.full() {
			return
		}
		inner := w.in("/" + strconv.Itoa(i))
		if err := r.unwrap(item, inner); err != nil {
			r.fail(inner.recordID, err)
		}
	})
	if err == nil && n == 0 {
		err = apperr.New(apperr.Invalid, w.path, "is an empty array", "send at least one event")
	}
	return err
}

// text unwraps a JSON text that holds JSON; any other text is a message.
func (r *reader) text(raw []byte, w wrapping) error {
	if err := wellFormed(raw, w.path); err != nil {
		return err
	}
	inner := unquote(bytes.TrimSpace(raw))
	switch jsontext.Value(inner).Kind() {
	case '{', '[', '"':
		return r.unwrap(inner, w.in("(text)"))
	}
	r.add(raw, Direct, w)
	return nil
}

// add puts a message into the batch. What the wrappings said of its source
// goes before what the message itself tells.
func (r *reader) add(body []byte, source Source, w wrapping) {
	if w.source != "" {
		source = w.source
	}
	if !r.full() {
		r.batch.Messages = append(r.batch.Messages, Message{Source: source, RecordID: w.recordID, Body: body, Redriven: w.redriven})
	}
}

func (r *reader) fail(recordID string, err error) {
	if !r.full() {
		r.batch.Failures = append(r.batch.Failures, Failure{RecordID: recordID, Err: err})
	}
}

// full tells that nothing more is taken; the payload is then refused as a whole.
func (r *reader) full() bool {
	r.overflow = r.overflow || len(r.batch.Messages)+len(r.batch.Failures) >= MaxMessages
	return r.overflow
}
