package flows_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// withDetails adds fields to the detail of an event, and texts to its failed elements.
func withDetails(event []byte, fields, elementDetail string) []byte {
	text := strings.Replace(string(event), `"detail":{`, `"detail":{`+fields, 1)
	if elementDetail != "" {
		text = strings.ReplaceAll(text, `"status":"Failed"`, `"status":"Failed","statusDetail":"`+elementDetail+`"`)
	}
	return []byte(text)
}

// The incident that a failure belongs to does not depend on what the table knew when it was
// handled: cause, reason and element come from the event. Only the scope comes from the
// table, as not every event names it.
func TestCauseAndElementComeFromTheEvent(t *testing.T) {
	sink := testCall{id: "p1", connector: "abc", elements: element(chime.ElementKinesisSink, "Failed")}
	for _, tt := range []struct {
		name         string
		known, event []byte
		class        incident.Class
		element      string
		reason       string
	}{
		{
			name:  "the table knows a cause",
			known: testCall{id: "p1", connector: "abc", reason: denied}.event(chime.EventTemporaryFailure, noon),
			event: testCall{id: "p1"}.event(chime.EventPermanentFailure, minutes(1)),
			class: incident.Unknown,
		},
		{
			name:  "the table knows an element that failed",
			known: withDetails(sink.event(chime.EventInProgress, noon), "", "AccessDenied"),
			event: testCall{id: "p1", reason: "It broke"}.event(chime.EventPermanentFailure, minutes(1)),
			class: incident.Unknown, reason: "It broke",
		},
		{
			name:  "the event names the element",
			known: runningCall("p1", noon),
			event: withDetails(testCall{id: "p1", elements: sink.elements}.event(chime.EventPermanentFailure, minutes(1)),
				"", "AccessDenied"),
			class: incident.Permissions, element: chime.ElementKinesisSink, reason: "AccessDenied",
		},
	} {
		for _, order := range []string{"the table knows the call", "the failure comes first", "both, and again"} {
			t.Run(tt.name+", "+order, func(t *testing.T) {
				v := inNewWorld(t)
				if order != "the failure comes first" {
					v.record(t, tt.known)
				}
				v.fail(t, tt.event)
				v.record(t, tt.known)
				if order == "both, and again" {
					v.fail(t, tt.event)
				}
				list := v.all(t)
				if len(list) != 1 {
					t.Fatalf("got %d incidents, want 1", len(list))
				}
				i := list[0]
				if i.Class != tt.class || i.Element != tt.element || i.Reason != tt.reason {
					t.Errorf("got %s of %q, %q; want %s of %q, %q", i.Class, i.Element, i.Reason, tt.class, tt.element, tt.reason)
				}
				if want := "voice-connector/abc"; order != "the failure comes first" && i.Scope != want {
					t.Errorf("got the scope %s, want that of the call, %s", i.Scope, want)
				}
			})
		}
	}
}

// A notification has the reason of its own failure, not of an earlier one of the same
// pipeline.
func TestNotificationDescribesItsOwnFailure(t *testing.T) {
	v := inNewWorld(t)
	other := testCall{id: "p1", connector: "abc", reason: "Rate exceeded"}.event(chime.EventTemporaryFailure, minutes(2))
	v.record(t, withDetails(other, `"httpStatusCode":"429",`, ""))
	v.fail(t, testCall{id: "p1", reason: "It broke"}.event(chime.EventPermanentFailure, minutes(1)))
	list := v.World.Topic.Published()
	if len(list) != 1 || !strings.Contains(list[0].Body, "Reason given: It broke") ||
		strings.Contains(list[0].Body, "Status code") {
		t.Errorf("got %v, want the reason of the failure, and no status code of the other", list)
	}
}

// The process that opens an incident dies before it notifies. The opening that the watch
// sends instead describes the failure, whatever happened to the pipeline afterwards.
func TestDelayedOpeningDescribesTheOriginalFailure(t *testing.T) {
	of := func(status string) testCall {
		return testCall{id: "p1", connector: "abc", elements: element(chime.ElementKinesisSink, status)}
	}
	for _, tt := range []struct {
		name          string
		failed, since []byte
		want          string
	}{
		{
			name:   "a pipeline that failed, and has stopped",
			failed: failedCall("p1", "", noon),
			since:  stoppedCall("p1", minutes(1)),
			want:   "A call's pipeline failed for good.",
		},
		{
			name:   "an element that failed, and then for a time all",
			failed: of("Failed").event(chime.EventInProgress, noon),
			since:  of("TemporarilyFailed").event(chime.EventTemporaryFailure, minutes(1)),
			want: "A call's pipeline failed for a time, as the service says, and has not recovered: " +
				chime.ElementKinesisSink + ".",
		},
		{
			name:   "an element that later events do not name",
			failed: of("Failed").event(chime.EventInProgress, noon),
			since:  stoppedCall("p1", minutes(1)),
			want:   "An element of a call's pipeline failed: " + chime.ElementKinesisSink + ". The pipeline has ended.",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.dieBeforePublish(t, tt.failed)
			v.record(t, tt.since)
			v.run(t, limits, minutes(2))
			if list := v.World.Topic.Published(); len(list) != 1 || !strings.Contains(list[0].Body, tt.want) {
				t.Errorf("got %v, want it to say %q", list, tt.want)
			}
		})
	}
}

// blind is a table whose list of open pipelines cannot be read.
type blind struct{ *dynamo.Store }

var errBlind = errors.New("cannot be listed")

func (blind) Open(context.Context) ([]pipeline.OpenPipeline, error) { return nil, errBlind }

// If the list of pipelines cannot be read, incidents are notified all the same.
func TestIncidentsAreNotifiedWithoutTheListOfPipelines(t *testing.T) {
	v := inNewWorld(t)
	v.dieBeforePublish(t, failedCall("p1", denied, noon))
	v.setTime(minutes(1))
	w := v.watch(limits)
	w.Repo = blind{v.store()}
	if err := w.Run(t.Context()); !errors.Is(err, errBlind) {
		t.Errorf("got %v, want the error of the list", err)
	}
	v.wantSent(t, "though pipelines cannot be listed", sent{"opening": 1})
}

// Two processes handle two failures of unknown causes at once, each with a reason of its
// own, in an incident that is notified already: they send one message together.
func TestConcurrentUnknownCausesAreOneMessage(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(12) {
		world := faultinject.NewWorld(t, db)
		first := newInvocation(world.Process(), noon, "first")
		first.fail(t, failedCall("p0", denied, noon))
		var works []faultinject.Work
		for n, reason := range []string{"It broke", "It fell over"} {
			v := newInvocation(world.Process(), minutes(1), fmt.Sprint("process ", n))
			event := failedCall(fmt.Sprint("p", 1+n), reason, minutes(1))
			works = append(works, faultinject.Work{Injector: v.Injector, Do: func() error {
				return v.incidents().Handle(t.Context(), event)
			}})
		}
		if err := errors.Join(faultinject.RunInterleaved(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		first.run(t, limits, minutes(2))
		first.wantSent(t, fmt.Sprint("seed ", seed), sent{"opening": 1, "new-reason": 1})
	}
}
