package voicetask_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestHarmless(t *testing.T) {
	until := time.Date(2026, 3, 11, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name      string
		entry     voicetask.Entry
		want      voicetask.Entry
		wantOther bool
	}{
		{
			"a grant is a revocation",
			voicetask.Entry{Kind: voicetask.Granted, TransactionID: "t", Until: until},
			voicetask.Entry{Kind: voicetask.Withdrawn, TransactionID: "t"}, true,
		},
		{
			"a readiness is an end",
			voicetask.Entry{Kind: voicetask.Ready, CallID: "c"}, voicetask.Entry{Kind: voicetask.Ended, CallID: "c"}, true,
		},
		{
			"a denial stays",
			voicetask.Entry{Kind: voicetask.Denied, CallID: "c"}, voicetask.Entry{Kind: voicetask.Denied, CallID: "c"}, false,
		},
		{
			"a started task stays",
			voicetask.Entry{Kind: voicetask.Started, TaskID: "k"}, voicetask.Entry{Kind: voicetask.Started, TaskID: "k"}, false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, other := tt.entry.Harmless()
			if diff := cmp.Diff(tt.want, got); diff != "" || other != tt.wantOther {
				t.Errorf("got another entry %t, want %t (-want +got):\n%s", other, tt.wantOther, diff)
			}
		})
	}
}

func TestRunning(t *testing.T) {
	at := time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC)
	starting := voicetask.Entry{Kind: voicetask.Starting, At: at, Task: voicetask.VoiceTone, Number: 1, TransactionID: "t"}
	started, ended := starting, voicetask.Entry{Kind: voicetask.Ended, At: at, TransactionID: "t"}
	started.Kind, started.TaskID = voicetask.Started, "k"
	for _, tt := range []struct {
		name   string
		ledger voicetask.Ledger
		want   int
	}{
		{"nothing was started", voicetask.Ledger{{Kind: voicetask.Ready, At: at, TransactionID: "t"}}, 0},
		{"a task was started", voicetask.Ledger{starting, started}, 1},
		{"the call has ended", voicetask.Ledger{starting, started, ended}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.ledger.Running(at.Add(time.Minute)); len(got) != tt.want {
				t.Errorf("got %v, want %d running tasks", got, tt.want)
			}
		})
	}
}
