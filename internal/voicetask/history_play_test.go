package voicetask_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// play does all deliveries in the order of their time, and calls check whenever no worker
// is busy.
func (h *history) play(check func()) error {
	for steps := 0; len(h.to)+len(h.busy) > 0 && len(h.violations) == 0; steps++ {
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

// begin begins a delivery.
func (h *history) begin(d delivery) {
	w := d.again
	switch {
	case w != nil:
		w = &worker{name: w.name, run: w.run}
	case d.watch:
		w = &worker{name: "watch", run: h.watch}
	default:
		if d.change != nil {
			d.change(h.simulator)
		}
		w = d.worker(h.simulator, h.runner)
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
	return func(ctx context.Context) error { return h.runner.Reconcile(ctx, trigger) }
}

// watch does what is due for consent that has expired, as the function watch does.
func (h *history) watch(ctx context.Context) error {
	for _, event := range slices.Sorted(maps.Keys(h.expiries)) {
		if h.now.Before(h.expiries[event]) {
			continue
		}
		if err := h.runner.Reconcile(ctx, voicetask.Trigger{Event: event, TransactionID: transaction}); err != nil {
			return err
		}
		delete(h.expiries, event)
	}
	return nil
}

// scheduleWatch has the watch run within a minute after consent has expired.
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
			h.expiries[e.Event] = e.Until
			at := e.Until
			if at.Before(h.now) {
				at = h.now
			}
			h.add(delivery{at: at.Add(time.Duration(h.IntN(60)) * time.Second), watch: true,
				action: action{name: "watch"}})
		}
	}
}

// step lets a worker make its next request, if it is not killed first.
func (h *history) step(i int) {
	w := h.busy[i]
	v, what := h.fate(w.next), w.next
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
		h.add(delivery{at: h.now.Add(h.distance()), again: w, action: action{name: w.name}})
	}
}

// fate draws what becomes of a request.
func (h *history) fate(what string) fate {
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
		return pick(h.Rand, []fate{killBefore, killAfter})
	case service && h.refusals > 0 && h.chance(50):
		h.refusals--
		h.saw["throttled"]++
		return refuse
	case service && h.losses > 0 && h.chance(30):
		h.losses--
		// Meanwhile tasks that ran before are reported, and so they are once more.
		h.add(delivery{at: h.now, action: action{name: "notify", notify: true}})
		h.died = h.died || what == "start"
		h.saw["lost"]++
		return lose
	case !service && h.outages > 0 && h.chance(10):
		h.outages--
		h.failures++
		h.died = h.died || h.failures > 1
		h.saw["outage"]++
		return pick(h.Rand, []fate{refuse, lose})
	}
	return pass
}

func (h *history) log(format string, args ...any) {
	if *historyOnly >= 0 {
		h.trace = append(h.trace, h.now.Format(time.TimeOnly+".000 ")+fmt.Sprintf(format, args...))
	}
}

// check returns what must not be while no worker is busy.
func (h *history) check() (violations []string) {
	violations = slices.Clone(h.violations)
	violation := func(format string, args ...any) {
		violations = append(violations, h.now.Format(time.TimeOnly+".000 ")+fmt.Sprintf(format, args...))
	}
	expired := false // and the watch has not run since
	for _, until := range h.expiries {
		expired = expired || !h.now.Before(until)
	}
	offered := slices.ContainsFunc(h.to, func(d delivery) bool { return d.again != nil })
	for _, s := range h.all().Standings(h.now) {
		h.saw[string(s.State)]++
		running := h.running(s.Task, transaction)
		inForce := h.inForce(s.Task)
		if s.State == voicetask.StateUnresolved && !h.died {
			violation("%s is unresolved, and nobody died", s.Task)
		}
		if len(running) > 0 && !inForce && !h.died && !expired && !offered {
			violation("%s runs without consent, and nobody died", s.Task)
		}
		if len(running) > 0 && !inForce && s.State != voicetask.StateUnresolved && s.State != voicetask.StateStopping {
			violation("%s runs without consent, and is shown as %s", s.Task, s.State)
		}
		if inForce && h.ready(transaction) && h.runner.On[s.Task] && !h.over && !offered && len(running) != 1 {
			violation("%s: %d run, want one: consent is in force", s.Task, len(running))
		}
		if len(running) > 0 && s.TaskID != "" && s.TaskID != running[0] && (s.State == voicetask.StateStarted || !h.died) {
			violation("%s %s is shown as %s, and %s runs", s.Task, s.State, s.TaskID, running[0])
		}
		if s.TaskID != "" && s.State != voicetask.StateStarted && s.State != voicetask.StateStopping &&
			s.State != voicetask.StateStopped {
			violation("%s %s is shown as %s", s.Task, s.State, s.TaskID)
		}
	}
	return violations
}

// run plays a history, and returns what was wrong in it.
func (h *history) run() (violations []string) {
	check := func() {
		if len(violations) == 0 {
			violations = h.check()
		}
	}
	fail := func(err error) {
		if err != nil {
			violations = append(violations, err.Error())
		}
	}
	fail(h.play(check))
	// Every task sends notifications while it runs, so that even one whose start was
	// never answered becomes known.
	h.kills, h.refusals, h.losses, h.outages = 0, 0, 0, 0
	h.add(delivery{at: h.now, action: action{name: "notify", notify: true}})
	fail(h.play(check))
	for _, task := range voicetask.Tasks() {
		if n := len(h.running(task, transaction)); n > 0 && (!h.inForce(task) || !h.runner.On[task]) {
			violations = append(violations, fmt.Sprintf("%d %s left running without consent", n, task))
		}
	}
	h.now = h.now.Add(8*time.Hour + 15*time.Minute)
	for _, s := range h.all().Standings(h.now) {
		h.saw["in the end "+string(s.State)]++
		if s.State == voicetask.StateUnresolved {
			violations = append(violations, fmt.Sprintf("%s is unresolved for good", s.Task))
		}
	}
	return violations
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
		violations := h.run()
		t.Log(strings.Join(h.trace, "\n"))
		for _, e := range h.all().InOrder() {
			t.Logf("%s %s %s %d %s %s %s", e.At.Format(time.TimeOnly+".000"), e.Kind, e.Task, e.Number, e.TaskID, e.Try,
				e.Detail)
		}
		for _, f := range violations {
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
				if violations := h.run(); len(violations) > 0 {
					failed.Add(1)
					t.Errorf("history %d (see it with -histories.seed=%d -histories.only=%d):\n%s", i, *historySeed, i,
						strings.Join(violations, "\n"))
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
