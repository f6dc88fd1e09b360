package chime

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// textOf returns the text of a JSON string.
func textOf(value jsontext.Value) (string, bool) {
	if value.Kind() != '"' {
		return "", false
	}
	return string(jsonread.Text(value)), true
}

// keepText puts a JSON string into target, unless it is empty. It returns false, and
// leaves target alone, when the value is no string.
func keepText(target *string, value jsontext.Value) bool {
	text, ok := textOf(value)
	if ok && text != "" {
		*target = text
	}
	return ok
}

// keepTextOrNumber is keepText that also accepts a JSON number, as it is written.
func keepTextOrNumber(target *string, value jsontext.Value) bool {
	if value.Kind() == '0' {
		*target = string(value)
		return true
	}
	return keepText(target, value)
}

// keepForm is keepText for a key that the runtime metadata may collide with:
// the value of the documented form wins, and the other goes to the metadata.
func keepForm(
	target *string, value jsontext.Value, rest *map[string]json.RawMessage, key []byte, documented func(string) bool,
) bool {
	text, ok := textOf(value)
	switch {
	case !ok || text == "":
		return ok
	case *target == "":
		*target = text
		return true
	case documented(*target) && !documented(text):
		return false
	case !documented(*target) && documented(text):
		quoted, _ := jsontext.AppendQuote(nil, *target) // what textOf returned is valid UTF-8, which can be quoted
		keepRaw(rest, key, quoted)
	}
	*target = text
	return true
}

func keepRaw(rest *map[string]json.RawMessage, key []byte, value jsontext.Value) {
	if *rest == nil {
		*rest = make(map[string]json.RawMessage, 4)
	}
	(*rest)[strings.ToValidUTF8(string(key), "\uFFFD")] = json.RawMessage(bytes.ToValidUTF8(value, []byte("\uFFFD")))
}

// grouped is an account as the console writes it: 1111-2222-3333.
var grouped = regexp.MustCompile(`^\d{4}-\d{4}-\d{4}$`)

// accountText returns an account as 12 digits, leading zeros kept or restored:
// the call-analytics examples of the developer guide have a bare number.
func accountText(value jsontext.Value) string {
	text, ok := textOf(value)
	if !ok {
		if value.Kind() != '0' {
			return ""
		}
		text = wholeText(string(value))
	}
	if grouped.MatchString(text) {
		text = strings.ReplaceAll(text, "-", "")
	}
	if len(text) < 12 && text != "" && strings.Trim(text, "0123456789") == "" {
		return strings.Repeat("0", 12-len(text)) + text
	}
	return text
}

// wholeText writes a whole number without fraction and exponent, as far as a
// float64 has it exactly; any other is left as it is written.
func wholeText(number string) string {
	if !strings.ContainsAny(number, ".eE-") {
		return number
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || f > 1<<53 || f != math.Trunc(f) {
		return number
	}
	return strconv.FormatInt(int64(f), 10)
}

// texts returns the strings of a JSON array, which may stand as JSON text, or the one
// string that is no array; other things are left out.
func texts(value jsontext.Value) []string {
	value = structure(value)
	if text, ok := textOf(value); ok && text != "" {
		return []string{text}
	}
	if value.Kind() != '[' {
		return nil
	}
	var list []string
	_ = jsonread.Items(value, func(item jsontext.Value) { // it was read before: it is well formed
		if text, ok := textOf(item); ok {
			list = append(list, text)
		}
	})
	return list
}

func isEventType(s string) bool { return strings.HasPrefix(s, "chime:") }

func isPipelineARN(s string) bool {
	before, _ := SplitPipelineARN(s)
	return strings.HasPrefix(before, "arn:")
}

func isConfigurationARN(s string) bool {
	return strings.HasPrefix(s, "arn:") && strings.Contains(s, ":media-insights-pipeline-configuration/")
}
