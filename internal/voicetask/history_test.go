package voicetask_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

var (
	historySeed = flag.Uint64("histories.seed", 1, "the seed of TestTenThousandHistories")
	historyOnly = flag.Int("histories.only", -1, "the one history of TestTenThousandHistories that is run, and printed")
)

// history is one call from its first event to its last, with all that goes wrong.
type history struct {
	*simulator
	*rand.Rand
	runner   *voicetask.TaskRunner
	to       []delivery // to come, in the order of their time
	busy     []*worker
	expiries map[string]time.Time // consent with an end that no watch run has handled
	kills    int                  // how many processes are still to be killed
	refusals int                  // how often the service is still to throttle
	losses   int                  // how many answers of the service are still to be lost
	outages  int                  // how often the table is still to fail
	far      int                  // how many of the distances there are
	failures int                  // how often the table has failed
	// died: a process was killed, a start was not answered, or the table failed both for
	// the run and for its last writes.
	died  bool
	trace []string
	saw   map[string]int
}

// delivery is something that happens at a time: a function is invoked, or the simulator
// changes.
type delivery struct {
	at time.Time
	action
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
	h := &history{simulator: newSimulator(), Rand: rand.New(rand.NewPCG(seed, uint64(n))),
		expiries: map[string]time.Time{},
		saw:      map[string]int{}}
	h.far = pick(h.Rand, []int{6, 8, 8, len(distances)})
	both := voicetask.Tasks()
	on := pick(h.Rand,
		[][]voicetask.Task{both, both, both, both, both, {voicetask.VoiceTone}, {voicetask.SpeakerSearch}, nil})
	h.runner = h.simulator.runner(on...)
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
	h.decisions()
	h.hangUp()
	for range h.IntN(3) {
		h.deliver(h.now.Add(h.distance()+h.distance()), action{name: "notify", notify: true})
	}
	return h
}

// deliver schedules an action: sometimes it comes twice, or late.
func (h *history) deliver(at time.Time, what action) {
	if h.chance(20) {
		at = at.Add(h.distance())
	}
	h.add(delivery{at: at, action: what})
	for what.change == nil && h.chance(20) {
		at = at.Add(h.distance())
		h.add(delivery{at: at, action: what})
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

func (h *history) decisions() {
	at := h.now.Add(h.distance())
	for n := range 1 + h.IntN(6) {
		e := voicetask.Entry{
			Kind: pick(h.Rand, []voicetask.Kind{voicetask.Granted, voicetask.Denied, voicetask.Withdrawn}),
			Scope: pick(h.Rand, []voicetask.Scope{voicetask.ScopeBoth, voicetask.ScopeBoth, voicetask.ScopeSpeakerSearch,
				voicetask.ScopeVoiceTone}),
			At: at, Event: fmt.Sprint("w", n), By: "someone", TransactionID: transaction,
		}
		if n%2 == 0 && h.chance(70) { // mostly a grant and something else in turns
			e.Kind = voicetask.Granted
		}
		if e.Kind == voicetask.Granted && h.chance(30) {
			e.Until = at.Add(time.Millisecond + h.distance())
		}
		if h.chance(40) {
			e.TransactionID, e.CallID = "", callID
		}
		h.deliver(at, action{name: fmt.Sprintf("%s %s of %s", e.Kind, e.Scope, at.Format(time.TimeOnly+".000")), entry: e})
		at = at.Add(h.distance())
	}
}

func (h *history) hangUp() {
	if h.chance(50) {
		return
	}
	at := h.now.Add(h.distance() + h.distance() + pick(h.Rand, distances))
	over := action{name: "hang-up", change: (*simulator).end}
	switch h.IntN(3) {
	case 0: // the service reports it five minutes later
		h.deliver(at.Add(5*time.Minute), action{name: "ended",
			entry: voicetask.Entry{Kind: voicetask.Ended, At: at.Add(5 * time.Minute),
				Event: "e", TransactionID: transaction}})
	case 1:
		over.change = func(w *simulator) { w.end(); w.pipelineAt = w.now }
	}
	h.add(delivery{at: at, action: over})
}
