package flows_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// matchGroup is a group of matches that are notified together.
type matchGroup struct {
	name  string
	event func(id string, at time.Time) []byte
	// prefix is the beginning of the ids of its notifications.
	prefix string
}

const (
	configuration = "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/calls"
	ofRegion      = "region/111122223333/us-east-1"
)

var matchGroups = []matchGroup{
	{
		name:   "a rule on a call",
		event:  func(id string, at time.Time) []byte { return ruleMatch("r1", id, at) },
		prefix: "rule-match/t1/r1/",
	},
	{
		name:   "another rule on it",
		event:  func(id string, at time.Time) []byte { return ruleMatch("r2", id, at) },
		prefix: "rule-match/t1/r2/",
	},
	{
		name:   "a rule, and no call",
		event:  func(id string, at time.Time) []byte { return unnamedMatch("r1", id, at) },
		prefix: "rule-match/" + ofRegion + "/r1/",
	},
	{
		name:   "another rule, and no call",
		event:  func(id string, at time.Time) []byte { return unnamedMatch("r2", id, at) },
		prefix: "rule-match/" + ofRegion + "/r2/",
	},
	{
		name: "a rule and a configuration",
		event: func(id string, at time.Time) []byte {
			return withMetadata(ruleMatch("r1", id, at), `{"mediaInsightsPipelineConfigurationArn":"`+configuration+`"}`)
		},
		prefix: "rule-match/configuration/" + configuration + "/r1/",
	},
	{
		name:   "a rule in a rehearsal",
		event:  func(id string, at time.Time) []byte { return rehearsed(unnamedMatch("r1", id, at))[0] },
		prefix: "rule-match/" + chime.RehearsalPrefix + ofRegion + "/r1/",
	},
}

// matchLog is what matched, and what was notified of it.
type matchLog struct {
	matches map[string]map[string]bool // by group: the events
	counted map[string]map[string]int  // by group and message: how many matches it counts
	sentAt  map[string]time.Time       // by message: when it was sent for the last time
	order   []string                   // of the messages
	read    int                        // of the published messages
}

func newMatchLog() *matchLog {
	return &matchLog{
		matches: map[string]map[string]bool{}, counted: map[string]map[string]int{}, sentAt: map[string]time.Time{},
	}
}

// readNew reads the messages that were published since.
func (l *matchLog) readNew(t *testing.T, w *faultinject.World, now time.Time) {
	t.Helper()
	all := w.Topic.Published()
	for _, m := range all[l.read:] {
		var data matchData
		readData(t, m, &data)
		group := ""
		for _, g := range matchGroups {
			if strings.HasPrefix(m.ID, g.prefix) {
				group = g.name
			}
		}
		if l.counted[group] == nil {
			l.counted[group] = map[string]int{}
		}
		if _, again := l.counted[group][m.ID]; !again {
			l.order = append(l.order, m.ID)
		}
		// Of two messages with one id, the last is what is recorded.
		l.counted[group][m.ID], l.sentAt[m.ID] = data.Match.HeldBack+1, now
	}
	l.read = len(all)
}

// check compares what was notified of each group with what matched, and returns how many
// matches were held back.
func (l *matchLog) check(t *testing.T, seed int64) (held int) {
	t.Helper()
	for _, group := range matchGroups {
		counted := 0
		for _, n := range l.counted[group.name] {
			counted += n
			held += n - 1
		}
		if want := len(l.matches[group.name]); counted != want {
			t.Errorf("seed %d, %s: notified of %d matches, want %d: %v", seed, group.name, counted, want, l.counted[group.name])
		}
		var before string
		for _, id := range l.order {
			if !strings.HasPrefix(id, group.prefix) {
				continue
			}
			if gap := l.sentAt[id].Sub(l.sentAt[before]); before != "" && gap < matchWindow-2*time.Second {
				t.Errorf("seed %d: %s came %s after %s, want a window between", seed, id, gap, before)
			}
			before = id
		}
	}
	if len(l.counted[""]) > 0 {
		t.Errorf("seed %d: got messages about nothing that matched: %v", seed, l.counted[""])
	}
	return held
}

// matchHistory is a random history of matches of two groups, in a world of its own.
type matchHistory struct {
	*matchLog
	t         *testing.T
	seed      int64
	random    *rand.Rand
	world     *faultinject.World
	groups    []matchGroup
	now       time.Time
	processes int
	killed    int
	retries   []func() error // of processes that were killed
}

func newMatchHistory(t *testing.T, seed int64) *matchHistory {
	h := &matchHistory{
		matchLog: newMatchLog(), t: t, seed: seed, random: rand.New(rand.NewSource(seed)),
		world: faultinject.NewWorld(t, faultinject.Server(t)), now: noon,
	}
	for _, n := range h.random.Perm(len(matchGroups))[:2] {
		h.groups = append(h.groups, matchGroups[n])
	}
	return h
}

// do runs something that must not fail, and reads what was published.
func (h *matchHistory) do(work func() error) {
	h.t.Helper()
	if err := work(); err != nil {
		h.t.Fatalf("seed %d: %v", h.seed, err)
	}
	h.readNew(h.t, h.world, h.now)
}

func (h *matchHistory) process() *invocation {
	h.processes++
	return newInvocation(h.world.Process(), h.now, fmt.Sprint("invocation ", h.processes))
}

// next returns a match, which may have come before.
func (h *matchHistory) next() []byte {
	group := h.groups[h.random.Intn(2)]
	n := h.random.Intn(12)
	id := fmt.Sprintf("m%d-%s", n, strings.ReplaceAll(group.name, " ", "-"))
	if h.matches[group.name] == nil {
		h.matches[group.name] = map[string]bool{}
	}
	h.matches[group.name][id] = true
	return group.event(id, noon.Add(-time.Duration(n%3)*13*time.Hour)) // an event has one time, however often it comes
}

// step lets two processes handle a match each: one after the other, at once, at once with
// the end of windows, or so that the first is killed.
func (h *matchHistory) step() {
	h.t.Helper()
	h.now = h.now.Add([]time.Duration{0, 0, 30 * time.Second, 4 * time.Minute, 6 * time.Minute}[h.random.Intn(5)])
	first, second := h.process(), h.process()
	handle := func(v *invocation, event []byte) func() error {
		return func() error { return v.matches().Handle(h.t.Context(), event) }
	}
	one, two := handle(first, h.next()), handle(second, h.next())
	atOnce := func(other func() error) {
		h.do(func() error {
			return errors.Join(faultinject.RunInterleaved(h.random.Int63(),
				faultinject.Work{Injector: first.Injector, Do: one}, faultinject.Work{Injector: second.Injector, Do: other})...)
		})
	}
	later := func(v *invocation, work func() error) {
		h.retries = append(h.retries, func() error { v.setTime(h.now); return work() })
	}
	switch h.random.Intn(4) {
	case 0:
		h.do(one)
		h.do(two)
	case 1:
		atOnce(two)
	case 2:
		second.setTime(h.now.Add(time.Second)) // a clock that is ahead
		atOnce(func() error { return second.matches().Run(h.t.Context()) })
		later(second, two)
	default:
		at := 1 + h.random.Intn(10)
		fault := []faultinject.Fault{faultinject.Before, faultinject.After}[h.random.Intn(2)]
		first.Injector.InjectAt(at, fault)
		if err := one(); errors.Is(err, faultinject.ErrKilled) {
			h.killed++
		} else if err != nil {
			h.t.Fatalf("seed %d: %v", h.seed, err)
		}
		first.Injector.Revive()
		first.Injector.InjectAt(1<<20, faultinject.Before) // no more
		later(first, one)
		later(second, two)
	}
	h.readNew(h.t, h.world, h.now)
	for len(h.retries) > 0 && h.random.Intn(2) == 0 {
		h.do(h.retries[0])
		h.retries = h.retries[1:]
	}
}

// finish runs the remaining retries, and ends all windows.
func (h *matchHistory) finish() {
	h.t.Helper()
	for _, retry := range h.retries {
		h.do(retry)
	}
	for range 3 {
		h.now = h.now.Add(matchWindow + time.Second)
		h.do(func() error { return h.process().matches().Run(h.t.Context()) })
	}
	newInvocation(h.world.Process(), h.now, "reader").wantNoOpenWindow(h.t, h.now.Add(time.Hour))
}

// In any history of matches, some of which come twice, at once with others, after days, or
// to a process that is killed anywhere and retries: each match is counted once, and a rule
// on a call, or in a group, is notified at most once a window.
func TestMatchesAreCountedOnceAndSentOncePerWindow(t *testing.T) {
	silenceLog(t)
	killed, held := 0, 0
	for seed := range int64(40) {
		h := newMatchHistory(t, seed)
		for range 14 {
			h.step()
		}
		h.finish()
		held += h.check(t, seed)
		killed += h.killed
	}
	if killed < 20 || held < 20 {
		t.Errorf("%d processes were killed, and %d matches held back: the test proves little", killed, held)
	}
}
