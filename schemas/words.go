package schemas

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// state describes the value of a field: "is missing" or "found …".
func state(value any, present bool) string {
	if !present {
		return "is missing"
	}
	return "found " + found(value)
}

// found describes a value, shortened to a part of a line.
func found(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return "an empty text"
		}
		return strconv.Quote(shorten(v))
	case json.Number:
		return "the number " + shorten(v.String())
	case bool:
		return strconv.FormatBool(v)
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	}
	return "null"
}

func shorten(text string) string {
	const maxLength = 60
	if utf8.RuneCountInString(text) <= maxLength {
		return text
	}
	return string([]rune(text)[:maxLength-1]) + "…"
}

// quotedList writes `"a", "b" or "c"`.
func quotedList(texts []string, last string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = strconv.Quote(text)
	}
	final := len(quoted) - 1
	if final == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:final], ", ") + " " + last + " " + quoted[final]
}

// gist is the first sentence of a description, to stand within another one.
func gist(description string) string {
	sentence, _, _ := strings.Cut(description, ". ")
	sentence = strings.TrimSuffix(sentence, ".")
	first, size := utf8.DecodeRuneInString(sentence)
	if size == 0 {
		return ""
	}
	return string(unicode.ToLower(first)) + sentence[size:]
}

// describedAt returns the description that the schema has for the field at
// location, empty when it does not know the field.
func describedAt(sch *jsonschema.Schema, location []string) string {
	for _, token := range location {
		if items, ok := sch.Items.(*jsonschema.Schema); ok {
			sch = items
			continue
		}
		property, ok := sch.Properties[token]
		if !ok {
			return ""
		}
		sch = property
	}
	return sch.Description
}

// valueAt returns the value at location, false when there is none.
func valueAt(value any, location []string) (any, bool) {
	for _, token := range location {
		switch v := value.(type) {
		case map[string]any:
			member, ok := v[token]
			if !ok {
				return nil, false
			}
			value = member
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		default:
			return nil, false
		}
	}
	return value, true
}
