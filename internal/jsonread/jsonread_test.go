package jsonread_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/jsonread"
)

func TestMembers(t *testing.T) {
	for _, tt := range []struct{ name, raw, want, err string }{
		{"members", ` {"a": 1, "b":{"c":[2]} } `, `a=1 b={"c":[2]}`, ""},
		{"none", `{}`, "", ""},
		{"a key twice", `{"a":1,"a":2}`, "a=1 a=2", ""},
		{"escapes in a key", `{"\u0061\n":1}`, "a\n=1", ""},
		{"invalid UTF-8", "{\"\xff\":\"\xfe\"}", "\uFFFD=\"\xfe\"", ""},
		{"an array", `[1]`, "", "it is an array, not an object"},
		{"a number", `1`, "", "it is a number, not an object"},
		{"nothing", ``, "", "EOF"},
		{"half", `{"a":1`, "a=1", "unexpected EOF"},
		{"a comma too many", `{"a":1,}`, "a=1", "invalid character ','"},
		{"another value after it", `{"a":1} {"b":2}`, "a=1", "more follows after byte 7"},
		{"an end after it", `{"a":1}}`, "a=1", "more follows after byte 7"},
		{"garbage after it", `{"a":1} x`, "a=1", "invalid character 'x'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			err := jsonread.Members([]byte(tt.raw), func(key []byte, value jsontext.Value) error {
				got = append(got, fmt.Sprintf("%s=%s", key, value))
				return nil
			})
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
		})
	}
}

func TestMembersStops(t *testing.T) {
	const raw = `{"a":1,"b":2, no JSON`
	failed := errors.New("failed")
	for _, tt := range []struct{ returned, want error }{{jsonread.ErrStop, nil}, {failed, failed}} {
		n := 0
		err := jsonread.Members([]byte(raw), func([]byte, jsontext.Value) error {
			n++
			return tt.returned
		})
		if n != 1 || !errors.Is(err, tt.want) {
			t.Errorf("got %v after %d members, want %v after one", err, n, tt.want)
		}
	}
}

// What is read is a part of what was given, and stays as it is when the reading goes on.
func TestValuesArePartsOfTheInput(t *testing.T) {
	raw := []byte(`[ "a", {"b": "c"}, 3 ]`)
	var items []jsontext.Value
	if err := jsonread.Items(raw, func(item jsontext.Value) { items = append(items, item) }); err != nil {
		t.Fatal(err)
	}
	raw[3] = 'A'
	if got := fmt.Sprintf("%s", items); got != `["A" {"b": "c"} 3]` {
		t.Errorf("got %s, want parts of the input", got)
	}
}

func TestItemsAndCheck(t *testing.T) {
	for raw, want := range map[string]string{
		`[]`: "", `[1, [2]]`: "", `[1`: "unexpected EOF", `[1,]`: "invalid character ','", `[1] 2`: "more follows",
	} {
		err := jsonread.Items([]byte(raw), func(jsontext.Value) {})
		for name, err := range map[string]error{"Items": err, "Check": jsonread.Check([]byte(raw))} {
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s of %s: got %v, want %q", name, raw, err, want)
			}
		}
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{
		`""`: "", `"é"`: "é", `"a\"b\u00e9"`: `a"bé`, `"\ud800"`: "\uFFFD", "\"a\xff\xfeb\"": "a\uFFFD\uFFFDb",
	} {
		if got := string(jsonread.Text(jsontext.Value(value))); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
