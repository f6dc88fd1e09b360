package chime_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

// liberal lists what Parse accepts although a schema does not allow it: by the
// field's JSON pointer, for which values, and why.
var liberal = []struct {
	pointer *regexp.Regexp
	values  func(value any, detail map[string]any) bool // nil: all, and its absence
	why     string
}{
	{at("/version|/service-type|/replay-name|/region|/resources(/[0-9]+)?"), nil, "nothing is decided by it"},
	{at("/account"), nil, "the guide's examples have a number there; a wrong account must not hide a failure"},
	{at("/source"), nil, "rules choose by the source; an event that came by another way is still an event"},
	{at("/id"), isText, "an id needs to be its own and to fit a key, not to be readable"},
	{at("/time"), isMoment, "whoever forwards an event may write its time in another form"},
	{at("/detail"), isObjectText, "JSON text says the same as the object"},
	{at("/detail/version"), nil, "nothing is decided by it"},
	{at("/detail/(callId|transactionId|voiceConnectorId|direction|fromNumber|toNumber)"), nil,
		"runtime metadata may collide with it: kept as metadata"},
	{at("/detail/(failureReason|failureOrigin|httpStatusCode)"), nil,
		"a failure without a readable reason is still a failure"},
	{at("/detail/mediaInsightsPipelineArn"), isText, "a text that is no ARN of Chime still names the pipeline"},
	{at("/detail/mediaInsightsPipelineArn"), ofFailedCreation,
		"a failed creation may lack it, so it need not be readable"},
	{at("/detail/mediaInsightsPipelineConfigurationArn"), nil, "runtime metadata may collide with it: kept as metadata"},
	{at("/detail/mediaInsightsPipelineElementStatuses(/.*)?"), nil,
		"what cannot be read of the list is kept as metadata; the rest, and the pipeline's own status, count without it"},
	{at("/detail/ruleName"), isText, "the limits of a rule's name may be widened"},
	{at("/detail/(sourceMetadata|utteranceId|resultId|beginTimestamp|endTimestamp)"), nil,
		"a match of a rule is notified even where its place is not known"},
	{at("/detail/(taskId|detailStatus)"), nil, "a notification is kept whatever it lacks"},
	{at("/detail/(isCaller|inviteHeaders|speakerSearch|voiceTone|mediaInsightsPipelineId).*"), nil,
		"kept as it came, and not interpreted"},
	{at("/detail/(sourceArn|streamArn|channelId|startFragmentNumber).*"), nil, "kept as it came, and not interpreted"},
}

func at(pointer string) *regexp.Regexp { return regexp.MustCompile("^(?:" + pointer + ")$") }

func isText(value any, _ map[string]any) bool {
	text, ok := value.(string)
	return ok && text != ""
}

func isMoment(value any, _ map[string]any) bool { return !moment(value).IsZero() }

func isObjectText(value any, _ map[string]any) bool {
	_, ok := unfold(value).(map[string]any)
	return ok && value != nil
}

func ofFailedCreation(_ any, detail map[string]any) bool {
	return detail["eventType"] == chime.EventCreateFailed
}

// odd are JSON values that stand in for those of an example.
var odd = strings.Fields(`
	null true [] {} [""] [1] [null] [[]] [{}] {"a":1} [{"type":"S3RecordingSink","status":"Stopped"}]
	[{"type":"","status":"Stopped"}]
	[{"type":"S3RecordingSink"},{"type":"KinesisDataStreamSink","status":"Failed"}]
	[7,{"type":"S3RecordingSink","status":"Failed"},"x"] {"type":"S3RecordingSink","status":"Failed"}
	"[{\"type\":\"S3RecordingSink\",\"status\":\"Failed\"}]" ["{\"type\":\"S3RecordingSink\",\"status\":\"Failed\"}"]
	"{\"callId\":\"c\",\"eventType\":\"e\"}" "{" "[]x"
	1773064931 1773064931.25 "1773064931" "1773064931123456" 1773064931123456789 "2026-03-09T14:02:11+0000"
	"2026-03-09T14:02:11-00:00" "20260309T140211Z"
	0 -0 -1 7 0.5 1.5 1e3 1E+2 1e-2 200 9007199254740993 1e400 -1e400
	12345678901 111122223333.0 1.11122223333e11 999999999999 1000000000000
	1773064931123 1773064931123.0 1.773064931123e12 1773064931123.5 253402300799999 253402300800000
	"" "0" "-1" "7.5" "x" "1773064931123" "111122223333" "1111" "null" "\u0000" "\ud800" "\n" "\ud83d\ude00" "é" "\u00e9"
	"2026-03-09T14:02:11Z" "2026-03-09T14:02:11.5Z" "2026-03-09T14:02:11.123456789Z" "2026-03-09T14:02:11.1234567891Z"
	"2026-03-09T14:02:11,5Z"
	"2026-03-09T14:02:11+05:30" "2026-03-09T14:02:11" "2026-03-09t14:02:11z" "2026-03-09" "2026-02-29T14:02:11Z"
	"2016-12-31T23:59:60Z" "2026-03-09T24:00:00Z"
	"1969-12-31T23:59:59Z" "1970-01-01T00:30:00+01:00" "1970-01-01T00:00:00Z" "9999-12-31T23:59:59.999999999Z"
	"9999-12-31T23:59:59-00:01" "10000-01-01T00:00:00Z"
	"chime:MediaInsightsCreateFailed" "chime:MediaInsightsSplit" "arn:aws:chime:us-east-1:111122223333:media-pipeline/p"
	"arn:aws-cn:chime:x:111122223333:other" "Failed"`)

func oddValues() []json.RawMessage {
	var values []json.RawMessage
	for _, text := range append(odd, `" "`, `"2026-03-09 14:02:11Z"`, `"a rule"`, quoted("é", 129), quoted("x", 256),
		quoted("x", 257), quoted("x", 5000)) {
		values = append(values, json.RawMessage(text))
	}
	return values
}

func quoted(letter string, n int) string { return `"` + strings.Repeat(letter, n) + `"` }

// place is a member of an object or an array inside an event.
type place struct {
	pointer string
	in      any // map[string]any or []any
	key     string
	at      int
}

// places lists every member below value, which is at a pointer, in the same order
// each time.
func places(pointer string, value any) []place {
	var list []place
	add := func(p place, token string, child any) {
		p.pointer = pointer + "/" + token
		list = append(append(list, p), places(p.pointer, child)...)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			add(place{in: v, key: key}, key, v[key])
		}
	case []any:
		for i := range v {
			add(place{in: v, at: i}, strconv.Itoa(i), v[i])
		}
	}
	return list
}

// lacking lists the members that other examples of the same kind have in the
// detail, and this one has not.
func lacking(t *testing.T, example schemas.Example, detail map[string]any) []place {
	t.Helper()
	var list []place
	keys := map[string]bool{}
	for _, other := range schemas.Examples() {
		if other.Schema != example.Schema {
			continue
		}
		for key := range decoded(t, other.Body)["detail"].(map[string]any) {
			if _, there := detail[key]; !there && !keys[key] {
				keys[key] = true
				list = append(list, place{pointer: "/detail/" + key, in: detail, key: key})
			}
		}
	}
	return list
}

// put sets the member and returns what undoes it.
func (p place) put(value any) func() {
	if object, ok := p.in.(map[string]any); ok {
		before, there := object[p.key]
		object[p.key] = value
		return func() {
			if object[p.key] = before; !there {
				delete(object, p.key)
			}
		}
	}
	array := p.in.([]any)
	before := array[p.at]
	array[p.at] = value
	return func() { array[p.at] = before }
}

// drop removes the member of an object, and returns what undoes it.
func (p place) drop() func() {
	object, ok := p.in.(map[string]any)
	if !ok {
		return func() {}
	}
	before, there := object[p.key]
	delete(object, p.key)
	return func() {
		if there {
			object[p.key] = before
		}
	}
}

func decoded(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var event map[string]any
	if err := dec.Decode(&event); err != nil {
		t.Fatal(err)
	}
	return event
}

func encoded(t testing.TB, event any) []byte {
	t.Helper()
	raw, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Every example, with every one of its fields dropped or replaced by every odd
// value: what the schema accepts Parse accepts, with the values that are there, and
// what it accepts beyond the schema is in the list.
func TestParseAcceptsWhatTheSchemasAccept(t *testing.T) {
	used := map[int]bool{}
	accepted, beyond := 0, 0
	hold := func(t *testing.T, raw []byte) {
		t.Helper()
		if t.Failed() {
			return // one failure of an example is easier to read than hundreds
		}
		switch held(t, raw, used) {
		case byBoth:
			accepted++
		case byParse:
			beyond++
		}
	}
	values, seen := oddValues(), map[string]bool{}
	for _, example := range schemas.Examples() {
		t.Run(example.Name, func(t *testing.T) {
			hold(t, example.Body)
			event := decoded(t, example.Body)
			for _, p := range append(places("", event), lacking(t, example, event["detail"].(map[string]any))...) {
				if id := example.Schema + p.pointer; seen[id] {
					continue // another example of the kind has shown it
				} else if example.Name != "create-failed" { // which may lack what others need
					seen[id] = true
				}
				undo := p.drop()
				hold(t, encoded(t, event))
				undo()
				for _, value := range values {
					undo := p.put(value)
					hold(t, encoded(t, event))
					undo()
				}
			}
		})
	}
	t.Logf("%d events taken as the schemas allow, %d beyond", accepted, beyond)
	if accepted < 5000 || beyond < 5000 {
		t.Errorf("got %d events taken as the schemas allow and %d beyond, too few to prove anything", accepted, beyond)
	}
	for i, l := range liberal {
		if !used[i] {
			t.Errorf("Parse is listed as liberal about %s (%s), and no event showed it", l.pointer, l.why)
		}
	}
}

// The same with several fields changed at once, and with a field of one place put
// next to those of another.
func TestParseAcceptsWhatTheSchemasAcceptOfManyChanges(t *testing.T) {
	examples, values := schemas.Examples(), oddValues()
	rapid.Check(t, func(rt *rapid.T) {
		for range 10 { // a check costs more than an event
			event := decoded(t, examples[rapid.IntRange(0, len(examples)-1).Draw(rt, "example")].Body)
			for range rapid.IntRange(2, 5).Draw(rt, "changes") {
				list := places("", event)
				p := list[rapid.IntRange(0, len(list)-1).Draw(rt, "place")]
				switch rapid.IntRange(0, 3).Draw(rt, "change") {
				case 0:
					p.drop()
				case 1:
					other := decoded(t, examples[rapid.IntRange(0, len(examples)-1).Draw(rt, "other")].Body)
					if detail, ok := event["detail"].(map[string]any); ok {
						maps.Copy(detail, other["detail"].(map[string]any))
					}
				default:
					p.put(values[rapid.IntRange(0, len(values)-1).Draw(rt, "value")])
				}
				event = decoded(t, encoded(t, event))
			}
			held(rt, encoded(t, event), map[int]bool{})
		}
	})
}

type verdict int

const (
	byNeither verdict = iota
	byBoth
	byParse
)

// failer is what held needs of *testing.T and *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// held holds what the schema says of an event against what Parse does with it.
func held(t failer, raw []byte, used map[int]bool) verdict {
	t.Helper()
	schema, problems, validateErr := schemas.Validate(raw)
	ev, err := chime.Parse(raw)
	event := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&event); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	if schema == "consent" { // the consent package holds it against its own parser
		return byNeither
	}
	if err != nil {
		if validateErr == nil && len(problems) == 0 {
			t.Errorf("the schema accepts what Parse refuses: %v\n%.600s", err, raw)
		}
		return byNeither
	}
	if diff := cmp.Diff(taken(event), ev, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(chime.Event{}, "Raw"),
		cmp.Comparer(sameJSON)); diff != "" {
		t.Errorf("Parse took other values than are there (-there +taken):\n%s\n%.600s", diff, raw)
	}
	if validateErr != nil { // a detail type without a schema is kept, whatever it is
		return byNeither
	}
	for _, p := range problems {
		if !listed(p.Pointer, event, used) {
			t.Errorf("Parse accepts what the schema refuses, and is not listed as liberal there: %v\n%.600s", p, raw)
		}
	}
	if len(problems) > 0 {
		return byParse
	}
	return byBoth
}

func listed(pointer string, event map[string]any, used map[int]bool) bool {
	value := valueAt(event, pointer)
	detail, _ := event["detail"].(map[string]any)
	found := false
	for i, l := range liberal {
		if (l.values == nil || l.values(value, detail)) && l.pointer.MatchString(pointer) {
			used[i], found = true, true
		}
	}
	return found
}

// valueAt returns the value at a pointer of plain keys, nil where there is none.
func valueAt(value any, pointer string) any {
	for key := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}
