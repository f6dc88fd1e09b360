package dynamo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
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
		long("connector"),
		"arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/" + long("configuration"),
		long("element"), long("reason")}
}

func (c aCall) event(eventType string) *chime.Event {
	ev := &chime.Event{
		ID: chime.ShortID(c.id, chime.MaxIDLength), DetailType: chime.DetailStateChange, Source: chime.Source,
		Account: "111122223333", Region: "us-east-1", Time: noon,
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
		"Clear": func() error { return s.ClearCondition(t.Context(), "quota", noon) },
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
		return parse(t, fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"source":"aws.chime","time":%q,"detail":{
			"eventType":%q,"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:1:media-pipeline/p","callId":"c"}}`,
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
		if err != nil || len(open) != 1 || open[0].Status != pipeline.InProgress ||
			!open[0].UpdatedAt().Equal(events[1].Time) {
			t.Errorf("order %v: got %+v open (%v), want the pipeline as it is known", order, open, err)
		}
		for key, at := range world.Expiry(t) {
			if at > noon.Add(26*time.Hour).Unix() {
				t.Errorf("order %v: %s is kept until %v", order, key, time.Unix(at, 0).UTC())
			}
		}
		st, err := s.Pipeline(t.Context(), "p")
		if err != nil || st.Status != pipeline.Stopped || !st.EndedAt().Equal(far.Add(time.Minute)) {
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
