package dynamo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// aCall draws texts of a failed call, each of which becomes a part of a key or of an
// item, and may have any length.
type aCall struct{ id, arn, call, transaction, connector, configuration, element, reason string }

func drawCall(t *rapid.T, n int) aCall {
	long := func(label string) string {
		length := rapid.SampledFrom([]int{1, 36, 256, 257, 899, 900, 901, 1023, 1024, 1100, 2047, 2048, 2049, 20_000}).Draw(t,
			label)
		letters := rapid.SampledFrom([]string{"c", "é", "0", "|", "#"}).Draw(t, "letter of "+label)
		return strings.Repeat(letters, length/len(letters)+1) + fmt.Sprint(label, n) // unlike all others
	}
	return aCall{long("event"), "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + long("pipeline"), long("call"),
		long("transaction"),
		long("connector"), "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/" + long("configuration"), long("element"), long("reason")}
}

func (c aCall) event(eventType string) *chime.Event {
	ev := &chime.Event{
		ID: chime.ShortID(c.id, chime.MaxIDLength), DetailType: chime.DetailStateChange, Source: chime.Source, Account: "111122223333", Region: "us-east-1", Time: noon,
		Raw: []byte("{}"),
		StateChange: &chime.StateChange{
			EventType: eventType, PipelineARN: c.arn, ConfigurationARN: c.configuration, FailureReason: c.reason,
			CallFields: chime.CallFields{CallID: c.call, TransactionID: c.transaction, VoiceConnectorID: c.connector},
			Elements:   []chime.Element{{Type: c.element, Status: chime.StatusFailed, UpdatedOn: noon.UnixMilli()}},
		},
	}
	if eventType == chime.EventCreateFailed {
		ev.StateChange.PipelineARN = ""
	}
	return ev
}

// Whatever the length of what an event says, its pipeline is kept and its failure joins
// an incident, once; each id leads to it whole, and to no other call.
func TestTextsOfAnyLengthAreKeptAndFound(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		c := drawCall(rt, n)
		ev := c.event(rapid.SampledFrom([]string{chime.EventPermanentFailure, chime.EventCreateFailed,
			chime.EventStopped}).Draw(rt, "eventType"))
		match := &chime.Event{ID: ev.ID, DetailType: chime.DetailRulesMatched, Time: noon, Raw: []byte(`{}`),
			RulesMatched: &chime.RulesMatched{RuleName: strings.Repeat("r", 500), CallFields: ev.StateChange.CallFields}}
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			rt.Fatal(err)
		}
		f := incident.Report{
			Group: incident.Group{Scope: incident.ScopeOf(st), Element: c.element}, Reason: c.reason,
			Occurrence: incident.Occurrence{PipelineID: st.ID, CallID: st.CallID, At: noon},
		}
		var i incident.Incident
		for range 2 {
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				rt.Fatal(err)
			}
			if err := s.RecordMatch(t.Context(), match, "x"); err != nil {
				rt.Fatal(err)
			}
			if i, err = join(t.Context(), s, f); err != nil {
				rt.Fatal(err)
			}
		}
		refs := []string{st.ID, c.call, c.transaction}
		if st.PipelineARN != "" {
			refs = append(refs, st.PipelineARN, strings.SplitAfter(st.PipelineARN, "media-pipeline/")[1])
		}
		for _, ref := range refs {
			found, err := s.Find(t.Context(), ref)
			if diff := cmp.Diff([]pipeline.State{st}, found); err != nil || diff != "" {
				rt.Fatalf("found by %.60s… (%v), want (-), got (+):\n%s", ref, err, diff)
			}
		}
		history, err := s.History(t.Context(), st.ID)
		if err != nil || len(history) != 1 || history[0].ID != ev.ID {
			rt.Fatalf("got a history of %d (%v), want the event", len(history), err)
		}
		if matches, err := s.Matches(t.Context(), st); err != nil || len(matches) == 0 {
			rt.Fatalf("got %d matches (%v), want one", len(matches), err)
		}
		rule := rulematch.KeyOf(match, false)
		notice := notify.Notification{ID: "rule-match/" + rule.Name() + "/1", Kind: "rule-match"}
		if err := once(t.Context(), s, dynamo.PartitionOfMatches(rule), notice, "me", nothing); err != nil {
			rt.Fatal(err)
		}
		tally, err := s.CountOccurrences(t.Context(), i.ID)
		if err != nil || tally.Calls != 1 {
			rt.Fatalf("got %d calls in the incident (%v), want one", tally.Calls, err)
		}
		if joined, err := s.IncidentsOf(t.Context(), st.ID); err != nil || !slices.Equal(joined, []string{i.ID}) {
			rt.Fatalf("got the incidents %v (%v), want %s", joined, err, i.ID)
		}
		if kept, err := s.Incident(t.Context(), i.ID); err != nil || kept.Group != i.Group || !strings.HasPrefix(c.reason,
			strings.TrimSuffix(kept.Reason, "…")) || kept.Reason == "" {
			rt.Fatalf("got %+v (%v), want what Join returned", kept, err)
		}
	})
	page, err := s.List(t.Context(), pipeline.Query{Limit: 10 * n})
	if err != nil || len(page.States) != n {
		t.Errorf("got %d pipelines in the list (%v), want %d", len(page.States), err, n)
	}
}

// A call whose ids are too long for keys is erased by any of them, as a whole.
func TestCallWithLongIDsIsErased(t *testing.T) {
	db := faultinject.Server(t)
	c := aCall{"e", "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + strings.Repeat("p", 1100),
		strings.Repeat("c", 1100), strings.Repeat("t", 3000), "vc", "", chime.ElementRecordingSink, "denied"}
	for _, ref := range []string{c.arn, c.call, c.transaction} {
		world := faultinject.NewWorld(t, db)
		s := at(world.Process(), noon)
		ev := c.event(chime.EventPermanentFailure)
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
		b, err := s.Belongings(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Erase(t.Context(), b, ref[:20], "me"); err != nil {
			t.Fatal(err)
		}
		for key := range world.Dump(t) {
			if tabletest.ParseKey(key).Type() != tabletest.Erasure {
				t.Errorf("erased by %.20s…: %.100s is left", ref, key)
			}
		}
	}
}

// Of the history every event is kept, once: those that differ in nothing but their id
// included.
func TestHistoryHasEveryEventOnce(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ids := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "deliveries") {
			id := rapid.SampledFrom([]string{"a", "b", "c", strings.Repeat("d", 300), strings.Repeat("d", 301)}).Draw(rt, "id")
			ev := &chime.Event{ID: id, DetailType: chime.DetailStateChange, Time: noon, Raw: []byte("{}"),
				StateChange: &chime.StateChange{
					EventType: chime.EventInProgress, PipelineARN: fmt.Sprint("arn:aws:chime:us-east-1:1:media-pipeline/h", n)}}
			ids[id] = true
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				rt.Fatal(err)
			}
		}
		history, err := s.History(t.Context(), fmt.Sprint("h", n))
		if err != nil || len(history) != len(ids) {
			rt.Fatalf("got %d events (%v), want %d", len(history), err, len(ids))
		}
		for _, r := range history {
			if !ids[r.ID] {
				rt.Fatalf("got an event %q that never came", r.ID)
			}
		}
	})
}

// What is said of a thing that has expired, or never was, makes no item.
func TestNothingIsMadeOfWhatIsNotThere(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	for name, say := range map[string]func() error{
		"MarkAsked":         func() error { return s.MarkAsked(t.Context(), "p", noon) },
		"EndLapse, by call": func() error { return s.EndExpiry(t.Context(), voicetask.Expiry{Event: "e", CallID: "c"}) },
		"EndLapse": func() error {
			return s.EndExpiry(t.Context(), voicetask.Expiry{Event: "e",
				TransactionID: "t"})
		},
		"Lower": func() error { return s.ClearCondition(t.Context(), "quota", noon) },
	} {
		if err := say(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if items := world.Dump(t); len(items) != 0 {
			t.Errorf("%s: got %v, want nothing", name, items)
		}
	}
}

// Events of the future change nothing of the promise that any order of delivery ends
// the same; and the pipeline stays among the open ones, as what is known of it says.
func TestEventsOfTheFutureInAnyOrder(t *testing.T) {
	db := faultinject.Server(t)
	change := func(id, eventType string, at time.Time) *chime.Event {
		return parse(t, fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"source":"aws.chime","time":%q,"detail":{"eventType":%q,"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:1:media-pipeline/p","callId":"c"}}`,
			id, chime.DetailStateChange, at.Format(time.RFC3339), eventType))
	}
	far := noon.AddDate(70, 0, 0)
	events := []*chime.Event{
		change("a", chime.EventCreated, noon.Add(-2*time.Minute)), change("b", chime.EventInProgress, noon.Add(-time.Minute)),
		change("c", chime.EventPaused, far), change("d", chime.EventStopped, far.Add(time.Minute)),
	}
	var want map[string]string
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 3, 1, 2}, {3, 0, 0, 2, 1, 3}, {1, 3, 0, 2},
		{2, 0, 3, 1, 1}} {
		world := faultinject.NewWorld(t, db)
		s := at(world.Process(), noon)
		for _, n := range order {
			if err := pipeline.RecordEvent(t.Context(), s, events[n]); err != nil {
				t.Fatal(err)
			}
		}
		got := world.Dump(t)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order %v (-want +got):\n%s", order, diff)
		}
		open, err := s.Open(t.Context())
		if err != nil || len(open) != 1 || open[0].Status != pipeline.InProgress || !open[0].UpdatedAt().Equal(events[1].Time) {
			t.Errorf("order %v: got %+v open (%v), want the pipeline as it is known", order, open, err)
		}
		for key, at := range world.Expiry(t) {
			if at > noon.Add(26*time.Hour).Unix() {
				t.Errorf("order %v: %s is kept until %v", order, key, time.Unix(at, 0).UTC())
			}
		}
		if st, err := s.Pipeline(t.Context(), "p"); err != nil || st.Status != pipeline.Stopped || !st.EndedAt().Equal(far.Add(time.Minute)) {
			t.Errorf("order %v: got %+v (%v), want it shown as its events say", order, st, err)
		}
	}
}

// Of a pipeline that only events of the future are about, nothing is known.
func TestNothingIsKnownOfTheFuture(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	ev := story(t)[1]
	ev.Time = noon.Add(pipeline.Skew + time.Second)
	if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
		t.Fatal(err)
	}
	st, err := s.Pipeline(t.Context(), pipeline.IDOf(ev))
	if err != nil {
		t.Fatal(err)
	}
	if known, ok, err := s.Known(t.Context(), st); err != nil || ok {
		t.Errorf("got %+v, %v (%v), want nothing known", known, ok, err)
	}
	if open, err := s.Open(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("got %d open (%v), want none", len(open), err)
	}
	later := at(world.Process(), noon.Add(2*time.Second))
	if known, ok, err := later.Known(t.Context(), st); err != nil || !ok || known.Status != st.Status {
		t.Errorf("two seconds later: got %+v, %v (%v), want the state", known, ok, err)
	}
}
