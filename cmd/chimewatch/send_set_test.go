package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOverride(t *testing.T) {
	for _, test := range []struct {
		name, event, set, want string
	}{
		{"text", `{"detail":{"callId":"a"}}`, `detail.callId=b`, `{"detail":{"callId":"b"}}`},
		{"empty text", `{"detail":{"callId":"a"}}`, `detail.callId=`, `{"detail":{"callId":""}}`},
		{"text with = and spaces", `{}`, `source=a=b c`, `{"source":"a=b c"}`},
		{"number", `{}`, `account=111122223333`, `{"account":111122223333}`},
		{"number beyond a float", `{}`, `n=12345678901234567890123`, `{"n":12345678901234567890123}`},
		{"quoted number", `{}`, `account="012"`, `{"account":"012"}`},
		{"leading zero is no JSON", `{}`, `account=012`, `{"account":"012"}`},
		{"true", `{}`, `x=true`, `{"x":true}`},
		{"null", `{"x":1}`, `x=null`, `{"x":null}`},
		{"object", `{}`, `detail={"a":[1]}`, `{"detail":{"a":[1]}}`},
		{"two JSON values are text", `{}`, `x=1 2`, `{"x":"1 2"}`},
		{"objects are made", `{}`, `a.b.c=1`, `{"a":{"b":{"c":1}}}`},
		{"arrays are made", `{}`, `a.0.b=1`, `{"a":[{"b":1}]}`},
		{"element", `{"a":[{"s":"x"},{"s":"y"}]}`, `a.1.s=z`, `{"a":[{"s":"x"},{"s":"z"}]}`},
		{"whole element", `{"a":[1,2]}`, `a.0=[]`, `{"a":[[],2]}`},
		{"appended", `{"a":[1]}`, `a.1=2`, `{"a":[1,2]}`},
		{"appended object", `{"a":[]}`, `a.0.b.c=1`, `{"a":[{"b":{"c":1}}]}`},
		{"name with a dot", `{}`, `a\.b.c\\=1`, `{"a.b":{"c\\":1}}`},
		{"backslash before a letter", `{}`, `a\b=1`, `{"a\\b":1}`},
		{"index as a name", `{"a":{}}`, `a.0=1`, `{"a":{"0":1}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := overridden(test.event, test.set)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOverrideRefuses(t *testing.T) {
	for _, test := range []struct {
		name, event, set, want string
	}{
		{"no value", `{}`, `detail.callId`, "it has no ="},
		{"no path", `{}`, `=1`, "a part of the path is empty"},
		{"empty part", `{}`, `a..b=1`, "a part of the path is empty"},
		{"below a text", `{"a":{"b":"x"}}`, `a.b.c=1`, `a.b has no fields to set "c" in (set a.b itself, to an object)`},
		{"name in an array", `{"a":[1]}`, `a.b=1`,
			`"b" is no index of an array of 1 (use 0 to 1; the last of these appends)`},
		{"index past the end", `{"a":[1]}`, `a.2=1`, `"2" is no index of an array of 1`},
		{"negative index", `{"a":[1]}`, `a.-1=1`, `"-1" is no index of an array of 1`},
		{"index of an array to be made", `{}`, `a.1=1`, `"1" is no index of an array of 0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := overridden(test.event, test.set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %s and error %v, want an error with %q", got, err, test.want)
			}
		})
	}
}

func overridden(event, set string) (string, error) {
	o, err := parseOverride(set)
	if err != nil {
		return "", err
	}
	decoded, err := decodeJSON([]byte(event))
	if err != nil {
		return "", err
	}
	if err := o.apply(decoded.(map[string]any)); err != nil {
		return "", err
	}
	text, err := json.Marshal(decoded)
	return string(text), err
}
