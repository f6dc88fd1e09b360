package eventrule_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/schemas"
)

// EventBridge accepts every rule, and every filter of the stream (PutRule in the EventBridge
// API reference, "Amazon EventBridge quotas", "Comparison operators" in the user guide).
func TestTableIsValid(t *testing.T) {
	const maxPattern = 2048 // bytes of JSON
	name := regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
	for _, o := range []eventrule.Options{{}, {Rehearsal: true, Account: "111122223333"}} {
		names := map[string]bool{}
		for _, rule := range eventrule.Table(o) {
			if !name.MatchString(rule.Name) || names[rule.Name] {
				t.Errorf("rule %q: its name is not valid, or is used twice", rule.Name)
			}
			names[rule.Name] = true
			if text, err := json.Marshal(rule.Pattern); err != nil || len(text) > maxPattern {
				t.Errorf("rule %s: got %d bytes of JSON (%v), want at most %d", rule.Name, len(text), err, maxPattern)
			}
			checkCondition(t, rule.Name, rule.Pattern)
		}
	}
	for _, filter := range eventrule.VoiceStreamFilters() {
		checkCondition(t, "filter", filter)
	}
}

// checkCondition checks what EventBridge would refuse: it accepts no empty condition, and
// reads an asterisk or a backslash in a wildcard otherwise than as such.
func checkCondition(t *testing.T, where string, condition eventrule.Condition) {
	t.Helper()
	size := 0
	switch c := condition.(type) {
	case eventrule.Pattern:
		for name, inner := range c {
			checkCondition(t, where+"."+name, inner)
		}
		size = len(c)
	case eventrule.Values:
		size = len(c)
	case eventrule.AnythingBut:
		size = len(c)
	case eventrule.Containing:
		size = len(c)
		for _, text := range c {
			if text == "" || strings.ContainsAny(text, `*\`) {
				t.Errorf("%s: %q is not valid in a wildcard", where, text)
			}
		}
	}
	if size == 0 {
		t.Errorf("%s: got the condition %v, want one that is not empty", where, condition)
	}
}

// matched returns the rules of a table that an event matches, as RULE>FUNCTION.
func matched(t *testing.T, table eventrule.Rules, event string) string {
	t.Helper()
	rules, err := table.Match([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rules {
		names = append(names, r.Name+">"+r.Function)
	}
	return strings.Join(names, " ")
}

// Every example goes to the functions that should have it, and voice notifications, which
// do not come by the bus, to none.
func TestTableRoutesExamples(t *testing.T) {
	const (
		state     = "state-change>status"
		permanent = state + " permanent-failure>failures"
		element   = state + " element-failure>failures"
		match     = "rules-matched>alerts"
		consent   = "consent>consent"
	)
	want := map[string]string{
		"created": state, "in-progress": state, "paused": state, "temporary-failure": state, "stopped": state,
		"create-failed": state + " create-failed>failures", "permanent-failure": permanent,
		"two-elements-transcribing": state, "two-elements-recording": state, "two-elements-paused": state,
		"two-elements-temporary-failure": state, "two-elements-stopped": state,
		"two-elements-processor-failed":    element,
		"two-elements-permanent-processor": permanent, "two-elements-permanent-recording": permanent,
		"voice-enhancement-in-progress": state, "voice-enhancement-not-supported": element,
		"voice-enhancement-permanent-failure": permanent,
		"rule-keyword-utterance":              match, "rule-keyword-result": match, "rule-keyword-negated": match,
		"rule-sentiment": match, "rule-issue": match,
		"consent-granted": consent, "consent-granted-until": consent, "consent-denied": consent,
		"consent-withdrawn": consent,
	}
	for _, example := range schemas.Examples() {
		t.Run(example.Name, func(t *testing.T) {
			got := matched(t, eventrule.Table(eventrule.Options{}), string(example.Body))
			if got != want[example.Name] {
				t.Errorf("got %q, want %q", got, want[example.Name])
			}
			delete(want, example.Name)
		})
	}
	if len(want) > 0 {
		t.Errorf("no such examples: %v", want)
	}
}

// Events that nothing documents go to the function status, which stores them, and to no other.
func TestTableRoutesUndocumentedEvents(t *testing.T) {
	for _, kind := range []string{chime.DetailCallInsightsState, chime.DetailCallInsightsRules} {
		event := fmt.Sprintf(`{"source":"aws.chime","detail-type":%q,"detail":{
			"eventType":"chime:MediaInsightsPermanentFailure",
			"mediaInsightsPipelineElementStatuses":[{"status":"Failed"}]}}`, kind)
		if got := matched(t, eventrule.Table(eventrule.Options{}), event); got != "call-insights>status" {
			t.Errorf("%s: got %q", kind, got)
		}
	}
}

// Elements that come as JSON text are found as well.
func TestTableRoutesElementsAsText(t *testing.T) {
	const failed = " element-failure-text>failures"
	for _, test := range []struct{ name, eventType, elements, want string }{
		{"failed", "chime:Other", `[{"status": "Failed"}]`, failed},
		{"not supported", "chime:Other", `[{"status":"NotSupported"}]`, failed},
		{"in progress", "chime:Other", `[{"status":"InProgress"}]`, ""},
		{"without quotes", "chime:Other", `Failed`, ""},
		{"with a rule of its own", "chime:MediaInsightsPermanentFailure", `[{"status":"Failed"}]`,
			" permanent-failure>failures"},
	} {
		t.Run(test.name, func(t *testing.T) {
			event := fmt.Sprintf(`{"source":"aws.chime","detail-type":"Media Insights State Change","detail":{
				"eventType":%q,"mediaInsightsPipelineElementStatuses":%q}}`, test.eventType, test.elements)
			got := matched(t, eventrule.Table(eventrule.Options{}), event)
			if want := "state-change>status" + test.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Rehearsed events are accepted only where the deployer wants them, and consent only from
// the account that is named: events could otherwise come from any account that forwards
// its bus here.
func TestOptionsLimitSourcesAndAccount(t *testing.T) {
	created, consent := string(must(t, "created").Body), string(must(t, "consent-granted").Body)
	rehearsal := strings.Replace(created, `"aws.chime"`, `"chimewatch.rehearsal"`, 1)
	foreign := strings.NewReplacer("111122223333", "999988887777").Replace
	ours := eventrule.Options{Account: "111122223333"}
	for _, tt := range []struct {
		name    string
		options eventrule.Options
		event   string
		want    string
	}{
		{"real", eventrule.Options{}, created, "state-change"},
		{"rehearsal", eventrule.Options{}, rehearsal, ""},
		{"real, with rehearsals", eventrule.Options{Rehearsal: true}, created, "state-change"},
		{"rehearsal, with rehearsals", eventrule.Options{Rehearsal: true}, rehearsal, "state-change"},
		{"consent", eventrule.Options{}, consent, "consent"},
		{"consent of the account", ours, consent, "consent"},
		{"consent of another account", ours, foreign(consent), ""},
		{"consent of another account, where any may", eventrule.Options{}, foreign(consent), "consent"},
		{"consent of no account", ours, strings.Replace(consent, `"account"`, `"tenant"`, 1), ""},
		{"real, of another account", ours, foreign(created), "state-change"},
		{"rehearsal of consent is none", eventrule.Options{Rehearsal: true},
			strings.Replace(consent, `"chimewatch.consent"`, `"chimewatch.rehearsal"`, 1), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, _ := strings.Cut(matched(t, eventrule.Table(tt.options), tt.event), ">")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The filters accept every voice notification and no other example.
func TestVoiceStreamFilters(t *testing.T) {
	var table eventrule.Rules
	for _, pattern := range eventrule.VoiceStreamFilters() {
		table = append(table, eventrule.Rule{Pattern: pattern})
	}
	for _, example := range schemas.Examples() {
		ev, err := chime.Parse(example.Body)
		if err != nil {
			t.Fatal(err)
		}
		passes := matched(t, table, `{"data":`+string(example.Body)+`}`) != ""
		if got, want := passes, ev.Voice != nil; got != want {
			t.Errorf("%s: got %t, want %t", example.Name, got, want)
		}
	}
}

func must(t *testing.T, name string) schemas.Example {
	t.Helper()
	example, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return example
}
