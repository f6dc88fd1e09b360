package voicetask_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

var (
	historySeed = flag.Uint64("histories.seed", 1, "the seed of TestTenThousandHistories")
	historyOnly = flag.Int("histories.only", -1, "the one history of TestTenThousandHistories that is run, and printed")
)

// history is one call from its first event to its last, with all that goes wrong.
type history struct {
	*world
	*rand.Rand
	keeper   *voicetask.TaskRunner
	to       []delivery // to come, in the order of their time
	busy     []*worker
	lapses   map[string]time.Time // consent with an end that no watch run has dealt with
	kills    int                  // how many processes are still to be killed
	refusals int                  // how often the service is still to throttle
	losses   int                  // how many answers of the service are still to be lost
	outages  int                  // how often the table is still to fail
	far      int                  // how many of the distances there are
	failures int                  // how often the table has failed
	// died: a process was killed, a start was not answered, or the table failed both for
	// the run and for its last words.
	died  bool
	trace []string
	saw   map[string]int
}

// delivery is something that happens at a time: a function is invoked, or the world
// changes.
type delivery struct {
	at time.Time
	happening
	again *worker // the worker that is offered again, or nil
	watch bool    // it is a run of the watch
}

// distances are how far apart things happen: at once, within one invocation, and later.
var distances = []time.Duration{0, 0, time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond,
	300 * time.Millisecond,
	time.Second, 5 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func (h *history) chance(percent int) bool { return h.IntN(100) < percent }

func (h *history) distance() time.Duration { return pick(h.Rand, distances[:h.far]) }

// newHistory draws what happens to a call, and what goes wrong.
func newHistory(seed uint64, n int) *history {
	h := &history{world: newWorld(), Rand: rand.New(rand.NewPCG(seed, uint64(n))), lapses: map[string]time.Time{},
		saw: map[string]int{}}
	h.far = pick(h.Rand, []int{6, 8, 8, len(distances)})
	both := voicetask.Tasks()
	on := pick(h.Rand,
		[][]voicetask.Task{both, both, both, both, both, {voicetask.VoiceTone}, {voicetask.SpeakerSearch}, nil})
	h.keeper = h.world.keeper(on...)
	if h.chance(30) {
		h.kills = 1 + h.IntN(3)
	}
	if h.chance(30) {
		h.refusals = 1 + h.IntN(4)
	}
	if h.chance(25) {
		h.losses = 1 + h.IntN(3)
	}
	if h.chance(15) {
		h.outages = 1 + h.IntN(3)
	}
	h.readiness()
	h.words()
	h.hangUp()
	for range h.IntN(3) {
		h.deliver(h.now.Add(h.distance()+h.distance()), happening{name: "notify", notify: true})
	}
	return h
}

// deliver puts something on its way: now and then it comes twice, or late.
func (h *history) deliver(at time.Time, what happening) {
	if h.chance(20) {
		at = at.Add(h.distance())
	}
	h.add(delivery{at: at, happening: what})
	for what.change == nil && h.chance(20) {
		at = at.Add(h.distance())
		h.add(delivery{at: at, happening: what})
	}
}

func (h *history) add(d delivery) {
	i, _ := slices.BinarySearchFunc(h.to, d, func(a, b delivery) int { return cmp.Or(a.at.Compare(b.at), -1) })
	h.to = slices.Insert(h.to, i, d)
}

func (h *history) readiness() {
	if h.chance(3) {
		return
	}
	at := h.now.Add(h.distance())
	for n := range 1 + h.IntN(2) {
		r := ready(1)
		r.entry.At, r.entry.Event = at, fmt.Sprint("r", n)
		h.deliver(at, r)
		at = at.Add(h.distance())
	}
}

func (h *history) words() {
	at := h.now.Add(h.distance())
	for n := range 1 + h.IntN(6) {
		e := voicetask.Entry{
			Kind: pick(h.Rand, []voicetask.Kind{voicetask.Granted, voicetask.Denied, voicetask.Withdrawn}),
			Scope: pick(h.Rand, []voicetask.Scope{voicetask.ScopeBoth, voicetask.ScopeBoth, voicetask.ScopeSpeakerSearch,
				voicetask.ScopeVoiceTone}),
			At: at, Event: fmt.Sprint("w", n), By: "someone", TransactionID: transaction,
		}
		if n%2 == 0 && h.chance(70) { // as a rule, a yes and something else in turns
			e.Kind = voicetask.Granted
		}
		if e.Kind == voicetask.Granted && h.chance(30) {
			e.Until = at.Add(time.Millisecond + h.distance())
		}
		if h.chance(40) {
			e.TransactionID, e.CallID = "", callID
		}
		h.deliver(at, happening{name: fmt.Sprintf("%s %s of %s", e.Kind, e.Scope, at.Format(time.TimeOnly+".000")), entry: e})
		at = at.Add(h.distance())
	}
}

func (h *history) hangUp() {
	if h.chance(50) {
		return
	}
	at := h.now.Add(h.distance() + h.distance() + pick(h.Rand, distances))
	over := happening{name: "hang-up", change: (*world).end}
	switch h.IntN(3) {
	case 0: // the service reports it five minutes later
		h.deliver(at.Add(5*time.Minute), happening{name: "ended",
			entry: voicetask.Entry{Kind: voicetask.Ended, At: at.Add(5 * time.Minute),
				Event: "e", TransactionID: transaction}})
	case 1:
		over.change = func(w *world) { w.end(); w.pipelineAt = w.now }
	}
	h.add(delivery{at: at, happening: over})
}

// play lets it all happen, and calls check whenever nobody is at work.
func (h *history) play(check func()) error {
	for steps := 0; len(h.to)+len(h.busy) > 0 && len(h.faults) == 0; steps++ {
		if steps > 5000 {
			return fmt.Errorf("it does not come to an end")
		}
		due := len(h.to) > 0 && !h.to[0].at.After(h.now)
		switch {
		case due && (len(h.busy) == 0 || h.chance(50)):
			next := h.to[0]
			h.to = h.to[1:]
			h.begin(next)
		case len(h.busy) > 0:
			h.now = h.now.Add(pick(h.Rand, []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond,
				200 * time.Millisecond}))
			h.step(h.IntN(len(h.busy)))
		default:
			check()
			h.now = h.to[0].at
		}
		h.scheduleWatch()
	}
	check()
	return nil
}

// begin lets a delivery happen.
func (h *history) begin(d delivery) {
	w := d.again
	switch {
	case w != nil:
		w = &worker{name: w.name, run: w.run}
	case d.watch:
		w = &worker{name: "watch", run: h.watch}
	default:
		if d.change != nil {
			d.change(h.world)
		}
		w = d.worker(h.world, h.keeper)
		if d.notify && len(h.to) > 0 {
			w.run = h.late()
		}
	}
	if w == nil {
		h.log("%s", d.name)
		return
	}
	h.log("%s begins", w.name)
	if h.busy = begin(w, h.busy); d.notify && d.again == nil {
		h.saw["notify"]++
	}
}

// late handles a notification that may be of any task that ever ran.
func (h *history) late() func(context.Context) error {
	trigger := voicetask.Trigger{Event: "n", TransactionID: transaction}
	for _, t := range h.tasks {
		if h.chance(50) {
			trigger.Observed = append(trigger.Observed, voicetask.ObservedTask{Task: t.kind, TaskID: t.id})
		}
	}
	return func(ctx context.Context) error { return h.keeper.Reconcile(ctx, trigger) }
}

// watch does what is due for consent that has run out, as the function watch does.
func (h *history) watch(ctx context.Context) error {
	for _, event := range slices.Sorted(maps.Keys(h.lapses)) {
		if h.now.Before(h.lapses[event]) {
			continue
		}
		if err := h.keeper.Reconcile(ctx, voicetask.Trigger{Event: event, TransactionID: transaction}); err != nil {
			return err
		}
		delete(h.lapses, event)
	}
	return nil
}

// scheduleWatch has the watch run within a minute after consent has run out.
func (h *history) scheduleWatch() {
	for _, partition := range h.partitions {
		for _, e := range partition {
			if e.Kind != voicetask.Granted || e.Until.IsZero() {
				continue
			}
			if _, known := h.saw["until "+e.Event]; known {
				continue
			}
			h.saw["until "+e.Event] = 0
			h.lapses[e.Event] = e.Until
			at := e.Until
			if at.Before(h.now) {
				at = h.now
			}
			h.add(delivery{at: at.Add(time.Duration(h.IntN(60)) * time.Second), watch: true,
				happening: happening{name: "watch"}})
		}
	}
}

// step lets a worker make its next call, if it is not killed first.
func (h *history) step(i int) {
	w := h.busy[i]
	v, what := h.verdict(w.next), w.next
	h.saw[what]++
	w.turn <- v
	err, done := w.step()
	if v != pass {
		h.log("%s: %s is %s", w.name, what, [...]string{"done", "not done: killed", "done, and then killed", "refused",
			"done without an answer"}[v])
	} else if what != "read" {
		h.log("%s: %s", w.name, what)
	}
	if !done {
		return
	}
	h.log("%s ends: %v", w.name, err)
	h.busy = slices.Delete(h.busy, i, i+1)
	if err != nil { // it is offered again, some time
		h.add(delivery{at: h.now.Add(h.distance()), again: w, happening: happening{name: w.name}})
	}
}

// verdict draws what becomes of a call.
func (h *history) verdict(what string) verdict {
	service := what == "start" || what == "stop"
	likely := 6
	if service {
		likely = 30
	}
	switch {
	case h.kills > 0 && h.chance(likely):
		h.kills--
		h.died = true
		h.saw["killed"]++
		return pick(h.Rand, []verdict{killBefore, killAfter})
	case service && h.refusals > 0 && h.chance(50):
		h.refusals--
		h.saw["throttled"]++
		return refuse
	case service && h.losses > 0 && h.chance(30):
		h.losses--
		// Meanwhile tasks that ran before are reported, and so they are once more.
		h.add(delivery{at: h.now, happening: happening{name: "notify", notify: true}})
		h.died = h.died || what == "start"
		h.saw["lost"]++
		return lose
	case !service && h.outages > 0 && h.chance(10):
		h.outages--
		h.failures++
		h.died = h.died || h.failures > 1
		h.saw["outage"]++
		return pick(h.Rand, []verdict{refuse, lose})
	}
	return pass
}

func (h *history) log(format string, args ...any) {
	if *historyOnly >= 0 {
		h.trace = append(h.trace, h.now.Format(time.TimeOnly+".000 ")+fmt.Sprintf(format, args...))
	}
}

// check is what holds whenever nobody is at work.
func (h *history) check() (faults []string) {
	faults = slices.Clone(h.faults)
	fault := func(format string, args ...any) {
		faults = append(faults, h.now.Format(time.TimeOnly+".000 ")+fmt.Sprintf(format, args...))
	}
	lapsed := false // and the watch has not run since
	for _, until := range h.lapses {
		lapsed = lapsed || !h.now.Before(until)
	}
	offered := slices.ContainsFunc(h.to, func(d delivery) bool { return d.again != nil })
	for _, s := range h.all().Standings(h.now) {
		h.saw[string(s.State)]++
		running := h.running(s.Task, transaction)
		inForce := h.inForce(s.Task)
		if s.State == voicetask.StateUnresolved && !h.died {
			fault("%s is unresolved, and nobody died", s.Task)
		}
		if len(running) > 0 && !inForce && !h.died && !lapsed && !offered {
			fault("%s runs without consent, and nobody died", s.Task)
		}
		if len(running) > 0 && !inForce && s.State != voicetask.StateUnresolved && s.State != voicetask.StateStopping {
			fault("%s runs without consent, and is shown as %s", s.Task, s.State)
		}
		if inForce && h.ready(transaction) && h.keeper.On[s.Task] && !h.over && !offered && len(running) != 1 {
			fault("%s: %d run, want one: consent is in force", s.Task, len(running))
		}
		if len(running) > 0 && s.TaskID != "" && s.TaskID != running[0] && (s.State == voicetask.StateStarted || !h.died) {
			fault("%s %s is shown as %s, and %s runs", s.Task, s.State, s.TaskID, running[0])
		}
		if s.TaskID != "" && s.State != voicetask.StateStarted && s.State != voicetask.StateStopping &&
			s.State != voicetask.StateStopped {
			fault("%s %s is shown as %s", s.Task, s.State, s.TaskID)
		}
	}
	return faults
}

// run plays a history, and returns what was wrong in it.
func (h *history) run() (faults []string) {
	check := func() {
		if len(faults) == 0 {
			faults = h.check()
		}
	}
	fail := func(err error) {
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	fail(h.play(check))
	// Every task sends notifications while it runs, so that even one whose start was
	// never answered makes itself known.
	h.kills, h.refusals, h.losses, h.outages = 0, 0, 0, 0
	h.add(delivery{at: h.now, happening: happening{name: "notify", notify: true}})
	fail(h.play(check))
	for _, task := range voicetask.Tasks() {
		if n := len(h.running(task, transaction)); n > 0 && (!h.inForce(task) || !h.keeper.On[task]) {
			faults = append(faults, fmt.Sprintf("%d %s left running without consent", n, task))
		}
	}
	h.now = h.now.Add(8*time.Hour + 15*time.Minute)
	for _, s := range h.all().Standings(h.now) {
		h.saw["in the end "+string(s.State)]++
		if s.State == voicetask.StateUnresolved {
			faults = append(faults, fmt.Sprintf("%s is unresolved for good", s.Task))
		}
	}
	return faults
}

// A call of which consent is granted, denied and withdrawn at any distance, by events
// that come twice, late and in any order, while processes are killed, answers lost and
// requests throttled: no task is asked for without consent, none is left running, one
// runs where consent is in force, and none is unresolved but where a process died or
// its request for a start was never answered.
func TestTenThousandHistories(t *testing.T) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	t.Logf("%d histories of seed %d", n, *historySeed)
	if *historyOnly >= 0 {
		h := newHistory(*historySeed, *historyOnly)
		faults := h.run()
		t.Log(strings.Join(h.trace, "\n"))
		for _, e := range h.all().InOrder() {
			t.Logf("%s %s %s %d %s %s %s", e.At.Format(time.TimeOnly+".000"), e.Kind, e.Task, e.Number, e.TaskID, e.Try,
				e.Detail)
		}
		for _, f := range faults {
			t.Error(f)
		}
		return
	}
	var next, failed atomic.Int64
	var mu sync.Mutex
	saw := map[string]int{}
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() < 5; i = int(next.Add(1)) - 1 {
				h := newHistory(*historySeed, i)
				if faults := h.run(); len(faults) > 0 {
					failed.Add(1)
					t.Errorf("history %d (see it with -histories.seed=%d -histories.only=%d):\n%s", i, *historySeed, i,
						strings.Join(faults, "\n"))
				}
				mu.Lock()
				for what := range h.saw {
					saw[what]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for _, what := range slices.Sorted(maps.Keys(saw)) {
		if !strings.HasPrefix(what, "until ") {
			t.Logf("%6d with %s", saw[what], what)
		}
	}
	for _, what := range []string{"start", "stop", "killed", "throttled", "lost", "outage", "notify", "unresolved",
		"in the end presumed-stopped", "started", "stopped", "expired", "withdrawn", "lapsed"} {
		if saw[what] < n/200 && failed.Load() == 0 {
			t.Errorf("got %d histories with %s, want %d at least", saw[what], what, n/200)
		}
	}
}
