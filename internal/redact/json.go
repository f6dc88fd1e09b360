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
	w := walker{Redactor: r, raw: raw, names: []string{name}}
	if err := w.document(); err != nil {
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
	// names are the names that the present value stands under, from the outermost;
	// seen holds for each the masked names of the object in it.
	names []string
	seen  []map[string]int
}

func (w *walker) document() error {
	w.dec = jsontext.NewDecoder(bytes.NewReader(w.raw),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for values := 0; ; {
		switch kind := w.dec.PeekKind(); kind {
		case '{', '[':
			if _, err := w.dec.ReadToken(); err != nil {
				return err
			}
			w.names = append(w.names, w.names[len(w.names)-1])
			w.seen = append(w.seen, nil)
		case '}', ']':
			if _, err := w.dec.ReadToken(); err != nil {
				return err
			}
			w.names = w.names[:len(w.names)-1]
			w.seen = w.seen[:len(w.seen)-1]
		default:
			value, err := w.dec.ReadValue()
			if errors.Is(err, io.EOF) && values == 1 {
				return nil
			}
			if err != nil {
				return err
			}
			w.scalar(value)
		}
		if w.dec.StackDepth() == 0 {
			if values++; values > 1 {
				return errors.New("more than one value")
			}
		}
	}
}

// scalar masks a name or a value that has been read.
func (w *walker) scalar(value jsontext.Value) {
	var text string
	switch value.Kind() {
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil && len(unquoted) == 0 {
			return
		}
		text = string(bytes.ToValidUTF8(unquoted, []byte("\uFFFD")))
	case '0':
		text = whole(string(value))
	default:
		return
	}
	var masked string
	depth := w.dec.StackDepth()
	kind, length := w.dec.StackIndex(depth)
	if kind == '{' && length%2 == 1 { // a name
		if w.seen[depth-1] == nil {
			w.seen[depth-1] = map[string]int{}
		}
		masked = w.unique(text, w.seen[depth-1])
		w.names[depth] = text
		// {"customer": {"number": …}}
		if within := last(w.names[depth-1]) + " " + text; classOf(nameParts(within)) == phone {
			w.names[depth] = within
		}
	} else {
		masked = w.Field(w.names[depth], text)
	}
	if masked == text {
		return
	}
	end := w.dec.InputOffset()
	w.out.Write(w.raw[w.done : end-int64(len(value))])
	w.out.Write(quoted(masked))
	w.done = end
}

// last returns the last word of a name.
func last(name string) string {
	list := nameParts(name)
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
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
