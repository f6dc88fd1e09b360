// Package jsonread reads JSON that comes from outside, member by member and in place.
// Duplicate keys and invalid UTF-8 are no errors: the caller decides what they mean.
package jsonread

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrStop is returned by the function given to Members to end the reading without an error.
var ErrStop = errors.New("stop")

var options = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

func newDecoder(raw []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(raw), options...)
}

// Members calls fn for each member of the object in raw, with the Text of its key. The
// value is a part of raw. It returns the error of fn, or else what is wrong with raw: the
// error of a *jsontext.Decoder.
func Members(raw []byte, fn func(key []byte, value jsontext.Value) error) error {
	dec := newDecoder(raw)
	if token, err := dec.ReadToken(); err != nil {
		return err
	} else if token.Kind() != '{' {
		return fmt.Errorf("it is %s, not an object", KindName(token.Kind()))
	}
	for dec.PeekKind() == '"' {
		key, err := readValue(dec, raw)
		if err != nil {
			return err
		}
		value, err := readValue(dec, raw)
		if err != nil {
			return err
		}
		switch err := fn(Text(key), value); {
		case errors.Is(err, ErrStop):
			return nil
		case err != nil:
			return err
		}
	}
	return end(dec)
}

// Items calls fn for each item of the array in raw, of which the item is a part. The
// error is as that of Members.
func Items(raw []byte, fn func(item jsontext.Value)) error {
	dec := newDecoder(raw)
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		item, err := readValue(dec, raw)
		if err != nil {
			return err
		}
		fn(item)
	}
	return end(dec)
}

// Check returns an error unless raw is one JSON value.
func Check(raw []byte) error {
	dec := newDecoder(raw)
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return atEnd(dec)
}

// readValue returns the next value as a part of raw; the decoder's own is valid only until
// it reads on.
func readValue(dec *jsontext.Decoder, raw []byte) (jsontext.Value, error) {
	value, err := dec.ReadValue()
	end := int(dec.InputOffset())
	return raw[end-len(value) : end : end], err
}

// end reads the closing delimiter, or finds what is wrong in its place.
func end(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	return atEnd(dec)
}

func atEnd(dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kindNames[kind] != "" || kind == '}' || kind == ']' {
		return fmt.Errorf("more follows after byte %d", dec.InputOffset())
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Text returns the text of a JSON string that was read before, and so is well formed. It
// is a part of the value unless this has escapes or invalid UTF-8, which becomes U+FFFD.
func Text(value jsontext.Value) []byte {
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	text, _ := jsontext.AppendUnquote(nil, value) // the error would be the invalid UTF-8
	return text
}

var kindNames = map[jsontext.Kind]string{
	'{': "an object", '[': "an array", '"': "a text", '0': "a number", 't': "a boolean", 'f': "a boolean", 'n': "null",
}

// Describe describes a value for an error, as long as a log line has room for it.
func Describe(value []byte) string {
	switch {
	case len(value) == 0:
		return "nothing"
	case len(value) > 60:
		return fmt.Sprintf("%s of %d bytes", KindName(jsontext.Value(value).Kind()), len(value))
	}
	return strings.ToValidUTF8(string(value), "\uFFFD")
}

// KindName names a kind of JSON value for people.
func KindName(kind jsontext.Kind) string { return cmp.Or(kindNames[kind], "no JSON value") }
