package voicetask_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// shelf keeps the ledgers of transactions that are all of one call. As a table
// does, it writes nothing for whoever has no time left.
type shelf struct {
	mu      sync.Mutex
	entries map[string]voicetask.Ledger // by transaction
}

func (s *shelf) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries[transactionID]), ctx.Err()
}

func (s *shelf) CallLedger(ctx context.Context, _ string) (all voicetask.Ledger, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ledger := range s.entries {
		all = append(all, ledger...)
	}
	return all, ctx.Err()
}

func (s *shelf) Enter(ctx context.Context, e voicetask.Entry) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(other voicetask.Entry) bool { return other.ID() == e.ID() }
	if !slices.ContainsFunc(s.entries[e.TransactionID], same) {
		s.entries[e.TransactionID] = append(s.entries[e.TransactionID], e)
	}
	return nil
}

func (s *shelf) PipelineEnd(context.Context, string) (string, time.Time, bool, error) {
	return "", time.Time{}, false, nil
}

// entered counts the entries of a kind on a task.
func (s *shelf) entered(transactionID string, task voicetask.Task, kind voicetask.Kind) (n int) {
	for _, e := range s.entries[transactionID] {
		if e.Task == task && e.Kind == kind {
			n++
		}
	}
	return n
}

// hangs is a service that never answers about some tasks, and else takes a moment.
type hangs struct {
	on func(voicetask.Entry) bool
}

func (h hangs) do(ctx context.Context, e voicetask.Entry) error {
	if h.on(e) {
		<-ctx.Done()
	} else {
		time.Sleep(200 * time.Millisecond)
	}
	if ctx.Err() != nil {
		return apperr.Wrap(ctx.Err(), apperr.Unavailable, "service", "has no answer", "")
	}
	return nil
}

func (h hangs) Start(ctx context.Context, e voicetask.Entry) (string, error) {
	return "task-" + e.TransactionID + string(e.Task), h.do(ctx, e)
}

func (h hangs) Stop(ctx context.Context, e voicetask.Entry) (string, error) { return "", h.do(ctx, e) }

func (hangs) Answer(error) (code, message string) { return "", "" }

type uncounted struct{}

func (uncounted) Count(string, int) {}

// A service that does not answer about one task of a call, or about one of the
// transactions of a callId, holds up the others for a part of the time only, and
// what it did not do is written down.
func TestTasksWithoutAnAnswerHoldUpNoOther(t *testing.T) {
	transactions := []string{"t1", "t2", "t3", "t4"}
	of := func(task voicetask.Task) func(voicetask.Entry) bool {
		return func(e voicetask.Entry) bool { return e.Task == task }
	}
	for _, tt := range []struct {
		name    string
		trigger voicetask.Trigger
		within  time.Duration // of a run that settles many calls, at the least
		on      func(voicetask.Entry) bool
	}{
		{"a task", voicetask.Trigger{TransactionID: "t1"}, 5 * time.Second, of(voicetask.SpeakerSearch)},
		{"the other task", voicetask.Trigger{TransactionID: "t1"}, 5 * time.Second, of(voicetask.VoiceTone)},
		{"a transaction", voicetask.Trigger{CallID: "c"}, 8 * time.Second,
			func(e voicetask.Entry) bool { return e.TransactionID == "t1" }},
		{"all but one", voicetask.Trigger{CallID: "c"}, time.Minute,
			func(e voicetask.Entry) bool { return e.TransactionID != "t3" }},
	} {
		for _, kind := range []voicetask.Kind{voicetask.Started, voicetask.Stopped} {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					table := &shelf{entries: map[string]voicetask.Ledger{}}
					on := voicetask.Settings{voicetask.SpeakerSearch: true, voicetask.VoiceTone: true}
					settle := func(service voicetask.TaskAPI, trigger voicetask.Trigger, within time.Duration) error {
						ctx, cancel := context.WithTimeout(t.Context(), within)
						defer cancel()
						k := voicetask.TaskRunner{Table: table, Service: service, On: on, Now: time.Now, Counts: uncounted{}}
						err := k.Reconcile(ctx, trigger)
						if errors.Is(ctx.Err(), context.DeadlineExceeded) {
							t.Errorf("settling took all of %s", within)
						}
						return err
					}
					say := func(kind voicetask.Kind) {
						time.Sleep(time.Minute)
						for _, id := range transactions {
							e := voicetask.Entry{Kind: kind, At: time.Now(), Event: string(kind), TransactionID: id}
							if e.CallID, e.VoiceConnectorID = "c", "v"; kind != voicetask.Ready {
								e.Scope, e.By = voicetask.ScopeBoth, "someone"
							}
							if err := table.Enter(t.Context(), e); err != nil {
								t.Fatal(err)
							}
						}
					}
					say(voicetask.Ready)
					say(voicetask.Granted)
					if kind == voicetask.Stopped { // first they run
						answers := hangs{func(voicetask.Entry) bool { return false }}
						if err := settle(answers, voicetask.Trigger{Event: "r", CallID: "c"}, time.Hour); err != nil {
							t.Fatal(err)
						}
						say(voicetask.Withdrawn)
					}
					tt.trigger.Event = "e"
					err := settle(hangs{tt.on}, tt.trigger, tt.within)
					if apperr.ClassOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), "has no answer") {
						t.Errorf("got %v, want the service unavailable", err)
					}
					for _, id := range transactions {
						if tt.trigger.TransactionID != "" && id != tt.trigger.TransactionID {
							continue
						}
						for _, task := range voicetask.Tasks() {
							done, failed := 1, 0
							if tt.on(voicetask.Entry{TransactionID: id, Task: task}) {
								done, failed = 0, 1
							}
							if got := table.entered(id, task, kind); got != done {
								t.Errorf("%s of %s: got %s %d times, want %d", task, id, kind, got, done)
							}
							if got := table.entered(id, task, voicetask.Failed); got != failed {
								t.Errorf("%s of %s: got %d failures written down, want %d", task, id, got, failed)
							}
						}
					}
				})
			})
		}
	}
}

// slow is a shelf on which reading takes all the time there is, once a start is decided.
type slow struct{ *shelf }

func (s slow) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	if s.entered(transactionID, voicetask.VoiceTone, voicetask.Starting) > 0 {
		<-ctx.Done()
	}
	return s.shelf.Ledger(ctx, transactionID)
}

// A run whose time is over before it has asked for a start writes that it has not, so
// that nobody takes the start for one that may have been asked for.
func TestRunsOutOfTimeLeaveNothingUnresolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := slow{&shelf{entries: map[string]voicetask.Ledger{}}}
		for _, kind := range []voicetask.Kind{voicetask.Ready, voicetask.Granted} {
			e := voicetask.Entry{Kind: kind, At: time.Now(), Event: string(kind), TransactionID: "t", VoiceConnectorID: "v"}
			if kind == voicetask.Granted {
				e.Scope = voicetask.ScopeBoth
			}
			if err := table.Enter(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		on := voicetask.Settings{voicetask.SpeakerSearch: true, voicetask.VoiceTone: true}
		k := voicetask.TaskRunner{Table: table, Service: hangs{}, On: on, Now: time.Now, Counts: uncounted{}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := k.Reconcile(ctx, voicetask.Trigger{Event: "e", TransactionID: "t"}); !errors.Is(err,
			context.DeadlineExceeded) {
			t.Errorf("got %v, want that the time is over", err)
		}
		for _, task := range voicetask.Tasks() {
			if got := table.entered("t", task, voicetask.NotSent); got != 1 {
				t.Errorf("%s: got %d entries not-sent, want one", task, got)
			}
		}
	})
}
