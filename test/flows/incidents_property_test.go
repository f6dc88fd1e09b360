package flows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// incidentData is a notification about an incident as programs read it.
type incidentData struct {
	ID, Severity string
	Incident     struct {
		ID, Stage, Class string
		Calls            int
		Reasons          []reasonData
	}
}

type reasonData struct {
	Reason, Class, Target string
	Calls                 int
	New                   bool
}

// id returns what makes a reason distinct from others.
func (r reasonData) id() string { return r.Class + "/" + r.Target + "/" + incident.Pattern(r.Reason) }

// incidentsSent returns the notifications about incidents, in order.
func incidentsSent(t testing.TB, w *faultinject.World) (all []incidentData) {
	t.Helper()
	for _, m := range w.Topic.Published() {
		var data incidentData
		readData(t, m, &data)
		if data.Incident.ID != "" {
			all = append(all, data)
		}
	}
	return all
}

// drawnFailure draws a call that fails, of a few causes.
func drawnFailure(t *rapid.T, n int, at time.Time) []byte {
	c := testCall{id: fmt.Sprintf("p%03d", n), connector: "abc"}
	c.reason = rapid.SampledFrom([]string{
		"", denied, "The bucket was deleted", "It broke", "It broke for good", "Rate exceeded",
	}).Draw(t, "reason")
	if c.reason != "" && rapid.Bool().Draw(t, "with an id") {
		c.reason += fmt.Sprintf(" (request 0b5d3f70-0000-4000-8000-%012d)", n)
	}
	for _, e := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementKinesisSink, chime.ElementVoiceEnhancementSink,
	}), 1, 2, rapid.ID[string]).Draw(t, "elements") {
		c.elements = append(c.elements, [2]string{e, chime.StatusInProgress})
	}
	return c.event(chime.EventPermanentFailure, at)
}

// mortal is an invocation whose process may die at any of its calls.
type mortal struct {
	*invocation
	t           *rapid.T
	now         time.Time
	invocations int
	died        int
}

// do runs a step as a new invocation, and retries it if the process dies and retry is set.
func (m *mortal) do(retry bool, step handler, event []byte) {
	m.invocations++
	m.owner = fmt.Sprint("invocation ", m.invocations)
	if rapid.IntRange(0, 2).Draw(m.t, "dies") == 0 {
		how := rapid.SampledFrom([]faultinject.Fault{faultinject.Before, faultinject.After})
		m.Injector.InjectAt(rapid.IntRange(1, 25).Draw(m.t, "at"), how.Draw(m.t, "how"))
	}
	err := step(context.Background(), event)
	for errors.Is(err, faultinject.ErrKilled) {
		m.died++
		m.Injector.Revive()
		if err = nil; retry {
			m.pass(20 * time.Second) // longer than a claim
			err = step(context.Background(), event)
		}
	}
	if err != nil {
		m.t.Fatal(err)
	}
	m.Injector.InjectAt(1<<20, faultinject.Before) // no more
}

// pass lets time pass.
func (m *mortal) pass(d time.Duration) {
	m.now = m.now.Add(d)
	m.setTime(m.now)
}

// Calls fail of any causes, for any reasons and with any losses, twice, late, and in
// processes that die anywhere, while the watch runs and may die as well. In the end, every
// call is counted, every reason was new in one message and no other, an incident that got
// worse was notified once for each severity, and the storm was few messages.
func TestEveryReasonAndLossIsNotifiedOnce(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	rapidseed.Fewer(t, 5)
	died, reasons, graver := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		m := &mortal{invocation: newInvocation(faultinject.NewWorld(t, db).Process(), noon, "first"), t: rt, now: noon}
		failures := func(ctx context.Context, event []byte) error { return m.incidents().Handle(ctx, event) }
		var events [][]byte
		for n := range rapid.IntRange(1, 8).Draw(rt, "calls") {
			m.pass(time.Duration(rapid.IntRange(0, 240).Draw(rt, "seconds")) * time.Second)
			events = append(events, drawnFailure(rt, n, m.now))
			for _, event := range [][]byte{events[n], rapid.SampledFrom(events).Draw(rt, "again")} {
				m.do(true, failures, event)
			}
			if rapid.Bool().Draw(rt, "watches") {
				m.do(false, func(ctx context.Context, _ []byte) error { return m.watch(limits).Run(ctx) }, nil)
			}
		}
		m.record(t, runningCall("good", m.now.Add(time.Minute)))
		for range 30 {
			m.pass(time.Minute)
			m.run(t, limits, m.now)
		}
		calls := 0
		sent := incidentsSent(t, m.World)
		for _, i := range m.all(t) {
			ofOthers := func(d incidentData) bool { return d.Incident.ID != i.ID }
			r, g := checkMessages(t, m.invocation, i, slices.DeleteFunc(slices.Clone(sent), ofOthers))
			tally, err := m.store().CountOccurrences(ctx, i.ID)
			if err != nil {
				rt.Fatal(err)
			}
			calls, reasons, graver = calls+tally.Calls, reasons+r, graver+g
		}
		if calls != len(events) {
			rt.Errorf("got %d calls in all incidents, want %d", calls, len(events))
		}
		died += m.died
	})
	if died == 0 || reasons == 0 || graver == 0 {
		t.Errorf("%d crashes, %d new reasons and %d graver losses: want all, or the test proves little",
			died, reasons, graver)
	}
}

// checkMessages checks the messages about one incident that is closed, in their order. It
// returns how many were about new reasons and about graver losses.
func checkMessages(
	t testing.TB, v *invocation, i incident.Incident, messages []incidentData,
) (reasons, graver int) {
	t.Helper()
	if i.Open() || len(messages) == 0 {
		t.Errorf("%s: open %v, %d messages: want it closed and notified", i.ID, i.Open(), len(messages))
		return 0, 0
	}
	stages := map[string]map[string]bool{} // by stage: the ids of the messages
	severest := incident.Severity("")
	for _, m := range messages {
		if stages[m.Incident.Stage] == nil {
			stages[m.Incident.Stage] = map[string]bool{}
		}
		stages[m.Incident.Stage][m.ID] = true
		if s := incident.Severity(m.Severity); m.Incident.Stage != "closing" && s.WorseThan(severest) {
			severest = s
		}
	}
	listed := checkReasons(t, i, messages)
	causes := map[incident.Cause]bool{}
	for _, r := range i.Reasons {
		causes[r.Cause] = true
	}
	last := messages[len(messages)-1]
	reasons, graver = len(stages["new-reason"]), len(stages["graver-loss"])
	got := []any{
		len(stages["opening"]), len(stages["closing"]), len(stages["reopening"]), last.Incident.Stage, last.Incident.Calls,
		reasons < len(causes) || reasons == 0,
	}
	want := []any{1, i.Reopened + 1, i.Reopened, "closing", v.failedCalls(t, i.ID), true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: openings, closings, reopenings, last message, its calls, few at once (-want +got):\n%s", i.ID, diff)
	}
	if severest != i.Severity() || i.Announced.Severity != i.Severity() {
		t.Errorf("%s: the gravest message was %s, recorded as %s, want %s",
			i.ID, severest, i.Announced.Severity, i.Severity())
	}
	if strings.Contains(fmt.Sprint(last.Incident.Reasons), "-0000-4000-8000-") && len(listed) > len(i.Reasons) {
		t.Errorf("%s: got the reasons %v, want texts that differ in ids to be one", i.ID, listed)
	}
	return reasons, graver
}

// checkReasons checks that each reason of an incident is new in one message, and returns
// the reasons that are listed in any.
func checkReasons(t testing.TB, i incident.Incident, messages []incidentData) (listed map[string]bool) {
	t.Helper()
	listed = map[string]bool{}
	newIn := map[string]map[string]bool{} // by reason: the ids of the messages
	for n, m := range messages {
		for _, r := range m.Incident.Reasons {
			id := r.id()
			if r.New {
				if newIn[id] == nil {
					newIn[id] = map[string]bool{}
				}
				newIn[id][m.ID] = true
			} else if !listed[id] && m.Incident.Stage != "opening" {
				t.Errorf("%s: message %d, %s, lists %q as known, and no earlier one has it", i.ID, n, m.ID, id)
			}
			listed[id] = true
		}
	}
	for id, messages := range newIn {
		if len(messages) != 1 {
			t.Errorf("%s: %q is new in the messages %v, want one", i.ID, id, messages)
		}
	}
	for _, r := range i.Reasons {
		if id := (reasonData{Reason: r.Text, Class: string(r.Class), Target: r.Target}).id(); !listed[id] {
			t.Errorf("%s: no message lists %q", i.ID, id)
		}
	}
	return listed
}
