package voicetask_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

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
		within  time.Duration // the minimum share of a run that reconciles many calls
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
					table := &memoryTable{entries: map[string]voicetask.Ledger{}}
					on := voicetask.Settings{voicetask.SpeakerSearch: true, voicetask.VoiceTone: true}
					reconcile := func(service voicetask.TaskAPI, trigger voicetask.Trigger, within time.Duration) error {
						ctx, cancel := context.WithTimeout(t.Context(), within)
						defer cancel()
						k := voicetask.TaskRunner{Table: table, Service: service, On: on, Now: time.Now, Counts: noMetrics{}}
						err := k.Reconcile(ctx, trigger)
						if errors.Is(ctx.Err(), context.DeadlineExceeded) {
							t.Errorf("reconciling took all of %s", within)
						}
						return err
					}
					decide := func(kind voicetask.Kind) {
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
					decide(voicetask.Ready)
					decide(voicetask.Granted)
					if kind == voicetask.Stopped { // first they run
						answers := hangingAPI{func(voicetask.Entry) bool { return false }}
						if err := reconcile(answers, voicetask.Trigger{Event: "r", CallID: "c"}, time.Hour); err != nil {
							t.Fatal(err)
						}
						decide(voicetask.Withdrawn)
					}
					tt.trigger.Event = "e"
					err := reconcile(hangingAPI{tt.on}, tt.trigger, tt.within)
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

// slowTable is a memoryTable on which reading uses all the time there is, once a start is
// decided.
type slowTable struct{ *memoryTable }

func (s slowTable) Ledger(ctx context.Context, transactionID string) (voicetask.Ledger, error) {
	if s.entered(transactionID, voicetask.VoiceTone, voicetask.Starting) > 0 {
		<-ctx.Done()
	}
	return s.memoryTable.Ledger(ctx, transactionID)
}

// A run whose time is over before it has asked for a start writes that it has not, so
// that no other run believes that the start may have been asked for.
func TestRunsOutOfTimeLeaveNothingUnresolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := slowTable{&memoryTable{entries: map[string]voicetask.Ledger{}}}
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
		k := voicetask.TaskRunner{Table: table, Service: hangingAPI{}, On: on, Now: time.Now, Counts: noMetrics{}}
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
