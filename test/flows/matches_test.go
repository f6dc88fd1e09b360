package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// matchData is a notification about a rule match as programs read it.
type matchData struct {
	Severity string
	Match    struct{ HeldBack int }
}

// readData reads a message as programs do, which receive it by SQS.
func readData(t testing.TB, m faultinject.Message, into any) {
	t.Helper()
	var bodies map[string]string
	if err := json.Unmarshal([]byte(m.Body), &bodies); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(bodies["sqs"]), into); err != nil {
		t.Fatal(err)
	}
}

// matchesSent returns the notifications about rule matches, in order.
func (v *invocation) matchesSent(t testing.TB) (all []matchData) {
	t.Helper()
	for _, m := range v.World.Topic.Published() {
		var data matchData
		readData(t, m, &data)
		all = append(all, data)
	}
	return all
}

// heldBack returns, for each notification, how many other matches it counts.
func (v *invocation) heldBack(t testing.TB) []int {
	t.Helper()
	held := []int{}
	for _, data := range v.matchesSent(t) {
		held = append(held, data.Match.HeldBack)
	}
	return held
}

// matchesCounted returns how many matches all notifications count.
func (v *invocation) matchesCounted(t testing.TB) (n int) {
	t.Helper()
	for _, held := range v.heldBack(t) {
		n += 1 + held
	}
	return n
}

// endWindows does what the schedule does about windows, at a time.
func (v *invocation) endWindows(t testing.TB, at time.Time) {
	t.Helper()
	v.setTime(at)
	if err := v.matches().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantNoOpenWindow checks that no window waits for its end.
func (v *invocation) wantNoOpenWindow(t testing.TB, before time.Time) {
	t.Helper()
	if open, err := v.store().OpenWindows(t.Context(), before); err != nil || len(open) != 0 {
		t.Errorf("got %d open windows (%v), want none", len(open), err)
	}
}

func TestRuleIsNotifiedOncePerWindowAndCall(t *testing.T) {
	v := inNewWorld(t)
	want := func(when string, held ...int) {
		t.Helper()
		if diff := cmp.Diff(held, v.heldBack(t)); diff != "" {
			t.Errorf("%s: matches held back, by notification (-want +got):\n%s", when, diff)
		}
	}
	v.match(t, ruleMatch("r1", "m1", noon), ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon),
		ruleMatch("r1", "m3", noon))
	want("within the window", 0)
	v.match(t, ruleMatch("r2", "m4", noon))
	want("another rule", 0, 0)
	v.endWindows(t, minutes(5).Add(-time.Second))
	want("before the end of the window", 0, 0)
	v.endWindows(t, minutes(5))
	want("at the end of the window, with the two that were held back", 0, 0, 1)
	v.endWindows(t, minutes(6))
	want("when nothing is held back", 0, 0, 1)
	v.setTime(minutes(7))
	v.match(t, ruleMatch("r1", "m5", noon), ruleMatch("r1", "m3", noon))
	want("in the second window", 0, 0, 1)
	v.setTime(minutes(10))
	v.match(t, ruleMatch("r1", "m6", noon))
	want("the next match counts the one that was held back", 0, 0, 1, 1)
	v.endWindows(t, minutes(30))
	v.endWindows(t, minutes(60))
	want("nothing is notified twice", 0, 0, 1, 1)
	v.wantNoOpenWindow(t, noon.Add(day))
}

func TestConcurrentMatchesAreCountedOnce(t *testing.T) {
	v := inNewWorld(t)
	group := errgroup.Group{}
	for n := range 20 {
		other := *v
		other.owner = fmt.Sprint("invocation ", n)
		group.Go(func() error {
			return other.matches().Handle(t.Context(), ruleMatch("r1", fmt.Sprint("m", n%10), noon))
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	v.endWindows(t, minutes(5))
	if n, held := v.matchesCounted(t), v.heldBack(t); n != 10 || len(held) > 2 {
		t.Errorf("got %d matches in %d messages, want 10 in at most 2: %v", n, len(held), held)
	}
}

// A match is held back by a clock that is a second behind that of the watch, which ends the
// window at the same time.
func TestMatchHeldBackAtTheEndOfItsWindowIsNotified(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(30) {
		world := faultinject.NewWorld(t, db)
		v := newInvocation(world.Process(), noon, "first")
		v.match(t, ruleMatch("r1", "m1", noon))
		behind := newInvocation(world.Process(), minutes(5).Add(-time.Second), "behind")
		watch := newInvocation(world.Process(), minutes(5), "watch")
		errs := faultinject.RunInterleaved(seed,
			faultinject.Work{Injector: behind.Injector, Do: func() error {
				return behind.matches().Handle(t.Context(), ruleMatch("r1", "m2", minutes(4)))
			}},
			faultinject.Work{Injector: watch.Injector, Do: func() error { return watch.matches().Run(t.Context()) }})
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, minute := range []int{6, 11, 20} {
			v.endWindows(t, minutes(minute))
		}
		if n := v.matchesCounted(t); n != 2 {
			t.Errorf("seed %d: notified of %d matches, want 2", seed, n)
		}
	}
}

// A match whose keys the table does not accept is refused before any of it is stored.
func TestMatchWithATooLongRuleNameIsRefused(t *testing.T) {
	v := inNewWorld(t)
	err := v.matches().Handle(t.Context(), ruleMatch(strings.Repeat("r", 1100), "m1", noon))
	if apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("got %v, want class %q", err, apperr.Invalid)
	}
	if items := v.World.Dump(t); len(items) != 0 {
		t.Errorf("got %v, want nothing stored", items)
	}
}

func TestMatchesAreRouted(t *testing.T) {
	v := inNewWorld(t)
	const urgent = "arn:aws:sns:us-east-1:111122223333:urgent"
	var elsewhere []notify.Message
	service := v.matches()
	service.Routes = rulematch.Routes{
		{Rule: "cancel-*", Severity: incident.High, Topic: urgent}, {Rule: "greeting", Severity: incident.Low},
	}
	service.Notifier.(*notify.Matches).Topics = func(arn string) notify.Publisher {
		if arn != urgent {
			t.Errorf("got the topic %s, want %s", arn, urgent)
		}
		return publish(func(m notify.Message) { elsewhere = append(elsewhere, m) })
	}
	for _, rule := range []string{"cancel-contract", "greeting", "other"} {
		if err := service.Handle(t.Context(), ruleMatch(rule, "m-"+rule, noon)); err != nil {
			t.Fatal(err)
		}
	}
	if len(elsewhere) != 1 || elsewhere[0].Attributes["severity"] != "high" ||
		elsewhere[0].Attributes["rule"] != "cancel-contract" {
		t.Errorf("got %v on the urgent topic, want the one match of its rule", elsewhere)
	}
	if got := sentIn(v.World); got["rule-match"] != 2 {
		t.Errorf("got %v on the alert topic, want two rule matches", got)
	}
	severities := []string{}
	for _, data := range v.matchesSent(t) {
		severities = append(severities, data.Severity)
	}
	if diff := cmp.Diff([]string{"low", "medium"}, severities); diff != "" {
		t.Errorf("severities on the alert topic (-want +got):\n%s", diff)
	}
}

// publish is a topic that calls a function.
type publish func(notify.Message)

func (p publish) Publish(_ context.Context, m notify.Message) error {
	p(m)
	return nil
}

var errRead = errors.New("a read that the test lets fail")

// failRead makes the n-th read of a process from now fail. reached reports whether it came
// to that.
func (v *invocation) failRead(n int) (reached func() bool) {
	var reads atomic.Int64
	v.Injector.Intercept = func(call string) error {
		if (call == "GetItem" || call == "Query") && reads.Add(1) == int64(n) {
			return errRead
		}
		return nil
	}
	return func() bool { return reads.Load() >= int64(n) }
}

// A match whose call cannot be read is retried, and notified with the call: an error of the
// table does not mean that the call is not known yet.
func TestMatchIsNotNotifiedWithoutItsCallAfterAReadError(t *testing.T) {
	v := inNewWorld(t)
	v.record(t, exampleBody(t, "temporary-failure"))
	body := exampleBody(t, "rule-keyword-utterance")
	for n := 1; ; n++ {
		v.failRead(n)
		err := v.matches().Handle(t.Context(), body)
		if err == nil {
			break
		}
		if n := len(v.World.Topic.Published()); n != 0 {
			t.Fatalf("got %d messages though a read failed, want none", n)
		}
	}
	if got := v.World.Topic.Published(); len(got) != 1 || !strings.Contains(got[0].Body, "Pipeline: ") {
		t.Errorf("got %v, want one message, with the pipeline", got)
	}
}

// A window whose end fails, at whichever read, does not stop the end of others.
func TestOneFailingWindowDoesNotStopOthers(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	rules := []string{"r1", "r2", "r3", "r4"}
	const indexReads = 4
	for n := indexReads + 1; ; n++ {
		v := newInvocation(faultinject.NewWorld(t, db).Process(), noon, "one")
		for _, rule := range rules {
			v.match(t, ruleMatch(rule, rule+"-a", noon), ruleMatch(rule, rule+"-b", noon))
		}
		v.setTime(minutes(5))
		reached := v.failRead(n)
		err := v.matches().Run(t.Context())
		if !reached() {
			break
		}
		if ended := len(v.World.Topic.Published()) - len(rules); err == nil || ended < len(rules)-1 {
			t.Errorf("read %d fails: got %d windows ended (%v), want all but one, and an error", n, ended, err)
		}
	}
}

// Matches that are held back when windows are disabled are notified all the same.
func TestOpenWindowsEndWhenWindowsAreDisabled(t *testing.T) {
	v := inNewWorld(t)
	v.match(t, ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon),
		unnamedMatch("r1", "m3", noon), unnamedMatch("r1", "m4", noon))
	service := v.matches()
	service.Window = 0
	for n := range 3 {
		v.setTime(minutes(1 + n))
		if err := service.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if held := v.heldBack(t); len(held) != 4 {
		t.Errorf("got %d messages, want two of each rule", len(held))
	}
	v.wantNoOpenWindow(t, minutes(60))
}

// Without a window each match is notified by itself.
func TestWithoutAWindowEachMatchIsNotified(t *testing.T) {
	v := inNewWorld(t)
	service := v.matches()
	service.Window = 0
	handleAll(t, service.Handle, [][]byte{
		ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon),
		unnamedMatch("r1", "m3", noon), unnamedMatch("r1", "m4", noon), unnamedMatch("r1", "m4", noon),
	})
	if held := v.heldBack(t); len(held) != 4 {
		t.Errorf("got %d messages, want 4", len(held))
	}
}
