package voicetask_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// action is one thing that happens: an event that a function handles, or a change of the
// simulator.
type action struct {
	name   string
	entry  voicetask.Entry // written before the call is reconciled; none for a notification of a task
	notify bool
	change func(*simulator)
}

func ready(n int) action {
	return action{name: fmt.Sprintf("ready %d", n),
		entry: voicetask.Entry{Kind: voicetask.Ready, At: newSimulator().at(n), Event: fmt.Sprintf("r%d", n),
			TransactionID: transaction, CallID: callID, VoiceConnectorID: "vc"}}
}

// actions draws what happens to the call, in the order in which it happens.
func actions(t *rapid.T) []action {
	w := newSimulator()
	list := prelude(t, w)
	for i := range rapid.IntRange(1, 9).Draw(t, "happenings") {
		switch rapid.SampledFrom([]string{"ready", "word", "word", "word", "word", "hang-up", "time", "notify",
			"trouble"}).Draw(t, "what") {
		case "ready":
			list = append(list, ready(rapid.IntRange(1, 2).Draw(t, "ready")))
		case "word":
			list = append(list, decision(t, w, i))
		case "hang-up":
			list = append(list, hangUp(t, w, i))
		case "time":
			list = append(list, action{name: "two minutes pass", change: func(w *simulator) { w.now = w.now.Add(2 * 60e9) }})
		case "notify":
			list = append(list, action{name: "notify", notify: true})
		case "trouble":
			list = append(list, apiError(rapid.SampledFrom([]error{errors.New("throttled"), errLost}).Draw(t, "trouble")))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "duplicates") { // delivered once more, any time later
		i := rapid.IntRange(0, len(list)-1).Draw(t, "duplicate")
		list = slices.Insert(list, rapid.IntRange(i+1, len(list)).Draw(t, "again at"), list[i])
	}
	return list
}

// prelude starts a task in most cases, because little happens to a call without one; or
// the answer to its start is lost.
func prelude(t *rapid.T, w *simulator) []action {
	yes := action{name: "granted",
		entry: voicetask.Entry{Kind: voicetask.Granted, Scope: voicetask.ScopeBoth, At: w.at(0), Event: "c", By: "someone",
			TransactionID: transaction}}
	switch rapid.IntRange(0, 3).Draw(t, "prelude") {
	case 0:
		return nil
	case 1:
		return []action{yes, ready(1)}
	}
	return []action{ready(1), apiError(errLost), yes}
}

func apiError(err error) action {
	return action{name: err.Error(), change: func(w *simulator) { w.apiErrors = append(w.apiErrors, err) }}
}

func decision(t *rapid.T, w *simulator, i int) action {
	e := voicetask.Entry{
		Kind: rapid.SampledFrom([]voicetask.Kind{voicetask.Granted, voicetask.Granted, voicetask.Denied,
			voicetask.Withdrawn}).Draw(t, "word"),
		Scope: rapid.SampledFrom([]voicetask.Scope{voicetask.ScopeBoth, voicetask.ScopeSpeakerSearch,
			voicetask.ScopeVoiceTone}).Draw(t, "scope"),
		At: w.at(rapid.IntRange(0, 5).Draw(t, "minute")), Event: fmt.Sprintf("c%d", i), By: "someone",
	}
	if until := rapid.IntRange(0, 3).Draw(t, "until"); e.Kind == voicetask.Granted && until > 0 {
		e.Until = w.at(2 * until)
	}
	if rapid.Bool().Draw(t, "by call") {
		e.CallID = callID
	} else {
		e.TransactionID = transaction
	}
	return action{name: fmt.Sprintf("%s %s of %s until %s", e.Kind, e.Scope, e.At.Format("15:04"),
		e.Until.Format("15:04")), entry: e}
}

func hangUp(t *rapid.T, w *simulator, i int) action {
	over := action{name: "hang-up", change: (*simulator).end}
	switch rapid.SampledFrom([]string{"silent", "notification", "pipeline"}).Draw(t, "hang-up reported by") {
	case "notification":
		over.entry = voicetask.Entry{Kind: voicetask.Ended, At: w.at(5), Event: fmt.Sprintf("e%d", i),
			TransactionID: transaction}
	case "pipeline":
		over.change = func(w *simulator) { w.end(); w.pipelineAt = w.now }
	}
	return over
}

// worker returns the function that handles the event.
func (h action) worker(w *simulator, k *voicetask.TaskRunner) *worker {
	if h.entry.Kind == "" && !h.notify {
		return nil
	}
	trigger := voicetask.Trigger{Event: h.entry.Event, TransactionID: h.entry.TransactionID, CallID: h.entry.CallID}
	if h.notify {
		trigger = voicetask.Trigger{Event: "n", TransactionID: transaction}
		for _, t := range voicetask.Tasks() {
			for _, id := range w.running(t, transaction) {
				trigger.Observed = append(trigger.Observed, voicetask.ObservedTask{Task: t, TaskID: id})
			}
		}
	}
	return &worker{name: h.name, run: func(ctx context.Context) error {
		if h.entry.Kind != "" {
			if err := k.Table.Enter(ctx, h.entry); err != nil {
				return err
			}
		}
		return k.Reconcile(ctx, trigger)
	}}
}

// play does all actions, with workers side by side that are killed and tried again as
// drawn, until no work is left.
func play(t *rapid.T, w *simulator, k *voicetask.TaskRunner, list []action, atOnce bool) {
	kills := rapid.IntRange(0, 4).Draw(t, "kills")
	var busy, again []*worker
	for steps := 0; len(list)+len(busy)+len(again) > 0; steps++ {
		if steps > 5000 {
			t.Fatal("it does not come to an end")
		}
		choices := len(busy)
		if len(list) > 0 && (atOnce || len(busy) == 0) {
			choices++
		}
		if len(again) > 0 && (atOnce || len(busy) == 0) {
			choices++
		}
		choice := rapid.IntRange(0, choices-1).Draw(t, "next")
		switch {
		case choice < len(busy):
			current := busy[choice]
			v := pass
			if kills > 0 && rapid.IntRange(0, 7).Draw(t, "kill") == 0 {
				kills--
				v = rapid.SampledFrom([]fate{killBefore, killAfter}).Draw(t, "how")
			}
			current.turn <- v
			if err, done := current.step(); done {
				busy = slices.Delete(busy, choice, choice+1)
				if err != nil { // offered again, some time
					again = append(again, &worker{name: current.name, run: current.run})
				}
			}
		case choice == len(busy) && len(list) > 0 && (atOnce || len(busy) == 0):
			next := list[0]
			list = list[1:]
			if next.change != nil {
				next.change(w)
			}
			busy = begin(next.worker(w, k), busy)
		default:
			next := again[0]
			again = again[1:]
			busy = begin(next, busy)
		}
	}
}

// begin starts a worker and lets it come to its first request.
func begin(next *worker, busy []*worker) []*worker {
	if next == nil {
		return busy
	}
	next.start()
	if _, done := next.step(); done {
		return busy
	}
	return append(busy, next)
}

// check compares what became of the call with what was decided.
func check(t *rapid.T, w *simulator, on voicetask.Settings) {
	for _, violation := range w.violations {
		t.Error(violation)
	}
	for _, task := range voicetask.Tasks() {
		running := len(w.running(task, transaction))
		switch {
		case w.inForce(task) && w.ready(transaction) && on[task] && !w.over:
			if running != 1 {
				t.Errorf("%s: got %d running in the end, want one: consent is in force", task, running)
			}
		case running != 0 && !w.inForce(task):
			t.Errorf("%s: got %d running in the end, want none: there is no consent", task, running)
		case running != 0 && !on[task]:
			t.Errorf("%s: got %d running, want none: it is not turned on", task, running)
		}
	}
}

func checkTasksFollowConsent(atOnce bool) func(*rapid.T) {
	return func(t *rapid.T) {
		w := newSimulator()
		on := rapid.SampledFrom([][]voicetask.Task{voicetask.Tasks(), voicetask.Tasks(), {voicetask.VoiceTone}, nil}).Draw(t,
			"on")
		k := w.runner(on...)
		list := actions(t)
		play(t, w, k, list, atOnce)
		// Every task sends notifications while it runs, so that even one whose start
		// was never answered becomes known.
		w.apiErrors = nil
		play(t, w, k, []action{{name: "notify", notify: true}}, false)
		check(t, w, k.On)
		if t.Failed() {
			for _, h := range list {
				t.Log(h.name)
			}
		}
	}
}

// One function after the other, each killed anywhere and tried again later.
func TestTasksFollowConsentInAnyOrder(t *testing.T) { often(t, checkTasksFollowConsent(false)) }

// All functions at once, one request of one of them at a time.
func TestTasksFollowConsentAtOnce(t *testing.T) { often(t, checkTasksFollowConsent(true)) }

// often checks ten times as often as usual, because what goes wrong here is rare: each
// round draws from a seed of its own, which is in its name. With -rapid.seed=0 each draws
// from a random seed.
func often(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	const name = "rapid.seed"
	before := flag.Lookup(name).Value.String()
	first, err := strconv.ParseUint(before, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	set := func(seed string) {
		if err := flag.Set(name, seed); err != nil {
			t.Fatal(err)
		}
	}
	defer set(before)
	for round := range uint64(10) {
		if first != 0 {
			set(strconv.FormatUint(first+round, 10))
		}
		if !t.Run(fmt.Sprint("seed ", flag.Lookup(name).Value), func(t *testing.T) { rapid.Check(t, property) }) {
			return
		}
	}
}

// The rounds of often draw different cases.
func TestOftenDrawsAnew(t *testing.T) {
	drawn, cases := map[uint64]bool{}, 0
	often(t, func(t *rapid.T) {
		cases++
		drawn[rapid.Uint64().Draw(t, "number")] = true
	})
	if len(drawn) < cases/2 || cases < 200 {
		t.Errorf("got %d different cases of %d, want half of 200 at least", len(drawn), cases)
	}
}
