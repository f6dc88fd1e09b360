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
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// withDetails adds fields to the detail of an event, and texts to its elements.
func withDetails(event []byte, fields, elementDetail string) []byte {
	text := strings.Replace(string(event), `"detail":{`, `"detail":{`+fields, 1)
	if elementDetail != "" {
		text = strings.ReplaceAll(text, `"status":"Failed"`, `"status":"Failed","statusDetail":"`+elementDetail+`"`)
	}
	return []byte(text)
}

// What a failure belongs to does not depend on what the table knew when it was
// handled: cause, reason and element are the event's own. Only what its call shares
// with others is taken from the table, as not every event names it.
func TestCauseAndElementComeFromTheEvent(t *testing.T) {
	sink := [][2]string{{chime.ElementKinesisSink, "Failed"}}
	for _, tt := range []struct {
		name         string
		known, event []byte
		class        incident.Class
		element      string
		reason       string
	}{
		{"the table knows a cause", phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventTemporaryFailure, noon),
			phoned{id: "p1"}.event(chime.EventPermanentFailure, minutes(1)), incident.Unknown, "", ""},
		{"the table knows an element that failed", withDetails(phoned{id: "p1", connector: "abc", elements: sink}.event(chime.EventInProgress, noon), "", "AccessDenied"),
			phoned{id: "p1", reason: "It broke"}.event(chime.EventPermanentFailure, minutes(1)), incident.Unknown, "", "It broke"},
		{"the event names the element", phoned{id: "p1", connector: "abc"}.event(chime.EventInProgress, noon),
			withDetails(phoned{id: "p1", elements: sink}.event(chime.EventPermanentFailure, minutes(1)), "", "AccessDenied"),
			incident.Permissions, chime.ElementKinesisSink, "AccessDenied"},
	} {
		for _, order := range []string{"the table knows the call", "the failure comes first", "both, and again"} {
			t.Run(tt.name+", "+order, func(t *testing.T) {
				v := onTable(t)
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

// The words of a notification are about the failure that it is sent for, not about
// another of its pipeline, which came in before it.
func TestNotificationDescribesItsOwnFailure(t *testing.T) {
	v := onTable(t)
	other := phoned{id: "p1", connector: "abc", reason: "Rate exceeded"}.event(chime.EventTemporaryFailure, minutes(2))
	v.record(t, withDetails(other, `"httpStatusCode":"429",`, ""))
	v.fail(t, phoned{id: "p1", reason: "It broke"}.event(chime.EventPermanentFailure, minutes(1)))
	list := v.World.Topic.Published()
	if len(list) != 1 || !strings.Contains(list[0].Body, "Reason given: It broke") || strings.Contains(list[0].Body, "Status code") {
		t.Errorf("got %v, want the reason of the failure, and no status code of the other", list)
	}
}

// The watch finds that an incident is quiet, and before it has closed it another run
// does, and the cause comes back: nobody hears that it is over.
func TestNoClosingIsSentForAReopenedIncident(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	reopened := 0
	for n, more := 1, true; more; n++ {
		world := faultinject.NewWorld(t, db)
		v := invoked(world.Process(), noon, "failures")
		v.fail(t, phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
		v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, minutes(1)))
		v.now.set(minutes(10))
		again := false
		meanwhile := &during{Client: world.DB, calls: n, do: func() {
			i := v.all(t)[0]
			if !i.Open() {
				return
			}
			if err := v.store().Close(t.Context(), i, v.now.Now()); err != nil {
				t.Fatal(err)
			}
			v.fail(t, phoned{id: "p2", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(10)))
			again = true
			reopened++
		}}
		w := v.watchOn(dynamo.New(meanwhile, world.Table, dynamo.Options{Now: v.now.Now}), limits, quiet{})
		if err := w.Run(t.Context()); err != nil {
			t.Fatalf("before call %d: %v", n, err)
		}
		more = meanwhile.calls <= 0
		if i := v.all(t)[0]; again && (!i.Open() || stages(world)["closing"] > 0) {
			t.Errorf("before call %d: people heard %v of what is open %v, want nothing of an end", n, stages(world), i.Open())
		}
	}
	if reopened < 3 {
		t.Errorf("it was reopened in %d runs: the test proves little", reopened)
	}
}

// blind is a table whose list of open pipelines cannot be read.
type blind struct{ *dynamo.Store }

var errBlind = errors.New("cannot be listed")

func (blind) Open(context.Context) ([]pipeline.OpenPipeline, error) { return nil, errBlind }

// Trouble with the list of pipelines keeps nobody from hearing of incidents.
func TestIncidentsAreNotifiedWithoutTheListOfPipelines(t *testing.T) {
	v := onTable(t)
	v.Line.DisturbCall("Publish", faultinject.Before)
	if err := v.failures()(t.Context(), lambdafn.Message{Body: phoned{id: "p1", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon)}); err == nil {
		t.Fatal("got no error, want it killed before it publishes")
	}
	v.Line.Revive()
	v.now.set(minutes(1))
	w := v.watch(limits, quiet{})
	w.Repo = blind{v.store()}
	if err := w.Run(t.Context()); !errors.Is(err, errBlind) {
		t.Errorf("got %v, want the error of the list", err)
	}
	v.wantStages(t, "though pipelines cannot be listed", map[string]int{"opening": 1})
}

// While an incident is open and calls fail, the watch makes lists show when they did;
// the failures themselves write nothing that they share.
func TestWatchRecordsTheLastFailure(t *testing.T) {
	v := onTable(t)
	v.fail(t, phoned{id: "p0", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
	opened := v.all(t)[0]
	for n := 1; n <= 3; n++ {
		v.now.set(minutes(2 * n))
		v.fail(t, phoned{id: fmt.Sprint("p", n), connector: "abc", reason: denied}.event(chime.EventPermanentFailure, minutes(2*n)))
		if got := v.all(t)[0]; !got.ActiveAt.Equal(opened.ActiveAt) {
			t.Errorf("before the watch: got active at %s, want %s", got.ActiveAt, opened.ActiveAt)
		}
	}
	v.run(t, limits, minutes(7))
	got := v.all(t)[0]
	if !got.ActiveAt.Equal(minutes(6)) || !got.OpenedAt.Equal(noon) {
		t.Errorf("got active at %s, opened at %s, want the last failure and noon", got.ActiveAt, got.OpenedAt)
	}
	from, _, err := v.store().Incidents(t.Context(), dynamo.IncidentQuery{From: minutes(5)})
	if err != nil || len(from) != 1 {
		t.Errorf("got %d incidents since then (%v), want it", len(from), err)
	}
}

// Two processes handle two failures of unknown causes at once, each with words of its
// own, while people know of the incident: one message says so, whoever sends it.
func TestConcurrentUnknownCausesAreOneMessage(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(12) {
		world := faultinject.NewWorld(t, db)
		first := invoked(world.Process(), noon, "first")
		first.fail(t, phoned{id: "p0", connector: "abc", reason: denied}.event(chime.EventPermanentFailure, noon))
		var works []faultinject.Work
		for n, reason := range []string{"It broke", "It fell over"} {
			v := invoked(world.Process(), minutes(1), fmt.Sprint("process ", n))
			event := phoned{id: fmt.Sprint("p", 1+n), connector: "abc", reason: reason}.event(chime.EventPermanentFailure, minutes(1))
			works = append(works, faultinject.Work{Line: v.Line, Do: func() error { return v.failures()(t.Context(), lambdafn.Message{Body: event}) }})
		}
		if err := errors.Join(faultinject.Interleave(seed, works...)...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		first.run(t, limits, minutes(2))
		first.wantStages(t, fmt.Sprint("seed ", seed), map[string]int{"opening": 1, "new-reason": 1})
	}
}
