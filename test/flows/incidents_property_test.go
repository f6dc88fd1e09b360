package flows_test

import (
	"context"
	"encoding/json"
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
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// sentNews is a message about an incident as machines read it.
type sentNews struct {
	ID, Severity string
	Incident     struct {
		ID, Stage, Class string
		Calls            int
		Reasons          []struct {
			Reason, Class, Target string
			Calls                 int
			New                   bool
		}
	}
}

func newsOf(t testing.TB, w *faultinject.World) (list []sentNews) {
	t.Helper()
	for _, m := range w.Topic.Published() {
		var bodies map[string]string
		var news sentNews
		if err := errors.Join(json.Unmarshal([]byte(m.Body), &bodies), json.Unmarshal([]byte(bodies["sqs"]), &news)); err != nil {
			t.Fatal(err)
		}
		if news.Incident.ID != "" {
			list = append(list, news)
		}
	}
	return list
}

// drawnFailure is a call that fails of something, by a small world's causes.
func drawnFailure(t *rapid.T, n int, at time.Time) []byte {
	c := phoned{id: fmt.Sprintf("p%03d", n), connector: "abc"}
	c.reason = rapid.SampledFrom([]string{"", denied, "The bucket was deleted", "It broke", "It broke for good", "Rate exceeded"}).Draw(t, "reason")
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

// Calls fail of any causes, for any reasons and with any losses, twice, late, and in
// processes that die anywhere, while the watch runs and may die as well. In the end:
// every call is counted, every reason was new in one message and no other, an incident
// that grew graver says so once for each severity, and the storm was few messages.
func TestEveryReasonAndLossIsNotifiedOnce(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	rapidseed.Fewer(t, 5)
	died, reasons, graver := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		v := invoked(faultinject.NewWorld(t, db).Process(), noon, "first")
		now, invocations := noon, 0
		do := func(retry bool, step func() error) {
			invocations++
			v.owner = fmt.Sprint("invocation ", invocations)
			if rapid.IntRange(0, 2).Draw(rt, "dies") == 0 {
				v.Line.Disturb(rapid.IntRange(1, 25).Draw(rt, "at"), rapid.SampledFrom([]faultinject.How{faultinject.Before, faultinject.After}).Draw(rt, "how"))
			}
			err := step()
			for errors.Is(err, faultinject.ErrKilled) {
				died++
				v.Line.Revive()
				if err = nil; retry {
					now = now.Add(20 * time.Second) // longer than a lease
					v.now.set(now)
					err = step()
				}
			}
			if err != nil {
				rt.Fatal(err)
			}
			v.Line.Disturb(1<<20, faultinject.Before)
		}
		var events [][]byte
		for n := range rapid.IntRange(1, 8).Draw(rt, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 240).Draw(rt, "seconds")) * time.Second)
			v.now.set(now)
			events = append(events, drawnFailure(rt, n, now))
			for _, event := range [][]byte{events[n], rapid.SampledFrom(events).Draw(rt, "again")} {
				do(true, func() error { return v.failures()(ctx, lambdafn.Message{Body: event}) })
			}
			if rapid.Bool().Draw(rt, "watches") {
				do(false, func() error { return v.watch(limits, quiet{}).Run(ctx) })
			}
		}
		v.record(t, phoned{id: "good", connector: "abc"}.event(chime.EventInProgress, now.Add(time.Minute)))
		for range 30 {
			now = now.Add(time.Minute)
			v.run(t, limits, now)
		}
		news := newsOf(t, v.World)
		calls := 0
		for _, i := range v.all(t) {
			r, g := checkNews(t, v, i, slices.DeleteFunc(slices.Clone(news), func(m sentNews) bool { return m.Incident.ID != i.ID }))
			tally, err := v.store().CountOccurrences(ctx, i.ID)
			if err != nil {
				rt.Fatal(err)
			}
			calls, reasons, graver = calls+tally.Calls, reasons+r, graver+g
		}
		if calls != len(events) {
			rt.Errorf("got %d calls in all incidents, want %d", calls, len(events))
		}
	})
	if died == 0 || reasons == 0 || graver == 0 {
		t.Errorf("processes died %d times, %d reasons and %d losses were notified at once: want all, or the test proves little", died, reasons, graver)
	}
}

// checkNews checks the messages about one incident that is over, in their order, and
// counts those about new reasons and graver losses.
func checkNews(t testing.TB, v *invocation, i incident.Incident, news []sentNews) (reasons, graver int) {
	t.Helper()
	if i.Open() || len(news) == 0 {
		t.Errorf("%s: open %v, %d messages: want it over and notified", i.ID, i.Open(), len(news))
		return 0, 0
	}
	listed, newIn := map[string]bool{}, map[string]map[string]bool{}
	stages := map[string]map[string]bool{}
	for n, m := range news {
		if stages[m.Incident.Stage] == nil {
			stages[m.Incident.Stage] = map[string]bool{}
		}
		stages[m.Incident.Stage][m.ID] = true
		for _, r := range m.Incident.Reasons {
			id := r.Class + "/" + r.Target + "/" + incident.Pattern(r.Reason)
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
		if id := string(r.Class) + "/" + r.Target + "/" + incident.Pattern(r.Text); !listed[id] {
			t.Errorf("%s: no message lists %q", i.ID, id)
		}
	}
	causes := map[incident.Cause]bool{}
	for _, r := range i.Reasons {
		causes[r.Cause] = true
	}
	last := news[len(news)-1]
	tally, err := v.store().CountOccurrences(t.Context(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	reasons, graver = len(stages["new-reason"]), len(stages["graver-loss"])
	got := []any{len(stages["opening"]), len(stages["closing"]), len(stages["reopening"]), last.Incident.Stage, last.Incident.Calls, reasons < len(causes) || reasons == 0}
	want := []any{1, i.Reopened + 1, i.Reopened, "closing", tally.Calls, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: openings, closings, reopenings, last message, its calls, few at once (-want +got):\n%s", i.ID, diff)
	}
	severest := incident.Severity("")
	for _, m := range news {
		if s := incident.Severity(m.Severity); m.Incident.Stage != "closing" && s.WorseThan(severest) {
			severest = s
		}
	}
	if severest != i.Severity() || i.Announced.Severity != i.Severity() {
		t.Errorf("%s: the gravest message was %s, recorded as %s, want %s", i.ID, severest, i.Announced.Severity, i.Severity())
	}
	if strings.Contains(fmt.Sprint(last.Incident.Reasons), "-0000-4000-8000-") && len(listed) > len(i.Reasons) {
		t.Errorf("%s: got the reasons %v, want texts that differ in ids to be one", i.ID, listed)
	}
	return reasons, graver
}
