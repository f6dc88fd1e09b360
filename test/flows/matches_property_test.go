package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// unnamedMatch makes an event of a rule that matched on a call that the event does
// not name, as in the developer guide.
func unnamedMatch(rule, id string, at time.Time) []byte {
	return withMetadata(ruleMatch(rule, id, at), `{}`)
}

// withMetadata puts other source metadata into a match of ruleMatch.
func withMetadata(raw []byte, metadata string) []byte {
	return []byte(strings.Replace(string(raw), `{"callId":"c1","transactionId":"t1"}`, metadata, 1))
}

// kindOfMatch is what matches are notified together by.
type kindOfMatch struct {
	name  string
	event func(id string, at time.Time) []byte
	// begins is the beginning of the ids of its notifications.
	begins string
}

const configuration = "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/calls"

var kindsOfMatches = []kindOfMatch{
	{"a rule on a call", func(id string, at time.Time) []byte { return ruleMatch("r1", id, at) }, "rule-match/t1/r1/"},
	{"another rule on it", func(id string, at time.Time) []byte { return ruleMatch("r2", id, at) }, "rule-match/t1/r2/"},
	{"a rule, and no call", func(id string, at time.Time) []byte { return unnamedMatch("r1", id, at) },
		"rule-match/region/111122223333/us-east-1/r1/"},
	{"another rule, and no call", func(id string, at time.Time) []byte { return unnamedMatch("r2", id, at) },
		"rule-match/region/111122223333/us-east-1/r2/"},
	{"a rule and a configuration", func(id string, at time.Time) []byte {
		return withMetadata(ruleMatch("r1", id, at), `{"mediaInsightsPipelineConfigurationArn":"`+configuration+`"}`)
	}, "rule-match/configuration/" + configuration + "/r1/"},
	{"a rule in a rehearsal", func(id string, at time.Time) []byte {
		return []byte(strings.Replace(string(unnamedMatch("r1", id, at)), `"aws.chime"`, `"`+chime.RehearsalSource+`"`, 1))
	}, "rule-match/rehearsal-region/111122223333/us-east-1/r1/"},
}

// hearing is what people have to hear, and what they heard.
type hearing struct {
	matches map[string]map[string]bool // by the kind of match: the events
	seen    int                        // of the published messages
	told    map[string]map[string]int  // by the kind of match and the message: how many matches it tells of
	at      map[string]time.Time       // when a message was sent for the last time
	order   []string
}

// hear reads what was published since.
func (l *hearing) hear(t *testing.T, w *faultinject.World, now time.Time) {
	t.Helper()
	all := w.Topic.Published()
	for _, m := range all[l.seen:] {
		var bodies map[string]string
		var data struct{ Match struct{ HeldBack int } }
		if err := errors.Join(json.Unmarshal([]byte(m.Body), &bodies), json.Unmarshal([]byte(bodies["sqs"]), &data)); err != nil {
			t.Fatal(err)
		}
		of := ""
		for _, kind := range kindsOfMatches {
			if strings.HasPrefix(m.ID, kind.begins) {
				of = kind.name
			}
		}
		if l.told[of] == nil {
			l.told[of] = map[string]int{}
		}
		if _, again := l.told[of][m.ID]; !again {
			l.order = append(l.order, m.ID)
		}
		l.told[of][m.ID], l.at[m.ID] = data.Match.HeldBack+1, now // of two with one id, the last is what is recorded
	}
	l.seen = len(all)
}

// Any history of matches, some of which come twice, at once with others, after days, or
// to a process that is killed anywhere and tries again: in the end people have heard of
// each match once, and of a rule on a call, or in a group, at most once a window.
func TestMatchesAreCountedOnceAndSentOncePerWindow(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	killed, waited := 0, 0
	for seed := range int64(40) {
		random := rand.New(rand.NewSource(seed))
		world := faultinject.NewWorld(t, db)
		now := noon
		l := &hearing{matches: map[string]map[string]bool{}, told: map[string]map[string]int{}, at: map[string]time.Time{}}
		processes := 0
		process := func() *invocation {
			processes++
			return invoked(world.Process(), now, fmt.Sprint("invocation ", processes))
		}
		ending := func(v *invocation) func() error {
			return func() error { return v.matches().Run(t.Context()) }
		}
		kinds := random.Perm(len(kindsOfMatches))[:2]
		next := func() []byte {
			kind := kindsOfMatches[kinds[random.Intn(2)]]
			n := random.Intn(12)
			id := fmt.Sprintf("m%d-%s", n, strings.ReplaceAll(kind.name, " ", "-"))
			if l.matches[kind.name] == nil {
				l.matches[kind.name] = map[string]bool{}
			}
			l.matches[kind.name][id] = true
			return kind.event(id, noon.Add(-time.Duration(n%3)*13*time.Hour)) // an event has one time, however often it comes
		}
		handle := func(v *invocation, raw []byte) func() error {
			return func() error { return v.alerts()(t.Context(), lambdafn.Message{Body: raw}) }
		}
		var left []func() error // of processes that were killed, to try again
		for range 14 {
			now = now.Add([]time.Duration{0, 0, 30 * time.Second, 4 * time.Minute, 6 * time.Minute}[random.Intn(5)])
			first, second := process(), process()
			work := []func() error{handle(first, next()), handle(second, next())}
			switch random.Intn(4) {
			case 0: // one by one
				for _, do := range work {
					if err := do(); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
			case 1: // at once
				errs := faultinject.Interleave(random.Int63(), faultinject.Work{Line: first.Line, Do: work[0]}, faultinject.Work{Line: second.Line, Do: work[1]})
				if err := errors.Join(errs...); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			case 2: // at once with the end of windows, by a clock that is ahead
				second.now.set(now.Add(time.Second))
				errs := faultinject.Interleave(random.Int63(), faultinject.Work{Line: first.Line, Do: work[0]}, faultinject.Work{Line: second.Line, Do: ending(second)})
				if err := errors.Join(errs...); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				left = append(left, func() error { second.now.set(now); return work[1]() })
			default: // killed, and tried again now or later
				first.Line.Disturb(1+random.Intn(10), []faultinject.How{faultinject.Before, faultinject.After}[random.Intn(2)])
				if err := work[0](); err != nil {
					if !errors.Is(err, faultinject.ErrKilled) {
						t.Fatalf("seed %d: %v", seed, err)
					}
					killed++
				}
				first.Line.Revive()
				first.Line.Disturb(1<<20, faultinject.Before) // no more
				left = append(left, func() error { first.now.set(now); return work[0]() }, func() error { second.now.set(now); return work[1]() })
			}
			l.hear(t, world, now)
			for len(left) > 0 && random.Intn(2) == 0 {
				if err := left[0](); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				left = left[1:]
				l.hear(t, world, now)
			}
		}
		for _, do := range left {
			if err := do(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			l.hear(t, world, now)
		}
		for range 3 {
			now = now.Add(5*time.Minute + time.Second)
			if err := ending(process())(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			l.hear(t, world, now)
		}
		for _, kind := range kindsOfMatches {
			told := 0
			for _, n := range l.told[kind.name] {
				told += n
				waited += n - 1
			}
			if want := len(l.matches[kind.name]); told != want {
				t.Errorf("seed %d, %s: people heard of %d matches, want %d: %v", seed, kind.name, told, want, l.told[kind.name])
			}
			var before string
			for _, id := range l.order {
				if !strings.HasPrefix(id, kind.begins) {
					continue
				}
				if before != "" && l.at[id].Sub(l.at[before]) < 5*time.Minute-2*time.Second {
					t.Errorf("seed %d: %s came %s after %s, want a window between", seed, id, l.at[id].Sub(l.at[before]), before)
				}
				before = id
			}
		}
		if len(l.told[""]) > 0 {
			t.Errorf("seed %d: got messages of nothing that matched: %v", seed, l.told[""])
		}
		if ended, err := invoked(world.Process(), now, "reader").store().OpenWindows(t.Context(), now.Add(time.Hour)); err != nil || len(ended) != 0 {
			t.Errorf("seed %d: got %d open windows (%v), want none", seed, len(ended), err)
		}
	}
	if killed < 20 || waited < 20 {
		t.Errorf("%d processes were killed, and %d matches held back: the test proves little", killed, waited)
	}
}

// tellsOf returns how many matches people have heard of, where of two messages with one
// id the last counts.
func tellsOf(t *testing.T, w *faultinject.World, now time.Time) (n int) {
	t.Helper()
	l := &hearing{told: map[string]map[string]int{}, at: map[string]time.Time{}}
	l.hear(t, w, now)
	for _, messages := range l.told {
		for _, matches := range messages {
			n += matches
		}
	}
	return n
}

// A process is killed after any of its calls, as it handles a match or ends a window, and
// another match comes before it tries again; or another match comes just before any of its
// calls. Each match is counted once.
func TestMatchesDuringACrashOrRaceAreCounted(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for _, kind := range []kindOfMatch{kindsOfMatches[0], kindsOfMatches[2]} {
		for _, when := range []string{"the first match", "a match that is held back", "the end of a window"} {
			for _, dies := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, at %s, it dies: %v", kind.name, when, dies), func(t *testing.T) {
					calls := 0
					for n := 1; n == 1 || calls >= n-1; n++ {
						calls = meanwhile(t, faultinject.NewWorld(t, db), kind, when, dies, n)
					}
				})
			}
		}
	}
}

// meanwhile is one of these cases; it returns how many calls the process made.
func meanwhile(t *testing.T, world *faultinject.World, kind kindOfMatch, when string, dies bool, n int) (calls int) {
	t.Helper()
	first, other := invoked(world.Process(), noon, "first"), invoked(world.Process(), noon, "other")
	matches := 0
	match := func() func(context.Context, *rulematch.Service) error {
		matches++
		raw := kind.event(fmt.Sprint("m", matches), noon)
		return func(ctx context.Context, a *rulematch.Service) error { return a.Handle(ctx, raw) }
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
	}
	now := noon
	step := match()
	if when != "the first match" {
		check(step(t.Context(), first.matches()))
		step = match()
	}
	if when == "the end of a window" {
		check(step(t.Context(), first.matches()))
		now = noon.Add(5 * time.Minute)
		step = func(ctx context.Context, a *rulematch.Service) error { return a.Run(ctx) }
	}
	first.now.set(now)
	other.now.set(now)
	another := match()
	before := len(first.Line.Calls())
	if dies {
		first.Line.Disturb(n, faultinject.After)
		if err := step(t.Context(), first.matches()); err != nil && !errors.Is(err, faultinject.ErrKilled) {
			t.Fatalf("call %d: %v", n, err)
		}
		calls = len(first.Line.Calls()) - before
		first.Line.Revive()
		first.Line.Disturb(1<<20, faultinject.Before)
		for _, v := range []*invocation{first, other} {
			v.now.set(now.Add(20 * time.Second)) // what the dead one claimed is free
		}
		check(another(t.Context(), other.matches()))
		check(step(t.Context(), first.matches()))
	} else {
		a, again := first.matches(), true
		client := &during{Client: world.DB, calls: n, do: func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // it may wait for the first, which is sending
			defer cancel()
			again = another(ctx, other.matches()) != nil
		}}
		a.Repo = dynamo.New(client, world.Table, dynamo.Options{Retention: 24 * time.Hour, Now: first.now.Now})
		check(step(t.Context(), a))
		if calls = n; client.calls > 0 {
			calls = 0
		}
		if again {
			check(another(t.Context(), other.matches()))
		}
	}
	for minutes := range 4 {
		other.now.set(now.Add(time.Duration(6*minutes+6) * time.Minute))
		check(other.matches().Run(t.Context()))
	}
	if got := tellsOf(t, world, now); got != matches {
		t.Errorf("at call %d: people heard of %d matches, want %d: %v", n, got, matches, world.Topic.Times())
	}
	return calls
}

// A storm of matches that name no call is one message, and one with the exact count.
func TestStormOfUnnamedMatchesIsTwoMessages(t *testing.T) {
	v := onTable(t)
	v.now.set(noon)
	for n := range 60 {
		v.match(t, unnamedMatch("storm", fmt.Sprint("m", n), noon))
	}
	v.match(t, unnamedMatch("storm", "m7", noon))
	v.endWindows(t, noon.Add(5*time.Minute))
	v.endWindows(t, noon.Add(11*time.Minute))
	if held := heldBack(t, v); len(held) != 2 || held[0] != 0 || held[1] != 58 {
		t.Errorf("got messages that tell of %v others, want [0 58]", held)
	}
	body := v.World.Topic.Published()[1].Body
	if want := "58 more matches of this rule"; !strings.Contains(body, want) || !strings.Contains(body, "does not say on which call") {
		t.Errorf("got %s, want it to say %q, and that no call is known", body, want)
	}
}

// What a group costs does not grow with its age: a match that is held back, and the
// message at the end of a window, cost the same after weeks of matches, also where no
// window ends without another match, and where matches come twice.
func TestCostOfAMatchDoesNotGrowWithItsGroup(t *testing.T) {
	for _, rests := range []bool{true, false} {
		v := onTable(t)
		cost := func(at time.Time) int {
			v.now.set(at)
			id := at.Format("0102")
			v.match(t, unnamedMatch("r1", "a"+id, at))
			before := len(v.Line.Calls())
			v.match(t, unnamedMatch("r1", "b"+id, at))
			v.endWindows(t, at.Add(5*time.Minute))
			n := len(v.Line.Calls()) - before
			v.match(t, unnamedMatch("r1", "b"+id, at))
			if rests {
				v.endWindows(t, at.Add(11*time.Minute))
			}
			return n
		}
		cost(noon)
		second := cost(noon.AddDate(0, 0, 1))
		for day := 2; day < 16; day++ {
			if n := cost(noon.AddDate(0, 0, day)); n > second {
				t.Fatalf("rests: %v, after %d days: got %d calls, want %d as on the second", rests, day, n, second)
			}
		}
		if n := len(heldBack(t, v)); n != 32 {
			t.Errorf("rests: %v: got %d messages, want 2 a day", rests, n)
		}
	}
}
