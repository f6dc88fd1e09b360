package chime

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// structure returns the object or the list that value has as JSON text: sibling records
// of the service have such texts where an object is documented. Any other value is
// returned as it is.
func structure(value jsontext.Value) jsontext.Value {
	text, ok := textOf(value)
	if !ok {
		return value
	}
	inner := jsontext.Value(strings.TrimSpace(text))
	if kind := inner.Kind(); (kind == '{' || kind == '[') && jsonread.Check(inner) == nil {
		return inner
	}
	return value
}

// readElements reads mediaInsightsPipelineElementStatuses: a list of entries, one
// entry without a list around it, or either as JSON text, also within the list. rest
// is what could not be read of it, as it came: a list of entries, or the value where it
// is no list at all; nil where all was read. No entry prevents another from being read.
func readElements(value jsontext.Value) (list []Element, rest jsontext.Value) {
	switch inner := structure(value); inner.Kind() {
	case '{':
		e, whole := readElement(inner)
		if e.Type == "" {
			return nil, value
		}
		if !whole {
			rest = value
		}
		return []Element{e}, rest
	case '[':
		return readElementList(inner)
	}
	return nil, value
}

func readElementList(value jsontext.Value) (list []Element, rest jsontext.Value) {
	var unread [][]byte
	list = make([]Element, 0, 2)
	_ = jsonread.Items(value, func(entry jsontext.Value) { // it was read before: it is well formed
		e, whole := readElement(structure(entry))
		if e.Type != "" {
			list = append(list, e)
		}
		if !whole {
			unread = append(unread, entry)
		}
	})
	if len(unread) > 0 {
		rest = append(append(jsontext.Value{'['}, bytes.Join(unread, []byte{','})...), ']')
	}
	return list, rest
}

// readElement reads one entry. whole reports whether it has a type, and nothing else
// in it has another form than the documented one; e.Type is empty for an entry that
// names no element.
func readElement(value jsontext.Value) (e Element, whole bool) {
	whole = true
	err := jsonread.Members(value, func(key []byte, value jsontext.Value) error {
		read := true
		switch string(key) {
		case "type":
			read = keepText(&e.Type, value)
		case "status":
			read = keepText(&e.Status, value)
		case "statusDetail":
			read = keepText(&e.StatusDetail, value)
		case "updatedOn":
			read = keepMilliseconds(&e.UpdatedOn, value)
		}
		whole = whole && (read || value.Kind() == 'n') // null is as good as absent
		return nil
	})
	return e, whole && err == nil && e.Type != ""
}

// keepMilliseconds puts a time into target, in epoch milliseconds. It returns false, and
// leaves target alone, when the value is none. Zero means that there is none.
func keepMilliseconds(target *int64, value jsontext.Value) bool {
	t, ok := timeOf(value)
	if ok {
		*target = t.UnixMilli()
	}
	return ok || string(value) == "0" || string(value) == `"0"` || string(value) == `""`
}
