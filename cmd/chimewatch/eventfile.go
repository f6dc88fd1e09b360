package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// fileEvent is an event of a file.
type fileEvent struct {
	// Message is the event, and the service that the wrapping says it came by.
	lambdafn.Message
	// entry is whether it was written as an entry of PutEvents, so that its id,
	// account and Region are not the sender's.
	entry bool
}

// eachEvent calls fn for every event in a file, however it is wrapped. fn gets an
// error instead of an event where something that should hold one does not: of class
// Invalid, what is in the file besides is read all the same. It returns where the
// file stops being JSON. A name that is there twice and text that is not UTF-8 are
// let through, since the functions accept them.
func (a *app) eachEvent(file string, fn func(fileEvent, error)) (broken string, err error) {
	raw, err := a.read(file)
	if err != nil {
		return "", apperr.Wrap(err, apperr.Invalid, file, "cannot be read", "")
	}
	text, invalid, err := decodeText(file, raw)
	if err != nil {
		return "", err
	}
	if invalid >= 0 {
		a.note("%s", describeInvalid(file, invalid))
	}
	u := unwrapper{now: a.now().UTC(), fn: fn}
	dec := newFileDecoder(text)
	for {
		var raw jsontext.Value
		switch kind := dec.PeekKind(); kind {
		case jsontext.KindBeginArray, jsontext.KindEndArray:
			_, err = dec.ReadToken()
		default:
			if raw, err = dec.ReadValue(); err == nil {
				u.value(raw.Clone(), 0, "")
			}
		}
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return describeSyntax(text, err), nil
		}
	}
}

func newFileDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// read returns the bytes of a file, or of the standard input for "-".
func (a *app) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.stdin)
	}
	return os.ReadFile(file)
}

// describeSyntax says where text is no JSON, lines counted from 1.
func describeSyntax(text []byte, err error) string {
	what := strings.TrimPrefix(err.Error(), "jsontext: ")
	at := int64(len(text))
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		what, at = syntax.Err.Error(), min(at, syntax.ByteOffset)
	}
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	return fmt.Sprintf("is not JSON at line %d: %s; nothing after it is read", line, what)
}

// unwrapper finds the events in a value. It takes off what people meet around events,
// and leaves to package intake what the functions take off themselves.
type unwrapper struct {
	now time.Time // of an entry that has no time
	fn  func(fileEvent, error)
}

// Keys that tell apart what may be around an event.
const (
	keyDetailType = "detail-type" // of an event
	keyBody       = "body"        // of a dead letter as dead-letters show prints it
	keyQueue      = "queue"
	keySQSBody    = "Body" // of a message as SQS returns it
	keyReceipt    = "ReceiptHandle"
	keyMessages   = "Messages" // of an answer of SQS
	keyEntries    = "Entries"  // of a request of PutEvents
)

// value finds the events in a value that is within so many wrappings. source is what
// the wrappings say that handed the event to its function, empty where they do not.
func (u unwrapper) value(raw jsontext.Value, depth int, source lambdafn.Source) {
	if depth > lambdafn.MaxDepth {
		u.fn(fileEvent{}, apperr.New(apperr.Invalid, "event", fmt.Sprintf("is wrapped more than %d times", lambdafn.MaxDepth), ""))
		return
	}
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		u.array(raw, depth, source)
	case jsontext.KindString: // which may hold JSON
		if inner, ok := textIn(raw); ok && len(inner) > 0 && strings.ContainsRune(`{["`, rune(inner[0])) {
			u.text(raw, depth, source)
			return
		}
		u.intake(raw, source)
	case jsontext.KindBeginObject:
		u.object(raw, depth, source)
	default:
		u.intake(raw, source)
	}
}

func (u unwrapper) object(raw jsontext.Value, depth int, source lambdafn.Source) {
	o := membersOf(raw)
	switch {
	case o[keyDetailType] != nil:
		u.intake(raw, source)
	case o[entryDetailType] != nil || o[entryDetail] != nil && o[entrySource] != nil:
		body, err := eventOfEntry(o, u.now)
		u.fn(fileEvent{Message: lambdafn.Message{Source: lambdafn.EventBridge, Body: body}, entry: true}, err)
	case isList(o[keyEntries]):
		u.array(o[keyEntries], depth, source)
	case isList(o[keyMessages]):
		u.array(o[keyMessages], depth, source)
	case isText(o[keyBody]) && isText(o[keyQueue]):
		if queue, _ := textIn(o[keyQueue]); queue == voiceQueue {
			source = lambdafn.SQS
		}
		u.text(o[keyBody], depth, source)
	case isText(o[keySQSBody]) && isText(o[keyReceipt]):
		u.text(o[keySQSBody], depth, source)
	default:
		u.intake(raw, source)
	}
}

func (u unwrapper) array(raw jsontext.Value, depth int, source lambdafn.Source) {
	dec := newFileDecoder(raw)
	if _, err := dec.ReadToken(); err != nil {
		return // it was read whole before
	}
	for dec.PeekKind() != jsontext.KindEndArray {
		item, err := dec.ReadValue()
		if err != nil {
			return
		}
		u.value(item.Clone(), depth+1, source)
	}
}

// text finds the events in a text that holds JSON.
func (u unwrapper) text(quoted jsontext.Value, depth int, source lambdafn.Source) {
	inner, _ := textIn(quoted)
	dec := newFileDecoder([]byte(inner))
	value, err := dec.ReadValue()
	if err != nil {
		u.fn(fileEvent{Message: lambdafn.Message{Source: source, Body: []byte(inner)}}, nil) // whoever parses it says what is wrong
		return
	}
	value = value.Clone()
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		u.fn(fileEvent{Message: lambdafn.Message{Source: source, Body: []byte(inner)}}, nil)
		return
	}
	u.value(value, depth+1, source)
}

// intake finds the events in what the functions unwrap themselves.
func (u unwrapper) intake(raw []byte, source lambdafn.Source) {
	batch, err := lambdafn.Unwrap(raw)
	if err != nil {
		u.fn(fileEvent{}, err)
		return
	}
	for _, m := range batch.Messages {
		if source != "" && (m.Source == lambdafn.EventBridge || m.Source == lambdafn.Direct) {
			m.Source = source
		}
		u.fn(fileEvent{Message: m}, nil)
	}
	for _, f := range batch.Failures {
		u.fn(fileEvent{}, f.Err)
	}
}

// membersOf returns the members of an object; the last of a name that is there twice.
func membersOf(raw jsontext.Value) map[string]jsontext.Value {
	members := map[string]jsontext.Value{}
	dec := newFileDecoder(raw)
	if _, err := dec.ReadToken(); err != nil {
		return members
	}
	for dec.PeekKind() == jsontext.KindString {
		key, err := dec.ReadToken()
		if err != nil {
			return members
		}
		name := key.String()
		value, err := dec.ReadValue()
		if err != nil {
			return members
		}
		members[name] = value.Clone()
	}
	return members
}

func isList(value jsontext.Value) bool { return value.Kind() == jsontext.KindBeginArray }
func isText(value jsontext.Value) bool { return value.Kind() == jsontext.KindString }

// textIn returns the text of a JSON string.
func textIn(value jsontext.Value) (string, bool) {
	if !isText(value) {
		return "", false
	}
	text, _ := jsontext.AppendUnquote(nil, value) // an error reports invalid UTF-8 only
	return string(text), true
}

// Fields of an entry of PutEvents (EventBridge API reference, PutEventsRequestEntry).
const (
	entrySource     = "Source"
	entryDetailType = "DetailType"
	entryDetail     = "Detail"
	entryTime       = "Time"
	entryResources  = "Resources"
)

// What the bus gives to an event, in place of what it will be.
const (
	someID      = "00000000-0000-4000-8000-000000000000"
	someAccount = "111122223333"
	someRegion  = "us-east-1"
)

// eventOfEntry returns the event that the bus makes of an entry of PutEvents. The error
// is of class Invalid and has the field as its place: the bus refuses the entry.
func eventOfEntry(entry map[string]jsontext.Value, now time.Time) ([]byte, error) {
	refuse := func(name, what, fix string) ([]byte, error) {
		return nil, apperr.New(apperr.Invalid, "/"+name, what, fix)
	}
	for _, name := range []string{entrySource, entryDetailType, entryDetail} {
		if text, _ := textIn(entry[name]); text == "" {
			return refuse(name, "is no text, or empty", "an event bus accepts an entry with "+name+" as text only")
		}
	}
	detail, _ := textIn(entry[entryDetail])
	value := jsontext.Value(detail)
	if value.Kind() != jsontext.KindBeginObject || !value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return refuse(entryDetail, "is no text that holds a JSON object", "an event bus accepts nothing else there")
	}
	at, ok := timeOfEntry(entry[entryTime], now)
	if !ok {
		return refuse(entryTime, "is no time", "write it like 2026-03-09T14:08:30Z, or in seconds since 1970")
	}
	resources := entry[entryResources]
	if resources.Kind() != jsontext.KindBeginArray {
		resources = jsontext.Value("[]")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"version":"0","id":%q,"detail-type":%s,"source":%s,"account":%q,"time":%q,"region":%q,"resources":%s,"detail":%s}`,
		someID, entry[entryDetailType], entry[entrySource], someAccount, at.UTC().Format(time.RFC3339), someRegion, resources, detail)
	return b.Bytes(), nil
}

func timeOfEntry(value jsontext.Value, now time.Time) (t time.Time, ok bool) {
	if len(value) == 0 || value.Kind() == jsontext.KindNull {
		return now, true
	}
	text, isText := textIn(value)
	if !isText {
		text = string(value)
	}
	return chime.ParseTime(text)
}
