package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON masks the phone numbers in the names and values of a JSON document that stands
// under a name, which may be empty: in strings as Field does, and in numbers, which
// become strings then. All else is returned as it is, to the byte; so is the slice
// where nothing is masked. Names of one object that are alike when masked are numbered.
// What is no JSON is masked as text, and returned as a JSON string.
func (r Redactor) JSON(name string, raw []byte) []byte {
	if r.whole || !mayHoldNumber(string(raw)) {
		return raw
	}
	w := walker{Redactor: r, raw: raw, dec: jsontext.NewDecoder(bytes.NewReader(raw),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	err := w.value(name)
	if _, behind := w.dec.ReadToken(); err != nil || !errors.Is(behind, io.EOF) {
		return quoted(r.Field(name, string(raw)))
	}
	if w.done == 0 {
		return raw
	}
	w.out.Write(raw[w.done:])
	return w.out.Bytes()
}

// Members masks each of some named JSON values, and the names.
func (r Redactor) Members(values map[string]json.RawMessage) map[string]json.RawMessage {
	if r.whole || values == nil {
		return values
	}
	masked := make(map[string]json.RawMessage, len(values))
	seen := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		masked[r.unique(name, seen)] = r.JSON(name, values[name])
	}
	return masked
}

// unique masks a name, other than those seen.
func (r Redactor) unique(name string, seen map[string]int) string {
	masked := r.Text(name)
	if masked == name {
		return name
	}
	seen[masked]++
	if n := seen[masked]; n > 1 {
		return fmt.Sprintf("%s (%d)", masked, n)
	}
	return masked
}

// walker goes through a document and replaces what it masks.
type walker struct {
	Redactor
	raw  []byte
	dec  *jsontext.Decoder
	out  bytes.Buffer
	done int64 // bytes of raw that are dealt with
}

// value masks the next value, which stands under a name.
func (w *walker) value(name string) error {
	kind := w.dec.PeekKind()
	if kind != '{' && kind != '[' {
		_, err := w.scalar(func(text string) string { return w.Field(name, text) })
		return err
	}
	_, err := w.dec.ReadToken()
	seen := map[string]int{}
	for err == nil && w.dec.PeekKind() != '}' && w.dec.PeekKind() != ']' {
		within := name
		if kind == '{' {
			within, err = w.member(name, seen)
		}
		if err == nil {
			err = w.value(within)
		}
	}
	if err == nil {
		_, err = w.dec.ReadToken()
	}
	return err
}

// member masks the next name in an object, and returns the name that its value stands
// under: with that of the object, where both say it is a phone number, as in
// {"customer": {"number": …}}.
func (w *walker) member(object string, seen map[string]int) (string, error) {
	name, err := w.scalar(func(text string) string { return w.unique(text, seen) })
	words := nameParts(object)
	both := strings.Join(words[max(len(words)-1, 0):], "") + " " + name
	if classOf(nameParts(both)) == phone {
		return both, err
	}
	return name, err
}

// scalar masks a name or a value that is neither object nor array, and returns its text.
func (w *walker) scalar(mask func(string) string) (text string, err error) {
	value, err := w.dec.ReadValue()
	if err != nil {
		return "", err
	}
	switch value.Kind() {
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil && len(unquoted) == 0 {
			return "", nil
		}
		text = string(bytes.ToValidUTF8(unquoted, []byte("\uFFFD")))
	case '0':
		text = whole(string(value))
	default:
		return "", nil
	}
	if masked := mask(text); masked != text {
		end := w.dec.InputOffset()
		w.out.Write(w.raw[w.done : end-int64(len(value))])
		w.out.Write(quoted(masked))
		w.done = end
	}
	return text, nil
}

// whole writes a whole number without fraction and exponent, as people would read it.
// Any other is returned as it is.
func whole(number string) string {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || f >= 1<<53 || f != float64(int64(f)) {
		return number
	}
	return strconv.FormatInt(int64(f), 10)
}

// quoted returns a text as a JSON string.
func quoted(text string) []byte {
	b, _ := jsontext.AppendQuote(nil, text) // its only error is invalid UTF-8, which it has replaced
	return b
}
