package lambdafn

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// readFields puts the values of the wanted members of the object in raw into values, in
// the order of wanted; nil where one is absent. At the key stopAt it returns that key's
// value and reads no further. A wanted key that is there twice is an error: the wrong one
// of two identifiers would report the wrong record.
func readFields(
	raw []byte, path, stopAt string, values []jsontext.Value, wanted ...string,
) (stopped jsontext.Value, err error) {
	twice := ""
	err = jsonread.Members(raw, func(key []byte, value jsontext.Value) error {
		if string(key) == stopAt {
			stopped = value
			return jsonread.ErrStop
		}
		for i, name := range wanted {
			if string(key) == name {
				if values[i] != nil {
					twice = name
				}
				values[i] = value
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, notJSON(path, raw, err)
	case stopped == nil && twice != "":
		return nil, apperr.New(apperr.Invalid, path, fmt.Sprintf("has the key %q twice", twice), "send it once")
	}
	return stopped, nil
}

// notJSON returns an error that names the byte at which the JSON is wrong. It repeats
// nothing of the payload, which may have phone numbers: errors are logged.
func notJSON(path string, raw []byte, err error) error {
	const fix = "send JSON"
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return apperr.Wrap(io.ErrUnexpectedEOF, apperr.Invalid, path,
			fmt.Sprintf("is not JSON: it ends too early, at byte %d", len(raw)), fix)
	case errors.As(err, &syntax):
		return apperr.Wrap(syntax.Err, apperr.Invalid, path, fmt.Sprintf("is not JSON at byte %d", syntax.ByteOffset), fix)
	}
	return apperr.Wrap(err, apperr.Invalid, path, "is not JSON", fix)
}

func isText(value jsontext.Value, text string) bool {
	return value.Kind() == '"' && string(jsonread.Text(value)) == text
}

func textOf(value jsontext.Value) string {
	if value.Kind() != '"' {
		return ""
	}
	return string(jsonread.Text(value))
}
