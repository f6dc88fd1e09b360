package faultinject

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// server is one for all tests of a process, and ends with it: its tables are in memory, and
// each test makes its own.
var server struct {
	once sync.Once
	db   *dynamodb.Client
	err  error
}

// Server returns a client of the table server that all tests share. It skips the test where
// there is none.
func Server(t testing.TB) *dynamodb.Client {
	t.Helper()
	modules := need.Dynalite(t)
	server.once.Do(func() {
		s, err := dynalite.Start(context.Background(), modules, "")
		if err != nil {
			server.err = err
			return
		}
		server.db = dynalite.Client(s.URL(), "us-east-1")
	})
	if server.err != nil {
		t.Fatal(server.err)
	}
	return server.db
}

// World is a table and a topic, empty at first, that processes share.
type World struct {
	DB    *dynamodb.Client
	Table string
	Topic *Topic
}

var tables struct {
	sync.Mutex
	made int
}

// NewWorld makes a world with a table of its own on the server.
func NewWorld(t testing.TB, db *dynamodb.Client) *World {
	t.Helper()
	tables.Lock()
	tables.made++
	name := fmt.Sprintf("world-%d", tables.made)
	tables.Unlock()
	if err := dynalite.EnsureTable(t.Context(), db, name, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	return &World{DB: db, Table: name, Topic: &Topic{}}
}

// Process is a process that uses the table and the topic of a world.
type Process struct {
	World    *World
	Injector *Injector
	db       *dynamodb.Client // through the Injector
}

// Process starts a process, without faults.
func (w *World) Process() *Process {
	p := &Process{World: w, Injector: &Injector{}}
	p.db = dynamodb.New(w.DB.Options(), func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, p.Injector.connect)
	})
	return p
}

// Store returns the process's store on the world's table.
func (p *Process) Store(o dynamo.Options) *dynamo.Store { return dynamo.New(p.db, p.World.Table, o) }

// Publisher returns the process's client of the world's topic.
func (p *Process) Publisher() Publisher { return Publisher{Injector: p.Injector, To: p.World.Topic} }

// Dump returns each item of the table as text, by its keys. It leaves out when a pointer
// expires, which may be any time after its pipeline does, and the attributes named in left,
// such as those that record who did something and when.
func (w *World) Dump(t testing.TB, left ...string) map[string]string {
	t.Helper()
	dump := map[string]string{}
	for key, it := range w.Items(t) {
		var b strings.Builder
		pointer := strings.HasPrefix(plain(it["SK"]), "P#")
		for _, name := range slices.Sorted(maps.Keys(it)) {
			if name != "PK" && name != "SK" && !(pointer && name == "x") && !slices.Contains(left, name) {
				fmt.Fprintf(&b, "%s=%s ", name, plain(it[name]))
			}
		}
		dump[key] = b.String()
	}
	return dump
}

// Expiry returns when items expire, in epoch seconds, by their keys, without those that
// never do.
func (w *World) Expiry(t testing.TB) map[string]int64 {
	t.Helper()
	expiry := map[string]int64{}
	for key, it := range w.Items(t) {
		if it["x"] == nil {
			continue
		}
		at, err := strconv.ParseInt(plain(it["x"]), 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		expiry[key] = at
	}
	return expiry
}

// Items reads the whole table, by PK, a space and SK.
func (w *World) Items(t testing.TB) map[string]map[string]types.AttributeValue {
	t.Helper()
	items := map[string]map[string]types.AttributeValue{}
	pages := dynamodb.NewScanPaginator(w.DB, &dynamodb.ScanInput{TableName: &w.Table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.WithoutCancel(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			items[plain(it["PK"])+" "+plain(it["SK"])] = it
		}
	}
	return items
}

func plain(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return fmt.Sprintf("%x", v.Value)
	case *types.AttributeValueMemberSS:
		return strings.Join(slices.Sorted(slices.Values(v.Value)), " ")
	case *types.AttributeValueMemberM:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v.Value)) {
			parts = append(parts, name+"="+plain(v.Value[name]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%T", v)
}

// Step is one invocation. It is retried when it fails, as Lambda does, so it must begin
// anew each time it is called.
type Step func(context.Context) error

// retries is fault often Lambda retries an asynchronous invocation.
const retries = 2

// play runs the steps, and reports whether any was retried.
func play(t testing.TB, p *Process, steps []Step) (again bool, err error) {
	for n, step := range steps {
		var errs []error
		for range 1 + retries {
			err := step(t.Context())
			if err == nil {
				errs = nil
				break
			}
			errs, again = append(errs, err), true
			p.Injector.Revive()
		}
		if err := errors.Join(errs...); err != nil {
			return again, fmt.Errorf("step %d failed at each attempt: %w", n+1, err)
		}
	}
	return again, nil
}

// Check plays a scenario without faults; then, in worlds of their own, with the process
// killed before and after each of its AWS calls, with each call throttled, and with each
// write repeated. Every run must end with the same table and the same messages, each
// published at least once. begin prepares the world, without faults, and returns the steps.
// left names attributes that are not compared; see Dump.
//
// Killed before a call is the same as killed after the last write before it, and so is
// killed after a read: each of these is played once.
func Check(t *testing.T, db *dynamodb.Client, begin func(*testing.T, *Process) []Step, left ...string) {
	t.Helper()
	run := func(n int, fault Fault) (dump map[string]string, p *Process, again bool) {
		p = NewWorld(t, db).Process()
		steps := begin(t, p)
		before := len(p.Injector.Calls())
		p.Injector.InjectAt(n, fault)
		again, err := play(t, p, steps)
		if err != nil {
			t.Fatalf("%s call %d: %v", fault, n, err)
		}
		p.Injector.calls = p.Injector.calls[before:]
		return p.World.Dump(t, left...), p, again
	}
	want, undisturbed, again := run(0, Before)
	calls := undisturbed.Injector.Calls()
	if again || len(calls) == 0 {
		t.Fatalf("without a fault: some step failed (%v), or nothing was called: %v", again, calls)
	}
	for n, call := range calls {
		for _, fault := range faults(n, call) {
			got, p, again := run(n+1, fault)
			where := fmt.Sprintf("%s call %d of %d, %s", fault, n+1, len(calls), call)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: the table differs, want (-), got (+):\n%s", where, diff)
			}
			if diff := cmp.Diff(ids(undisturbed), ids(p)); diff != "" {
				t.Errorf("%s: the messages differ, want (-), got (+):\n%s", where, diff)
			}
			if fault == Twice && again {
				t.Errorf("%s: a step failed, want a repeated call to succeed", where)
			}
		}
	}
}

// faults returns the faults to inject into the n-th call, from 0.
func faults(n int, call string) []Fault {
	list := []Fault{Throttled}
	if n == 0 {
		list = append(list, Before)
	}
	if Writes(call) {
		list = append(list, After, Twice)
	}
	return list
}

// Writes reports whether a call of that name has an effect.
func Writes(call string) bool {
	return slices.Contains([]string{"PutItem", "UpdateItem", "BatchWriteItem", "Publish"}, call)
}

func ids(p *Process) []string { return slices.Sorted(maps.Keys(p.World.Topic.Times())) }
