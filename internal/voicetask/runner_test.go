package voicetask_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// What the service refuses for one task, or on one transaction of a call, delays
// nothing else.
func TestRefusalsDelayNothingElse(t *testing.T) {
	refused := errors.New("refused")
	const other = "tx2"
	on := func(id, transaction string) voicetask.Entry {
		return voicetask.Entry{Kind: voicetask.Ready, At: newSimulator().at(0), Event: id, TransactionID: transaction,
			CallID: callID, VoiceConnectorID: "vc"}
	}
	says := func(kind voicetask.Kind, minute int, call string) voicetask.Entry {
		e := voicetask.Entry{
			Kind: kind, At: newSimulator().at(minute), Event: string(kind), By: "me",
			Scope: voicetask.ScopeBoth, TransactionID: transaction,
		}
		if call != "" {
			e.TransactionID, e.CallID = "", call
		}
		return e
	}
	for _, tt := range []struct {
		name    string
		events  []voicetask.Entry
		broken  string
		running string
	}{
		{"one start", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, "")}, "start speaker-search tx",
			"voice-tone tx"},
		{"the other start", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, "")}, "start voice-tone tx",
			"speaker-search tx"},
		{"one stop", []voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, ""),
			says(voicetask.Withdrawn, 2, "")}, "stop speaker-search tx", "speaker-search tx"},
		{"the other stop",
			[]voicetask.Entry{on("r", transaction), says(voicetask.Granted, 1, ""), says(voicetask.Withdrawn, 2, "")},
			"stop voice-tone tx", "voice-tone tx"},
		{"a start on one of two transactions",
			[]voicetask.Entry{on("r", transaction), on("r2", other), says(voicetask.Granted, 1, callID)},
			"start speaker-search tx", "speaker-search tx2, voice-tone tx, voice-tone tx2"},
		{"a stop on one of two transactions",
			[]voicetask.Entry{on("r", transaction), on("r2", other), says(voicetask.Granted, 1, callID),
				says(voicetask.Withdrawn, 2, callID)},
			"stop voice-tone tx", "voice-tone tx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newSimulator()
			w.broken = map[string]error{tt.broken: refused}
			k := w.runner(voicetask.Tasks()...)
			var last error
			for _, e := range tt.events {
				worker := action{entry: e}.worker(w, k)
				worker.start()
				for done := false; !done; {
					if last, done = worker.step(); !done {
						worker.turn <- pass
					}
				}
			}
			if !errors.Is(last, refused) {
				t.Errorf("got %v, want what the service answered", last)
			}
			var running []string
			for _, task := range voicetask.Tasks() {
				for _, id := range []string{transaction, other} {
					for range w.running(task, id) {
						running = append(running, string(task)+" "+id)
					}
				}
			}
			if got := strings.Join(running, ", "); got != tt.running {
				t.Errorf("got %q running, want %q", got, tt.running)
			}
			for _, violation := range w.violations {
				t.Error(violation)
			}
			var audit []string
			for _, e := range w.partitions["T"+transaction] {
				if e.Kind == voicetask.Failed {
					audit = append(audit, fmt.Sprintf("%s %s %s", e.Task, e.TransactionID, e.Detail))
					if e.Event != tt.events[len(tt.events)-1].Event || e.By != voicetask.System || e.At.IsZero() || e.Code == "" {
						t.Errorf("got %+v, want who, when, of which event and why", e)
					}
				}
			}
			_, what, _ := strings.Cut(tt.broken, " ")
			if diff := cmp.Diff([]string{what + " refused"}, audit); diff != "" {
				t.Errorf("failures in the audit (-want +got):\n%s", diff)
			}
		})
	}
}

// The answer to a second start is lost, and then a late notification names the first
// task, which was stopped: it is not mistaken for the second one, which is found by its
// own notification, and stopped.
func TestLateNotificationsNameNoOtherTask(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newSimulator()
		k := w.runner(voicetask.VoiceTone)
		run := func(h action, seen ...string) error {
			of := h.worker(w, k)
			if len(seen) > 0 {
				trigger := voicetask.Trigger{Event: "n", TransactionID: transaction}
				for _, id := range seen {
					trigger.Observed = append(trigger.Observed, voicetask.ObservedTask{Task: voicetask.VoiceTone, TaskID: id})
				}
				of = &worker{run: func(ctx context.Context) error { return k.Reconcile(ctx, trigger) }}
			}
			of.start()
			for {
				if err, done := of.step(); done {
					return err
				}
				of.turn <- pass
			}
		}
		said := func(kind voicetask.Kind, minute int) action {
			return action{entry: voicetask.Entry{Kind: kind, At: w.at(minute), Event: fmt.Sprint(kind, minute), By: "me",
				Scope: voicetask.ScopeVoiceTone, TransactionID: transaction}}
		}
		for _, h := range []action{ready(0), said(voicetask.Granted, 1), said(voicetask.Withdrawn, 2)} {
			if err := run(h); err != nil {
				t.Fatal(err)
			}
		}
		first := w.tasks[0].id
		w.apiErrors = []error{errLost}
		if err := run(said(voicetask.Granted, 3)); !errors.Is(err, errLost) {
			t.Fatalf("got %v, want the answer lost", err)
		}
		second := w.running(voicetask.VoiceTone, transaction)
		if !w.tasks[0].stopped || len(second) != 1 {
			t.Fatalf("got %+v, want the first stopped and the second running", w.tasks)
		}
		if late {
			if err := run(action{}, first); err != nil {
				t.Fatal(err)
			}
		}
		for _, next := range []error{run(said(voicetask.Withdrawn, 4)), run(action{}, first),
			run(action{}, second...)} {
			if next != nil {
				t.Fatal(next)
			}
		}
		if got := w.running(voicetask.VoiceTone, transaction); len(got) > 0 {
			t.Errorf("late %t: got %v running, want none", late, got)
		}
	}
}

// Whatever is in the ledger of a rehearsal, neither the table nor the service is called.
func TestReconcileIgnoresRehearsals(t *testing.T) {
	k := &voicetask.TaskRunner{On: voicetask.Settings{voicetask.SpeakerSearch: true,
		voicetask.VoiceTone: true}} // any call would panic
	for _, trigger := range []voicetask.Trigger{
		{Event: "e", TransactionID: "rehearsal-t",
			Observed: []voicetask.ObservedTask{{Task: voicetask.VoiceTone, TaskID: "rehearsal-k"}}},
		{Event: "e", CallID: "rehearsal-c"},
	} {
		if err := k.Reconcile(t.Context(), trigger); err != nil {
			t.Errorf("%+v: %v", trigger, err)
		}
	}
}
