package call

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"

	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

var (
	// addresses finds phone numbers in the middle of text that are in sip and
	// tel URIs, where they may lack the plus sign.
	addresses = regexp.MustCompile(`\b(?i:sips?|tel):[0-9]{5,15}`)
	// digits finds what may be one of the call's own numbers without its plus.
	// Fewer digits are likely to be part of an id by chance.
	digits = regexp.MustCompile(`[0-9]{7,}`)
	// holdsNumber tells the metadata whose whole value is a phone number. The
	// service's own two fields are there when their values had a wrong type.
	holdsNumber = regexp.MustCompile(`(?i)phone|^(from|to)number$`)
)

// masker hides phone numbers. The zero value hides nothing.
type masker struct {
	on bool
	// own are the digits of the call's own numbers.
	own []string
}

func maskerFor(state pipeline.State, o Options) masker {
	m := masker{on: !o.FullNumbers}
	for _, number := range []string{state.FromNumber, state.ToNumber} {
		if run := digits.FindString(number); run != "" {
			m.own = append(m.own, run)
		}
	}
	return m
}

// number masks a field that is a phone number, in whatever form.
func (m masker) number(s string) string {
	if !m.on || s == "" {
		return s
	}
	return telemetry.MaskNumber(s)
}

// text masks the numbers in free text that can be told from other digits.
func (m masker) text(s string) string {
	if !m.on {
		return s
	}
	s = addresses.ReplaceAllStringFunc(telemetry.MaskText(s), telemetry.MaskNumber)
	return digits.ReplaceAllStringFunc(s, func(run string) string {
		if slices.Contains(m.own, run) {
			return telemetry.MaskNumber(run)
		}
		return run
	})
}

// metadata masks the numbers in names and values. A value that is no JSON is
// kept: Parse makes none such.
func (m masker) metadata(values map[string]json.RawMessage) map[string]json.RawMessage {
	if !m.on || len(values) == 0 {
		return values
	}
	masked := make(map[string]json.RawMessage, len(values))
	for name, raw := range values {
		masked[m.text(name)] = m.raw(name, raw)
	}
	return masked
}

func (m masker) raw(name string, raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return raw
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m.value(name, value)); err != nil {
		return raw
	}
	return bytes.TrimSpace(text.Bytes())
}

// value masks a decoded value that stands under a name.
func (m masker) value(name string, value any) any {
	mask := m.text
	if holdsNumber.MatchString(name) {
		mask = m.number
	}
	switch value := value.(type) {
	case string:
		return mask(value)
	case json.Number:
		if masked := mask(value.String()); masked != value.String() {
			return masked
		}
	case []any:
		for i := range value {
			value[i] = m.value(name, value[i])
		}
	case map[string]any:
		masked := make(map[string]any, len(value))
		for name, below := range value {
			masked[m.text(name)] = m.value(name, below)
		}
		return masked
	}
	return value
}
