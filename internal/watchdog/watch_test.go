package watchdog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

const arn = "arn:aws:chime:us-east-1:111122223333:media-pipeline/0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var limits = watchdog.Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Quota: 20}

// events are those of one pipeline.
type events = []*chime.Event

// after returns the state that events prove, each so long after the start.
func after(t *testing.T, events ...*chime.Event) pipeline.State {
	t.Helper()
	var st pipeline.State
	for _, ev := range events {
		delta, err := pipeline.FromEvent(ev)
		if err != nil {
			t.Fatal(err)
		}
		st = pipeline.Merge(st, delta)
	}
	return st
}

func event(at time.Duration, eventType string, elements ...chime.Element) *chime.Event {
	return &chime.Event{
		ID: "e" + at.String(), DetailType: chime.DetailStateChange, Account: "111122223333", Region: "us-east-1",
		Time: start.Add(at),
		StateChange: &chime.StateChange{
			EventType: eventType, PipelineARN: arn, Elements: elements, CallFields: chime.CallFields{CallID: "c1"},
		},
	}
}

func element(kind, status string) chime.Element { return chime.Element{Type: kind, Status: status} }

func TestStaleReason(t *testing.T) {
	cases := []struct {
		name   string
		events events
		now    time.Duration
		want   string // begins so
	}{
		{"it has just begun", events{event(0, chime.EventCreated)}, time.Minute, ""},
		{"nothing for an hour", events{event(0, chime.EventCreated), event(time.Minute, chime.EventInProgress)},
			62 * time.Minute, "without an event for over 1h"},
		{"paused too long", events{event(0, chime.EventInProgress), event(time.Minute, chime.EventPaused)},
			2*time.Hour + 7*time.Minute, "paused for longer"},
		{"paused a while, then other news",
			events{event(0, chime.EventPaused), event(2*time.Hour, "chime:MediaInsightsNovel")},
			2*time.Hour + 6*time.Minute, "paused for longer"},
		{"older than a pipeline gets, with fresh events",
			events{event(0, chime.EventCreated), event(8*time.Hour, chime.EventInProgress)},
			8*time.Hour + 6*time.Minute, "open for longer"},
		{"it has ended", events{event(0, chime.EventCreated), event(time.Minute, chime.EventStopped)}, 9 * time.Hour, ""},
		{"it is lost already", events{event(0, chime.EventCreated), event(time.Hour, chime.EventObservedLost)},
			9 * time.Hour, ""},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			got := watchdog.StaleReason(after(t, test.events...), start.Add(test.now), limits)
			if !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnrecovered(t *testing.T) {
	failing := event(0, chime.EventTemporaryFailure,
		element(chime.ElementKinesisSink, "TemporarilyFailed"), element(chime.ElementTranscribe, "InProgress"))
	for _, test := range []struct {
		name string
		st   pipeline.State
		now  time.Duration
		want bool
	}{
		{"it may recover yet", after(t, failing), 4 * time.Minute, false},
		{"it should have recovered", after(t, failing), 5 * time.Minute, true},
		{"it fails still when the service ends pipelines", after(t, failing), 8 * time.Hour, true},
		{"no pipeline lasts so long", after(t, failing), 8*time.Hour + 6*time.Minute, false},
		{"it has recovered", after(t, failing, event(time.Minute, chime.EventInProgress)), time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, since, got := watchdog.Unrecovered(test.st, start.Add(test.now), limits)
			if got != test.want || got && (e.Type != chime.ElementKinesisSink || !since.Equal(start)) {
				t.Errorf("got %v, element %v, since %v, want %v", got, e, since, test.want)
			}
		})
	}
}

// What people lose goes by the gravest element, wherever it stands in the list.
func TestUnrecoveredNamesTheGravest(t *testing.T) {
	for _, other := range []string{chime.ElementKinesisSink, chime.ElementVoiceEnhancementSink} {
		st := after(t, event(0, chime.EventTemporaryFailure,
			element(chime.ElementRecordingSink, "TemporarilyFailed"), element(other, "TemporarilyFailed")))
		if e, _, ok := watchdog.Unrecovered(st, start.Add(time.Hour), limits); !ok || e.Type != chime.ElementRecordingSink {
			t.Errorf("next to %s: got %q, %v, want %s", other, e.Type, ok, chime.ElementRecordingSink)
		}
	}
}

func TestLingers(t *testing.T) {
	voice := element(chime.ElementVoiceAnalytics, "InProgress")
	stopped, runs := element(chime.ElementKinesisSink, "Stopped"), element(chime.ElementKinesisSink, "InProgress")
	for _, test := range []struct {
		name string
		ev   *chime.Event
		now  time.Duration
		want bool
	}{
		{"the others have stopped", event(0, chime.EventInProgress, voice, stopped), time.Hour, true},
		{"they stopped just now", event(0, chime.EventInProgress, voice, stopped), time.Minute, false},
		{"another one runs", event(0, chime.EventInProgress, voice, runs), time.Hour, false},
		{"voice analytics alone may be at work", event(0, chime.EventInProgress, voice), time.Hour, false},
		{"no voice analytics", event(0, chime.EventInProgress, stopped), time.Hour, false},
		{"all has stopped", event(0, chime.EventStopped, voice, stopped), time.Hour, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := watchdog.Lingers(after(t, test.ev), start.Add(test.now)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNearQuota(t *testing.T) {
	for _, test := range []struct {
		active int
		warned bool
		want   bool
	}{{15, false, false}, {16, false, true}, {15, true, true}, {14, true, true}, {13, true, false}, {40, false, true}} {
		if got := watchdog.NearQuota(test.active, test.warned, limits); got != test.want {
			t.Errorf("%d of 20, warned %v: got %v, want %v", test.active, test.warned, got, test.want)
		}
	}
}

func TestObservationMergesLikeAnEvent(t *testing.T) {
	const recording = chime.ElementRecordingSink
	running := after(t, event(0, chime.EventCreated),
		event(time.Minute, chime.EventInProgress, element(recording, "InProgress")))
	novel := after(t, event(0, "chime:MediaInsightsNovel"))
	answer := func(status string, elements ...watchdog.AnswerElement) watchdog.Answer {
		return watchdog.Answer{Status: status, Elements: elements}
	}
	is := func(status string) watchdog.AnswerElement {
		return watchdog.AnswerElement{Type: recording, Status: status}
	}
	failing := after(t, event(0, chime.EventTemporaryFailure))
	asked := start.Add(2 * time.Hour)
	cases := []struct {
		name   string
		st     pipeline.State
		answer watchdog.Answer
		want   pipeline.Status
		news   bool
	}{
		{"it has stopped", running, answer("Stopped", is("Stopped")), pipeline.Stopped, true},
		{"it is about to stop, which it has not done", running, answer("Stopping", is("InProgress")),
			pipeline.InProgress, false},
		{"it is initializing", novel, answer("Initializing"), pipeline.Created, true},
		{"it has not started", novel, answer("NotStarted"), pipeline.Created, true},
		{"it is paused", running, answer("Paused"), pipeline.Paused, true},
		{"an element has failed next to one without a status", running,
			answer("InProgress", watchdog.AnswerElement{Type: "KinesisDataStreamSink"}, is("Failed"),
				watchdog.AnswerElement{Status: "Failed"}),
			pipeline.InProgress, true},
		{"its metadata are the customer's", running, watchdog.Answer{Status: "InProgress", Metadata: map[string]string{
			"eventType": "chime:MediaInsightsStopped", "failureReason": "x",
			"mediaInsightsPipelineElementStatuses": `[{"type":"S3RecordingSink","status":"Failed"}]`,
		}}, pipeline.InProgress, false},
		{"it runs", running, answer("InProgress", is("InProgress")), pipeline.InProgress, false},
		{"an element has failed", running, answer("InProgress", is("Failed")), pipeline.InProgress, true},
		{"it has failed", running, answer("Failed"), pipeline.Failed, true},
		{"it is gone", running, watchdog.Answer{Gone: true}, pipeline.Lost, true},
		{"a status that is new", running, answer("Hibernating"), pipeline.InProgress, false},
		{"the API knows no temporary failure", failing, answer("InProgress"), pipeline.InProgress, false},
		{"the failing one has ended", failing, answer("Stopped"), pipeline.Stopped, true},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			ev, err := watchdog.Observation(test.st, test.answer, "a test", asked)
			if err != nil {
				t.Fatal(err)
			}
			again, err := chime.Parse(ev.Raw)
			if err != nil || again.ID != ev.ID {
				t.Fatalf("the observation's bytes do not parse to it: %v", err)
			}
			delta := after(t, ev)
			if got := watchdog.Changes(test.st, delta); got != test.news {
				t.Errorf("news: got %v, want %v", got, test.news)
			}
			merged := pipeline.Merge(test.st, delta)
			if test.answer.Status == "Hibernating" {
				if failing := len(merged.FailingElements()) > 0; failing != strings.HasPrefix(test.name, "an element has failed") {
					t.Errorf("got failing elements: %v", failing)
				}
				if merged.Status != test.want || merged.Observation != nil {
					t.Errorf("got %s observed %v, want %s as if it were unknown", merged.Status, merged.Observation, test.want)
				}
				return
			}
			if failing := len(merged.FailingElements()) > 0; failing != strings.HasPrefix(test.name, "an element has failed") {
				t.Errorf("got failing elements: %v", failing)
			}
			if merged.Status != test.want || merged.Observation == nil || !merged.Observation.At().Equal(asked) {
				t.Errorf("got %s observed %v, want %s observed at %v", merged.Status, merged.Observation, test.want, asked)
			}
			if merged.CallID != test.st.CallID || !merged.CreatedAt.Equal(test.st.CreatedAt) {
				t.Errorf("the observation changed the call or its beginning: %+v", merged)
			}
		})
	}
}

func TestOurs(t *testing.T) {
	state := func(account, region, arn string) pipeline.State {
		return pipeline.State{ID: pipeline.IDFromARN(arn), PipelineARN: arn, Account: account, Region: region}
	}
	const elsewhere = "arn:aws:chime:eu-central-1:999988887777:media-pipeline/p"
	for _, test := range []struct {
		name            string
		state           pipeline.State
		account, region string // of the watch
		want            bool
	}{
		{"ours", state("111122223333", "us-east-1", arn), "111122223333", "us-east-1", true},
		{"of another account", state("999988887777", "us-east-1", arn), "111122223333", "us-east-1", false},
		{"of another Region", state("111122223333", "eu-central-1", arn), "111122223333", "us-east-1", false},
		{"by its ARN", state("", "", arn), "111122223333", "us-east-1", true},
		{"elsewhere by its ARN", state("", "", elsewhere), "111122223333", "us-east-1", false},
		{"of no place", state("", "", "p"), "111122223333", "us-east-1", true},
		{"the watch knows no account", state("999988887777", "us-east-1", arn), "", "us-east-1", true},
		{"of another Region, the account not known", state("999988887777", "eu-central-1", arn), "", "us-east-1", false},
		{"a rehearsal", state("111122223333", "us-east-1", "rehearsal-p"), "111122223333", "us-east-1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := watchdog.Ours(test.state, test.account, test.region); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
