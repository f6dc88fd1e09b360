package flows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// ruleMatch makes an event of a rule that matched on the one call.
func ruleMatch(rule, id string, at time.Time) []byte {
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": chime.DetailRulesMatched, "source": chime.Source, "account": "111122223333", "region": "us-east-1",
		"time": at.Format(time.RFC3339), "resources": []any{},
		"detail": map[string]any{"version": "0", "ruleName": rule, "utteranceId": "u", "beginTimestamp": at.Format(time.RFC3339),
			"sourceMetadata": map[string]any{"transactionId": "t1", "callId": "c1"}},
	})
	if err != nil {
		panic(err) // it is made of texts
	}
	return raw
}

// match takes matches as the function alerts does.
func (v *invocation) match(t testing.TB, events ...[]byte) {
	t.Helper()
	for _, raw := range events {
		if err := v.alerts()(t.Context(), lambdafn.Message{Body: raw}); err != nil {
			t.Fatal(err)
		}
	}
}

func (v *invocation) endWindows(t testing.TB, at time.Time) {
	t.Helper()
	v.now.set(at)
	if err := v.matches().Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// heldBack gives, for each message in its order, how many other matches it tells of.
func heldBack(t testing.TB, v *invocation) []int {
	t.Helper()
	held := []int{}
	for _, m := range v.World.Topic.Published() {
		var bodies map[string]string
		if err := json.Unmarshal([]byte(m.Body), &bodies); err != nil {
			t.Fatal(err)
		}
		var data struct{ Match struct{ HeldBack int } }
		if err := json.Unmarshal([]byte(bodies["sqs"]), &data); err != nil {
			t.Fatal(err)
		}
		held = append(held, data.Match.HeldBack)
	}
	return held
}

func TestRuleIsNotifiedOncePerWindowAndCall(t *testing.T) {
	v := onTable(t)
	want := func(when string, held ...int) {
		t.Helper()
		if diff := cmp.Diff(held, heldBack(t, v)); diff != "" {
			t.Errorf("%s: want (-), got (+):\n%s", when, diff)
		}
	}
	v.now.set(noon)
	v.match(t, ruleMatch("r1", "m1", noon), ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon), ruleMatch("r1", "m3", noon))
	want("within the window", 0)
	v.match(t, ruleMatch("r2", "m4", noon))
	want("another rule", 0, 0)
	v.endWindows(t, noon.Add(5*time.Minute-time.Second))
	want("before the end of the window", 0, 0)
	v.endWindows(t, noon.Add(5*time.Minute))
	want("at the end of the window, of the two that were held back", 0, 0, 1)
	v.endWindows(t, noon.Add(6*time.Minute))
	want("nothing is held back any more", 0, 0, 1)
	v.now.set(noon.Add(7 * time.Minute))
	v.match(t, ruleMatch("r1", "m5", noon), ruleMatch("r1", "m3", noon))
	want("in the second window", 0, 0, 1)
	v.now.set(noon.Add(10 * time.Minute))
	v.match(t, ruleMatch("r1", "m6", noon))
	want("the next match tells of the one that was held back", 0, 0, 1, 1)
	v.endWindows(t, noon.Add(30*time.Minute))
	v.endWindows(t, noon.Add(60*time.Minute))
	want("and nothing is told twice", 0, 0, 1, 1)
	if ended, err := v.store().OpenWindows(t.Context(), noon.Add(24*time.Hour)); err != nil || len(ended) != 0 {
		t.Errorf("got %d open windows (%v), want none", len(ended), err)
	}
}

func TestConcurrentMatchesAreCountedOnce(t *testing.T) {
	v := onTable(t)
	v.now.set(noon)
	group := errgroup.Group{}
	for n := range 20 {
		owner := *v
		owner.owner = fmt.Sprint("invocation ", n)
		group.Go(func() error {
			return owner.alerts()(t.Context(), lambdafn.Message{Body: ruleMatch("r1", fmt.Sprint("m", n%10), noon)})
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	v.endWindows(t, noon.Add(5*time.Minute))
	told := 0
	held := heldBack(t, v)
	for _, n := range held {
		told += n + 1
	}
	if told != 10 || len(held) > 2 {
		t.Errorf("got messages that tell of %v others: %d matches in %d messages, want 10 in at most 2", held, told, len(held))
	}
}

// A match is held back by a clock that is a second behind that of the watch,
// which ends the window at the same time: it is told of all the same.
func TestMatchHeldBackAtTheEndOfItsWindowIsNotified(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	for seed := range int64(30) {
		world := faultinject.NewWorld(t, db)
		v := invoked(world.Process(), noon, "first")
		v.match(t, ruleMatch("r1", "m1", noon))
		behind := invoked(world.Process(), noon.Add(5*time.Minute-time.Second), "behind")
		watching := invoked(world.Process(), noon.Add(5*time.Minute), "watch")
		errs := faultinject.Interleave(seed,
			faultinject.Work{Line: behind.Line, Do: func() error {
				return behind.alerts()(t.Context(), lambdafn.Message{Body: ruleMatch("r1", "m2", noon.Add(4*time.Minute))})
			}},
			faultinject.Work{Line: watching.Line, Do: func() error { return watching.matches().Run(t.Context()) }})
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, minutes := range []time.Duration{6, 11, 20} {
			v.endWindows(t, noon.Add(minutes*time.Minute))
		}
		told := 0
		for _, n := range heldBack(t, v) {
			told += 1 + n
		}
		if told != 2 {
			t.Errorf("seed %d: people were told of %d matches, want 2", seed, told)
		}
	}
}

// A match whose keys the table does not take is refused before any of it is kept.
func TestMatchWithATooLongRuleNameIsRefused(t *testing.T) {
	v := onTable(t)
	err := v.alerts()(t.Context(), lambdafn.Message{Body: ruleMatch(strings.Repeat("r", 1100), "m1", noon)})
	if apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("got %v, want class %q", err, apperr.Invalid)
	}
	if items := v.World.Dump(t); len(items) != 0 {
		t.Errorf("got %v, want nothing kept", items)
	}
}

func TestMatchesAreRouted(t *testing.T) {
	v := onTable(t)
	v.now.set(noon)
	const urgent = "arn:aws:sns:us-east-1:111122223333:urgent"
	var elsewhere []notify.Message
	a, sender := v.matchesBy()
	a.Routes = rulematch.Routes{{Rule: "cancel-*", Severity: incident.High, Topic: urgent}, {Rule: "greeting", Severity: incident.Low}}
	sender.Topics = func(arn string) notify.Publisher {
		if arn != urgent {
			t.Errorf("got the topic %s, want %s", arn, urgent)
		}
		return publish(func(m notify.Message) { elsewhere = append(elsewhere, m) })
	}
	for _, rule := range []string{"cancel-contract", "greeting", "other"} {
		if err := a.Handle(t.Context(), ruleMatch(rule, "m-"+rule, noon)); err != nil {
			t.Fatal(err)
		}
	}
	if len(elsewhere) != 1 || elsewhere[0].Attributes["severity"] != "high" || elsewhere[0].Attributes["rule"] != "cancel-contract" {
		t.Errorf("got %v on the urgent topic, want the one match of its rule", elsewhere)
	}
	severities := []string{}
	for _, m := range v.World.Topic.Published() {
		if !strings.Contains(m.Body, "rule-match") {
			t.Errorf("got %s", m.Body)
		}
		var bodies map[string]string
		if err := json.Unmarshal([]byte(m.Body), &bodies); err != nil {
			t.Fatal(err)
		}
		var data struct{ Severity string }
		if err := json.Unmarshal([]byte(bodies["sqs"]), &data); err != nil {
			t.Fatal(err)
		}
		severities = append(severities, data.Severity)
	}
	if diff := cmp.Diff([]string{"low", "medium"}, severities); diff != "" {
		t.Errorf("severities on the alert topic: want (-), got (+):\n%s", diff)
	}
}

// publish is a topic of a function.
type publish func(notify.Message)

func (p publish) Publish(_ context.Context, m notify.Message) error {
	p(m)
	return nil
}

// A match whose call cannot be read is tried again, and notified with the call: an
// error of the table is not a call that is not known yet.
func TestMatchIsNotNotifiedWithoutItsCallAfterAReadError(t *testing.T) {
	v := onTable(t)
	v.record(t, exampleBody(t, "temporary-failure"))
	body := exampleBody(t, "rule-keyword-utterance")
	reads := 0
	a := v.matches()
	a.Repo = dynamo.New(failingReads{v.World.DB, &reads}, v.World.Table, dynamo.Options{Now: v.now.Now})
	for n := 1; ; n++ {
		reads = n
		err := a.Handle(t.Context(), body)
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

// failingReads is a table of which the n-th read fails, for which n is counted down.
type failingReads struct {
	dynamo.Client
	n *int
}

func (f failingReads) fails() error {
	if *f.n--; *f.n == 0 {
		return errors.New("it is what the test wants")
	}
	return nil
}

func (f failingReads) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Client.GetItem(ctx, in, opts...)
}

func (f failingReads) Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.Client.Query(ctx, in, opts...)
}

// A window that cannot be ended keeps no other from its end, wherever its trouble is.
func TestOneFailingWindowDoesNotStopOthers(t *testing.T) {
	silenceLog(t)
	db := faultinject.Server(t)
	rules := []string{"r1", "r2", "r3", "r4"}
	const indexReads = 4
	for n := indexReads + 1; ; n++ {
		v := invoked(faultinject.NewWorld(t, db).Process(), noon, "one")
		for _, rule := range rules {
			v.match(t, ruleMatch(rule, rule+"-a", noon), ruleMatch(rule, rule+"-b", noon))
		}
		reads := n
		a := v.matches()
		a.Repo = dynamo.New(failingReads{v.World.DB, &reads}, v.World.Table, dynamo.Options{Now: v.now.Now})
		v.now.set(noon.Add(5 * time.Minute))
		err := a.Run(t.Context())
		if err == nil {
			break // there is no such read any more
		}
		if ended := len(v.World.Topic.Published()) - len(rules); ended < len(rules)-1 {
			t.Errorf("read %d fails: got %d windows ended (%v), want all but one", n, ended, err)
		}
	}
}

// What was held back when windows are switched off is notified all the same.
func TestOpenWindowsEndWhenWindowsAreDisabled(t *testing.T) {
	v := onTable(t)
	v.now.set(noon)
	v.match(t, ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon), unnamedMatch("r1", "m3", noon), unnamedMatch("r1", "m4", noon))
	a := v.matches()
	a.Window = 0
	for n := range 3 {
		v.now.set(noon.Add(time.Duration(1+n) * time.Minute))
		if err := a.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if held := heldBack(t, v); len(held) != 4 {
		t.Errorf("got %d messages, want two of each rule", len(held))
	}
	if ended, err := v.store().OpenWindows(t.Context(), noon.Add(time.Hour)); err != nil || len(ended) != 0 {
		t.Errorf("got %d open windows (%v), want none", len(ended), err)
	}
}

// Without a window each match is notified by itself.
func TestWithoutAWindowEachMatchIsNotified(t *testing.T) {
	v := onTable(t)
	a := v.matches()
	a.Window = 0
	for _, raw := range [][]byte{
		ruleMatch("r1", "m1", noon), ruleMatch("r1", "m2", noon), unnamedMatch("r1", "m3", noon), unnamedMatch("r1", "m4", noon),
		unnamedMatch("r1", "m4", noon),
	} {
		if err := a.Handle(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	if held := heldBack(t, v); len(held) != 4 {
		t.Errorf("got %d messages, want 4", len(held))
	}
}
