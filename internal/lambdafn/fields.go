package lambdafn

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/go-json-experiment/json/jsontext"
)

// The parser of the event decides what duplicate keys and invalid UTF-8 mean
// inside it; refusing them here would only cost time.
var decodeOptions = []jsontext.Options{
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
}

func newDecoder(raw []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(raw), decodeOptions...)
}

// readFields puts the values of the wanted members of the object in raw into
// values, in the order of wanted; nil where one is absent. At the key stopAt it
// returns that key's value and reads no further. A wanted key that is there twice
// is an error: the wrong one of two identifiers would report the wrong record.
func readFields(raw []byte, path, stopAt string, wanted []string, values []jsontext.Value) (stopped jsontext.Value, err error) {
	dec := newDecoder(raw)
	if _, err := dec.ReadToken(); err != nil { // the brace, which the caller has seen
		return nil, notJSON(path, raw, err)
	}
	twice := ""
	for dec.PeekKind() == '"' {
		key, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON(path, raw, err)
		}
		stop, slot := isKey(key, stopAt), indexOf(key, wanted)
		if !stop && slot < 0 {
			if err := dec.SkipValue(); err != nil {
				return nil, notJSON(path, raw, err)
			}
			continue
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON(path, raw, err)
		}
		value = inPlace(raw, dec, value)
		if stop {
			return value, nil
		}
		if values[slot] != nil {
			twice = wanted[slot]
		}
		values[slot] = value
	}
	if _, err := dec.ReadToken(); err != nil { // the closing brace, or what is wrong in its place
		return nil, notJSON(path, raw, err)
	}
	if twice != "" {
		return nil, apperr.New(apperr.Invalid, path, fmt.Sprintf("has the key %q twice", twice), "send it once")
	}
	return nil, atEnd(dec, path, raw)
}

// inPlace returns the value that was just read as a part of raw; the decoder's own
// is valid only until it reads on.
func inPlace(raw []byte, dec *jsontext.Decoder, value jsontext.Value) jsontext.Value {
	end := int(dec.InputOffset())
	return raw[end-len(value) : end : end]
}

// forEach calls fn for each element of the array in raw.
func forEach(raw []byte, path string, fn func(i int, item jsontext.Value)) error {
	dec := newDecoder(raw)
	if _, err := dec.ReadToken(); err != nil { // the bracket, which the caller has seen
		return notJSON(path, raw, err)
	}
	for i := 0; dec.PeekKind() != ']'; i++ {
		item, err := dec.ReadValue()
		if err != nil {
			return notJSON(path, raw, err)
		}
		fn(i, inPlace(raw, dec, item))
	}
	if _, err := dec.ReadToken(); err != nil {
		return notJSON(path, raw, err)
	}
	return atEnd(dec, path, raw)
}

// wellFormed returns an error unless raw is one JSON value.
func wellFormed(raw []byte, path string) error {
	dec := newDecoder(raw)
	if err := dec.SkipValue(); err != nil {
		return notJSON(path, raw, err)
	}
	return atEnd(dec, path, raw)
}

func atEnd(dec *jsontext.Decoder, path string, raw []byte) error {
	switch kind := dec.PeekKind(); kind {
	case '}', ']', '{', '[', '"', '0', 't', 'f', 'n':
		return apperr.New(apperr.Invalid, path, fmt.Sprintf("is not JSON: more follows after byte %d", dec.InputOffset()), "send one JSON value")
	}
	if _, err := dec.ReadToken(); err != nil && !errors.Is(err, io.EOF) {
		return notJSON(path, raw, err)
	}
	return nil
}

// notJSON returns an error that says at which byte the JSON is wrong. It repeats
// nothing of the payload, which may hold phone numbers: errors are logged.
func notJSON(path string, raw []byte, err error) error {
	const fix = "send JSON"
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return apperr.Wrap(io.ErrUnexpectedEOF, apperr.Invalid, path, fmt.Sprintf("is not JSON: it ends too early, at byte %d", len(raw)), fix)
	case errors.As(err, &syntax):
		return apperr.Wrap(syntax.Err, apperr.Invalid, path, fmt.Sprintf("is not JSON at byte %d", syntax.ByteOffset), fix)
	}
	return apperr.Wrap(err, apperr.Invalid, path, "is not JSON", fix)
}

func indexOf(key jsontext.Value, wanted []string) int {
	for i, name := range wanted {
		if isKey(key, name) {
			return i
		}
	}
	return -1
}

// isKey compares a quoted key with a name, without allocating unless the key is
// written with escapes.
func isKey(key jsontext.Value, name string) bool {
	inner := key[1 : len(key)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		inner = unquote(key)
	}
	return string(inner) == name
}

// unquote returns the text of a well-formed JSON string; invalid UTF-8 in it
// becomes U+FFFD. The text shares the value's memory unless it has escapes.
func unquote(value jsontext.Value) []byte {
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	// The decoder has accepted the string, so that invalid UTF-8 is all that
	// an error could report.
	text, _ := jsontext.AppendUnquote(nil, value)
	return text
}

func isText(value jsontext.Value, text string) bool {
	return value.Kind() == '"' && string(unquote(value)) == text
}

func textOf(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	return string(unquote(value))
}
