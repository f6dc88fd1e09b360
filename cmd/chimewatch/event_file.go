package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// lenient are options with which duplicate names and invalid UTF-8 are no errors, because the functions accept them.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// eachEvent calls fn for every event in a file, in any wrapping. fn gets an error instead of an event for
// a part of the file that should hold an event and does not; the rest is read, too. broken says
// where the file stops being JSON; it is empty for a correct file.
func (a *app) eachEvent(file string, fn func(lambdafn.Message, error)) (broken string, err error) {
	raw, err := a.read(file)
	if err != nil {
		return "", apperr.Wrap(err, apperr.Invalid, file, "cannot be read", "")
	}
	text, invalid, err := decodeText(file, raw)
	if err != nil {
		return "", err
	}
	if invalid >= 0 {
		a.note("%s: byte %d is no UTF-8; it is read as %q, as the functions do; %s if it has another encoding",
			file, invalid, utf8.RuneError, saveAsUTF8)
	}
	u := unwrapper{now: a.now().UTC(), fn: fn}
	dec := jsontext.NewDecoder(bytes.NewReader(text), lenient)
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

// read returns the bytes of a file, or of the standard input for "-".
func (a *app) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.stdin)
	}
	return os.ReadFile(file)
}

// describeSyntax says in which line text is no JSON; the first line is 1.
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

// unwrapper finds the events in a value. It removes what people have around events; package intake
// removes what the functions accept around them.
type unwrapper struct {
	now time.Time // for an entry without a time
	fn  func(lambdafn.Message, error)
}

// Keys that identify what is around an event.
const (
	keyDetailType = "detail-type" // of an event
	keyBody       = "body"        // of a dead letter as dead-letters show prints it
	keyQueue      = "queue"
	keySQSBody    = "Body" // of a message as SQS returns it
	keyReceipt    = "ReceiptHandle"
	keyMessages   = "Messages" // of an answer of SQS
	keyEntries    = "Entries"  // of a request of PutEvents
)

// value finds the events in a value inside depth wrappings. source is the service that delivers the event to
// its function; empty if the wrappings do not say.
func (u unwrapper) value(raw jsontext.Value, depth int, source lambdafn.Source) {
	if depth > lambdafn.MaxDepth {
		what := fmt.Sprintf("is wrapped more than %d times", lambdafn.MaxDepth)
		u.fn(lambdafn.Message{}, apperr.New(apperr.Invalid, "event", what, ""))
		return
	}
	switch raw.Kind() {
	case jsontext.KindBeginArray:
		u.array(raw, depth, source)
	case jsontext.KindString: // which may hold JSON
		if inner := textIn(raw); inner != "" && strings.ContainsRune(`{["`, rune(inner[0])) {
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
	var o map[string]jsontext.Value // the last of duplicate names
	if err := json.Unmarshal(raw, &o, lenient); err != nil {
		u.fn(lambdafn.Message{}, apperr.Wrap(err, apperr.Invalid, "event", "cannot be read", ""))
		return
	}
	switch {
	case o[keyDetailType] != nil:
		u.intake(raw, source)
	case o[entryDetailType] != nil || o[entryDetail] != nil && o[entrySource] != nil:
		body, err := eventOfEntry(o, u.now)
		u.fn(lambdafn.Message{Source: lambdafn.EventBridge, Body: body}, err)
	case o[keyEntries].Kind() == jsontext.KindBeginArray:
		u.array(o[keyEntries], depth, source)
	case o[keyMessages].Kind() == jsontext.KindBeginArray:
		u.array(o[keyMessages], depth, source)
	case isText(o[keyBody]) && isText(o[keyQueue]):
		if textIn(o[keyQueue]) == voiceQueue {
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
	var items []jsontext.Value
	if err := json.Unmarshal(raw, &items, lenient); err != nil {
		u.fn(lambdafn.Message{}, apperr.Wrap(err, apperr.Invalid, "event", "cannot be read", ""))
	}
	for _, item := range items {
		u.value(item, depth+1, source)
	}
}

// text finds the events in a text that should hold JSON.
func (u unwrapper) text(quoted jsontext.Value, depth int, source lambdafn.Source) {
	value := jsontext.Value(textIn(quoted))
	if !value.IsValid(lenient) { // the parser returns the error
		u.fn(lambdafn.Message{Source: source, Body: value}, nil)
		return
	}
	u.value(bytes.TrimSpace(value), depth+1, source)
}

// intake finds the events in what the functions unwrap.
func (u unwrapper) intake(raw []byte, source lambdafn.Source) {
	batch, err := lambdafn.Unwrap(raw)
	if err != nil {
		u.fn(lambdafn.Message{}, err)
		return
	}
	for _, m := range batch.Messages {
		if source != "" && (m.Source == lambdafn.EventBridge || m.Source == lambdafn.Direct) {
			m.Source = source
		}
		u.fn(m, nil)
	}
	for _, f := range batch.Failures {
		u.fn(lambdafn.Message{}, f.Err)
	}
}

func isText(value jsontext.Value) bool { return value.Kind() == jsontext.KindString }

// textIn returns the text of a JSON string, empty for any other value.
func textIn(value jsontext.Value) string {
	if !isText(value) {
		return ""
	}
	text, _ := jsontext.AppendUnquote(nil, value) // an error reports invalid UTF-8 only
	return string(text)
}

// Fields of an entry of PutEvents (EventBridge API reference, PutEventsRequestEntry).
const (
	entrySource     = "Source"
	entryDetailType = "DetailType"
	entryDetail     = "Detail"
	entryTime       = "Time"
	entryResources  = "Resources"
)

// Examples of what the bus adds to an event.
const (
	someID      = "00000000-0000-4000-8000-000000000000"
	someAccount = "111122223333"
	someRegion  = "us-east-1"
)

// eventOfEntry returns the event that the bus makes of an entry of PutEvents. An error of class Invalid, with
// the field as its place, means that the bus refuses the entry.
func eventOfEntry(entry map[string]jsontext.Value, now time.Time) ([]byte, error) {
	refuse := func(name, what, fix string) ([]byte, error) {
		return nil, apperr.New(apperr.Invalid, "/"+name, what, fix)
	}
	for _, name := range []string{entrySource, entryDetailType, entryDetail} {
		if textIn(entry[name]) == "" {
			return refuse(name, "is no text, or empty", "an event bus accepts an entry with "+name+" as text only")
		}
	}
	detail := jsontext.Value(textIn(entry[entryDetail]))
	if detail.Kind() != jsontext.KindBeginObject || !detail.IsValid(lenient) {
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
	fmt.Fprintf(&b, `{"version":"0","id":%q,"detail-type":%s,"source":%s,"account":%q,"time":%q,"region":%q,`+
		`"resources":%s,"detail":%s}`, someID, entry[entryDetailType], entry[entrySource], someAccount,
		at.UTC().Format(time.RFC3339), someRegion, resources, detail)
	return b.Bytes(), nil
}

func timeOfEntry(value jsontext.Value, now time.Time) (t time.Time, ok bool) {
	if len(value) == 0 || value.Kind() == jsontext.KindNull {
		return now, true
	}
	return chime.ParseTime(cmp.Or(textIn(value), string(value)))
}
