package voicetask_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// happening is one thing that reaches the system: an event that a function
// handles, or a change of the world.
type happening struct {
	name   string
	entry  voicetask.Entry // written before the call is settled; none for a notification of a task
	notify bool
	change func(*world)
}

func ready(n int) happening {
	return happening{name: fmt.Sprintf("ready %d", n),
		entry: voicetask.Entry{Kind: voicetask.Ready, At: newWorld().at(n), Event: fmt.Sprintf("r%d", n),
			TransactionID: transaction, CallID: callID, VoiceConnectorID: "vc"}}
}

// happenings draws what happens to the call, in the order in which it happens.
func happenings(t *rapid.T) []happening {
	w := newWorld()
	list := prelude(t, w)
	for i := range rapid.IntRange(1, 9).Draw(t, "happenings") {
		switch rapid.SampledFrom([]string{"ready", "word", "word", "word", "word", "hang-up", "time", "notify",
			"trouble"}).Draw(t, "what") {
		case "ready":
			list = append(list, ready(rapid.IntRange(1, 2).Draw(t, "ready")))
		case "word":
			list = append(list, word(t, w, i))
		case "hang-up":
			list = append(list, hangUp(t, w, i))
		case "time":
			list = append(list, happening{name: "two minutes pass", change: func(w *world) { w.now = w.now.Add(2 * 60e9) }})
		case "notify":
			list = append(list, happening{name: "notify", notify: true})
		case "trouble":
			list = append(list, trouble(rapid.SampledFrom([]error{errors.New("throttled"), errLost}).Draw(t, "trouble")))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "duplicates") { // delivered once more, any time later
		i := rapid.IntRange(0, len(list)-1).Draw(t, "duplicate")
		list = slices.Insert(list, rapid.IntRange(i+1, len(list)).Draw(t, "again at"), list[i])
	}
	return list
}

// prelude starts a task, as a rule, because little happens to a call without one;
// or the answer to its start is lost.
func prelude(t *rapid.T, w *world) []happening {
	yes := happening{name: "granted",
		entry: voicetask.Entry{Kind: voicetask.Granted, Scope: voicetask.ScopeBoth, At: w.at(0), Event: "c", By: "someone",
			TransactionID: transaction}}
	switch rapid.IntRange(0, 3).Draw(t, "prelude") {
	case 0:
		return nil
	case 1:
		return []happening{yes, ready(1)}
	}
	return []happening{ready(1), trouble(errLost), yes}
}

func trouble(err error) happening {
	return happening{name: err.Error(), change: func(w *world) { w.trouble = append(w.trouble, err) }}
}

func word(t *rapid.T, w *world, i int) happening {
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
	return happening{name: fmt.Sprintf("%s %s of %s until %s", e.Kind, e.Scope, e.At.Format("15:04"),
		e.Until.Format("15:04")), entry: e}
}

func hangUp(t *rapid.T, w *world, i int) happening {
	over := happening{name: "hang-up", change: (*world).end}
	switch rapid.SampledFrom([]string{"silent", "notification", "pipeline"}).Draw(t, "hang-up told by") {
	case "notification":
		over.entry = voicetask.Entry{Kind: voicetask.Ended, At: w.at(5), Event: fmt.Sprintf("e%d", i),
			TransactionID: transaction}
	case "pipeline":
		over.change = func(w *world) { w.end(); w.pipelineAt = w.now }
	}
	return over
}

// worker makes the function that handles the event.
func (h happening) worker(w *world, k *voicetask.TaskRunner) *worker {
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

// play lets everything happen, workers at once, killed and tried again as drawn,
// until nobody has work left.
func play(t *rapid.T, w *world, k *voicetask.TaskRunner, list []happening, atOnce bool) {
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
				v = rapid.SampledFrom([]verdict{killBefore, killAfter}).Draw(t, "how")
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

// begin starts a worker and lets it come to its first call.
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

// check holds what became of the call against what was said.
func check(t *rapid.T, w *world, on voicetask.Settings) {
	for _, fault := range w.faults {
		t.Error(fault)
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
		w := newWorld()
		on := rapid.SampledFrom([][]voicetask.Task{voicetask.Tasks(), voicetask.Tasks(), {voicetask.VoiceTone}, nil}).Draw(t,
			"on")
		k := w.keeper(on...)
		list := happenings(t)
		play(t, w, k, list, atOnce)
		// Every task sends notifications while it runs, so that even one whose start
		// was never answered makes itself known.
		w.trouble = nil
		play(t, w, k, []happening{{name: "notify", notify: true}}, false)
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

// All functions at once, one call of one of them at a time.
func TestTasksFollowConsentAtOnce(t *testing.T) { often(t, checkTasksFollowConsent(true)) }

// often checks ten times as often as usual, because what goes wrong here is rare: each
// round draws from a seed of its own, which its name says. With -rapid.seed=0 all of
// them draw anew.
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

// What the service does not do for one task, or on one transaction of a call,
// keeps nothing else waiting.
func TestNothingWaitsForWhatTheServiceDoesNotDo(t *testing.T) {
	refused := errors.New("refused")
	const other = "tx2"
	on := func(id, transaction string) voicetask.Entry {
		return voicetask.Entry{Kind: voicetask.Ready, At: newWorld().at(0), Event: id, TransactionID: transaction,
			CallID: callID, VoiceConnectorID: "vc"}
	}
	says := func(kind voicetask.Kind, minute int, call string) voicetask.Entry {
		e := voicetask.Entry{Kind: kind, At: newWorld().at(minute), Event: string(kind), By: "me", Scope: voicetask.ScopeBoth,
			TransactionID: transaction}
		if call != "" {
			e.TransactionID, e.CallID = "", call
		}
		return e
	}
	for _, tt := range []struct {
		name    string
		events  []voicetask.Entry
		broken  string
		running string
	}{
		{"one start", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, "")}, "start speaker-search tx",
			"voice-tone tx"},
		{"the other start", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, "")}, "start voice-tone tx",
			"speaker-search tx"},
		{"one stop", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, ""),
			says(voicetask.Withdrawn, 2, "")}, "stop speaker-search tx", "speaker-search tx"},
		{"the other stop",
			[]voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, ""), says(voicetask.Withdrawn, 2, "")},
			"stop voice-tone tx", "voice-tone tx"},
		{"a start on one of two transactions",
			[]voicetask.Entry{on("r", transaction), on("r2", other), says(voicetask.Granted, 1, callID)},
			"start speaker-search tx", "speaker-search tx2, voice-tone tx, voice-tone tx2"},
		{"a stop on one of two transactions",
			[]voicetask.Entry{on("r", transaction), on("r2", other), says(voicetask.Granted, 1, callID),
				says(voicetask.Withdrawn, 2, callID)},
			"stop voice-tone tx", "voice-tone tx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.broken = map[string]error{tt.broken: refused}
			k := w.keeper(voicetask.Tasks()...)
			var last error
			for _, e := range tt.events {
				worker := happening{entry: e}.worker(w, k)
				worker.start()
				for done := false; !done; {
					if last, done = worker.step(); !done {
						worker.turn <- pass
					}
				}
			}
			if !errors.Is(last, refused) {
				t.Errorf("got %v, want what the service answered", last)
			}
			var running []string
			for _, task := range voicetask.Tasks() {
				for _, id := range []string{transaction, other} {
					for range w.running(task, id) {
						running = append(running, string(task)+" "+id)
					}
				}
			}
			if got := strings.Join(running, ", "); got != tt.running {
				t.Errorf("got %q running, want %q", got, tt.running)
			}
			for _, fault := range w.faults {
				t.Error(fault)
			}
			var audit []string
			for _, e := range w.partitions["T"+transaction] {
				if e.Kind == voicetask.Failed {
					audit = append(audit, fmt.Sprintf("%s %s %s", e.Task, e.TransactionID, e.Detail))
					if e.Event != tt.events[len(tt.events)-1].Event || e.By != voicetask.System || e.At.IsZero() || e.Code == "" {
						t.Errorf("got %+v, want who, when, of which event and why", e)
					}
				}
			}
			_, what, _ := strings.Cut(tt.broken, " ")
			if diff := cmp.Diff([]string{what + " refused"}, audit); diff != "" {
				t.Errorf("failures in the audit (-want +got):\n%s", diff)
			}
		})
	}
}

// The answer to a second start is lost, and then a late notification names the first
// task, which was stopped: it is not taken for the second one, which is found by its own
// notification, and stopped.
func TestLateNotificationsNameNoOtherTask(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld()
		k := w.keeper(voicetask.VoiceTone)
		run := func(h happening, seen ...string) error {
			of := h.worker(w, k)
			if len(seen) > 0 {
				trigger := voicetask.Trigger{Event: "n", TransactionID: transaction}
				for _, id := range seen {
					trigger.Observed = append(trigger.Observed, voicetask.ObservedTask{Task: voicetask.VoiceTone, TaskID: id})
				}
				of = &worker{run: func(ctx context.Context) error { return k.Reconcile(ctx, trigger) }}
			}
			of.start()
			for {
				if err, done := of.step(); done {
					return err
				}
				of.turn <- pass
			}
		}
		said := func(kind voicetask.Kind, minute int) happening {
			return happening{entry: voicetask.Entry{Kind: kind, At: w.at(minute), Event: fmt.Sprint(kind, minute), By: "me",
				Scope: voicetask.ScopeVoiceTone, TransactionID: transaction}}
		}
		for _, h := range []happening{ready(0), said(voicetask.Granted, 1), said(voicetask.Withdrawn, 2)} {
			if err := run(h); err != nil {
				t.Fatal(err)
			}
		}
		first := w.tasks[0].id
		w.trouble = []error{errLost}
		if err := run(said(voicetask.Granted, 3)); !errors.Is(err, errLost) {
			t.Fatalf("got %v, want the answer lost", err)
		}
		second := w.running(voicetask.VoiceTone, transaction)
		if !w.tasks[0].stopped || len(second) != 1 {
			t.Fatalf("got %+v, want the first stopped and the second running", w.tasks)
		}
		if late {
			if err := run(happening{}, first); err != nil {
				t.Fatal(err)
			}
		}
		for _, next := range []error{run(said(voicetask.Withdrawn, 4)), run(happening{}, first),
			run(happening{}, second...)} {
			if next != nil {
				t.Fatal(next)
			}
		}
		if got := w.running(voicetask.VoiceTone, transaction); len(got) > 0 {
			t.Errorf("late %t: got %v running, want none", late, got)
		}
	}
}

// Whatever is in the ledger of a rehearsal, nothing is done for it: neither the
// table nor the service is called.
func TestNothingIsDoneForARehearsal(t *testing.T) {
	k := &voicetask.TaskRunner{On: voicetask.Settings{voicetask.SpeakerSearch: true,
		voicetask.VoiceTone: true}} // any call would panic
	for _, trigger := range []voicetask.Trigger{
		{Event: "e", TransactionID: "rehearsal-t",
			Observed: []voicetask.ObservedTask{{Task: voicetask.VoiceTone, TaskID: "rehearsal-k"}}},
		{Event: "e", CallID: "rehearsal-c"},
	} {
		if err := k.Reconcile(t.Context(), trigger); err != nil {
			t.Errorf("%+v: %v", trigger, err)
		}
	}
}
