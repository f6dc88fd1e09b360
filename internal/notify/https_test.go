package notify_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/notify"
)

func TestParseHTTPSBodies(t *testing.T) {
	card, data := notify.HTTPSCard, notify.HTTPSData
	for _, tt := range []struct {
		value string
		want  notify.HTTPSBodies
		text  string // what the choice is written as
	}{
		{"", notify.HTTPSBodies{Failures: card, Alerts: card}, "card"},
		{"card", notify.HTTPSBodies{Failures: card, Alerts: card}, "card"},
		{"data", notify.HTTPSBodies{Failures: data, Alerts: data}, "data"},
		{"failures=data", notify.HTTPSBodies{Failures: data, Alerts: card}, "failures=data,alerts=card"},
		{"alerts=data, failures=card", notify.HTTPSBodies{Failures: card, Alerts: data}, "failures=card,alerts=data"},
		{"failures=data,alerts=data", notify.HTTPSBodies{Failures: data, Alerts: data}, "data"},
	} {
		t.Run(tt.value, func(t *testing.T) {
			got, err := notify.ParseHTTPSBodies("x", tt.value)
			if err != nil || got != tt.want || got.String() != tt.text {
				t.Fatalf("got %+v, written %q, and %v, want %+v, written %q", got, got, err, tt.want, tt.text)
			}
			if again, err := notify.ParseHTTPSBodies("x", got.String()); err != nil || again != got {
				t.Errorf("got %+v and %v when read again, want %+v", again, err, got)
			}
		})
	}
	for _, value := range []string{
		"Card", "json", "card,data", "failures", "failures=", "failures=json", "alarms=data", "=data",
		"failures=data,failures=card", "failures=data,",
	} {
		t.Run("refused "+value, func(t *testing.T) {
			_, err := notify.ParseHTTPSBodies("context key httpsBody", value)
			if apperr.ClassOf(err) != apperr.Invalid {
				t.Fatalf("got %v, want it refused", err)
			}
			for _, want := range []string{"context key httpsBody", strconv.Quote(value), "card or data"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
	if got := (notify.HTTPSBodies{}).String(); got != "card" {
		t.Errorf("the zero value: got %q, want card", got)
	}
}

// Of all bodies only the one for https depends on the choice.
func TestStructureByHTTPSBody(t *testing.T) {
	for name, subject := range goldens() {
		t.Run(name, func(t *testing.T) {
			var card, data map[string]string
			for https, bodies := range map[notify.HTTPSBody]*map[string]string{
				"": &card, notify.HTTPSCard: &card, notify.HTTPSData: &data,
			} {
				text := subject.Message(notify.Options{HTTPS: https}).Structure()
				if err := json.Unmarshal([]byte(text), bodies); err != nil {
					t.Fatal(err)
				}
			}
			m := subject.Message(notify.Options{})
			if card["https"] != m.Card || data["https"] != m.Data {
				t.Errorf("got the https bodies %s and %s, want the card and the machine form", card["https"], data["https"])
			}
			card["https"] = data["https"]
			if diff := cmp.Diff(card, data); diff != "" {
				t.Errorf("other bodies (-card +data):\n%s", diff)
			}
		})
	}
}

// cards compiles the schema of custom notifications.
var cards = sync.OnceValue(func() *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4)
	return compiler.MustCompile("testdata/card.schema.json")
})

// validate checks a JSON text against a schema.
func validate(schema *jsonschema.Schema, text string) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func TestEveryNotificationFollowsItsSchemas(t *testing.T) {
	for name, subject := range goldens() {
		m := subject.Message(notify.Options{})
		if name == "test-alarm" { // has CloudWatch's form
			continue
		}
		if err := validate(cards(), m.Card); err != nil {
			t.Errorf("%s: %v in %s", name, err, m.Card)
		}
		if err := validate(notification(), m.Data); err != nil {
			t.Errorf("%s: %v in %s", name, err, m.Data)
		}
	}
}

// A program that gets the card finds there what it keys and resolves on, with the
// values of the machine form and of the message attributes.
func TestCardHasAdditionalContext(t *testing.T) {
	for name, subject := range goldens() {
		t.Run(name, func(t *testing.T) {
			if name == "test-alarm" {
				t.Skip("has CloudWatch's form")
			}
			m := subject.Message(notify.Options{})
			var card struct {
				Metadata struct{ AdditionalContext map[string]string }
			}
			var data struct {
				Severity, Kind, Account, Region string
				Incident                        *struct {
					ID, Stage, Class, Scope string
					Calls                   int
				}
				Match     *struct{ Rule string }
				Rehearsal bool
			}
			if err := json.Unmarshal([]byte(m.Card), &card); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(m.Data), &data); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"severity": data.Severity, "kind": data.Kind, "account": data.Account, "region": data.Region,
			}
			if i := data.Incident; i != nil {
				want["incident"], want["stage"], want["class"], want["scope"] = i.ID, i.Stage, i.Class, i.Scope
				want["calls"] = strconv.Itoa(i.Calls)
			}
			if data.Match != nil {
				want["rule"] = data.Match.Rule
			}
			if data.Rehearsal {
				want["rehearsal"] = "true"
			}
			maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
			got := card.Metadata.AdditionalContext
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("additionalContext (-want +got):\n%s", diff)
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if attribute, both := m.Attributes[key]; both && attribute != got[key] {
					t.Errorf("%s: got %q in the card and %q as an attribute, want the same", key, got[key], attribute)
				}
			}
		})
	}
}
