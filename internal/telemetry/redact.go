package telemetry

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// Redacted returns a handler that masks phone numbers before h writes them: in the
// message, in the names of attributes and groups, and in their values of every kind.
// Errors and other values with a text of their own become that text; what is left is
// written as its JSON form, masked, so that h has to write JSON or text.
func Redacted(h slog.Handler) slog.Handler { return redactor{h} }

type redactor struct{ slog.Handler }

func (h redactor) Handle(ctx context.Context, record slog.Record) error {
	masked := slog.NewRecord(record.Time, record.Level, redact.Text(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(redactedAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, masked)
}

func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactor{h.Handler.WithAttrs(redactedAttrs(attrs))}
}

func (h redactor) WithGroup(name string) slog.Handler {
	return redactor{h.Handler.WithGroup(redact.Text(name))}
}

func redactedAttrs(attrs []slog.Attr) []slog.Attr {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = redactedAttr(a)
	}
	return masked
}

func redactedAttr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: redact.Text(a.Key), Value: redactedValue(a.Key, a.Value.Resolve())}
}

// redactedValue masks a value that stands under a name.
func redactedValue(name string, v slog.Value) slog.Value {
	var number string
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(redact.Field(name, v.String()))
	case slog.KindGroup:
		return slog.GroupValue(redactedAttrs(v.Group())...)
	case slog.KindAny:
		return redactedAny(name, v.Any())
	case slog.KindInt64, slog.KindUint64:
		number = v.String()
	case slog.KindFloat64:
		number = strconv.FormatFloat(v.Float64(), 'f', -1, 64)
	}
	if masked := redact.Field(name, number); masked != number {
		return slog.StringValue(masked)
	}
	return v // a number, a time, a duration or a truth value
}

// redactedAny masks a value of any type.
func redactedAny(name string, v any) slog.Value {
	text := func(s string) slog.Value { return slog.StringValue(redact.Field(name, s)) }
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return text(textOf(v.Error))
	case json.RawMessage:
		return rawValue(name, v)
	case []byte:
		return text(string(v))
	case json.Marshaler, encoding.TextMarshaler: // they have a JSON form of their own
	case fmt.Stringer:
		return text(textOf(v.String))
	}
	raw, err := marshal(v)
	if err != nil {
		return text(textOf(func() string { return fmt.Sprintf("%+v", v) }))
	}
	return rawValue(name, raw)
}

// rawValue masks a JSON document, which a handler of JSON then writes as it is.
func rawValue(name string, raw []byte) slog.Value {
	return slog.AnyValue(json.RawMessage(redact.JSON(name, raw)))
}

// marshal is json.Marshal, without the escapes of HTML and without its panics.
func marshal(v any) (raw []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err = enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// textOf calls a method that returns the text of a value, which may panic for a nil pointer.
func textOf(method func() string) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	return method()
}
