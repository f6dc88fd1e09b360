package dynamo_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestBelongingsSayWhatTheCallIs(t *testing.T) {
	l := manyLives()
	w := written(t, faultinject.Server(t), l)
	s := at(w.Process(), noon)
	one, other, held, alone := l.talks[0], l.talks[1], l.talks[2], l.talks[3]
	type what struct {
		Pipelines, Transactions, Calls []string
		Shared                         []dynamo.SharedID
	}
	sharedLeft := dynamo.SharedID{ID: "shared-call-1",
		Others: []string{"pipeline " + other.pipelines[0], "transaction " + other.transaction}, Left: 11}
	whole := what{Pipelines: []string{one.pipelines[1], one.pipelines[0]}, Transactions: []string{one.transaction},
		Shared: []dynamo.SharedID{sharedLeft}}
	for name, tt := range map[string]struct {
		ref  string
		want what
	}{
		"transaction":          {one.transaction, whole},
		"one of two pipelines": {one.pipelines[0], whole},
		"ARN":                  {arnOf(one.pipelines[1]), whole},
		"callId of two transactions": {one.callID,
			what{Pipelines: []string{other.pipelines[0], one.pipelines[1], one.pipelines[0]},
				Transactions: []string{one.transaction, other.transaction}, Calls: []string{one.callID}}},
		"transaction without a pipeline": {held.transaction,
			what{Transactions: []string{held.transaction}, Calls: []string{held.callID}}},
		"callId without a pipeline": {held.callID, what{Transactions: []string{held.transaction},
			Calls: []string{held.callID}}},
		"pipeline without a transaction": {alone.pipelines[0], what{Pipelines: alone.pipelines}},
	} {
		b, err := s.Belongings(t.Context(), tt.ref)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := what{Transactions: b.TransactionIDs, Calls: b.CallIDs, Shared: b.Shared}
		for _, st := range b.Pipelines {
			got.Pipelines = append(got.Pipelines, st.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	b, err := s.Belongings(t.Context(), one.transaction)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(b.Counts())); len(got) != len(dynamo.Kinds())-1 ||
		slices.Contains(got, dynamo.KindOther) {
		t.Errorf("got items of the kinds %v, want every known kind", got)
	}
	for _, id := range b.Incidents {
		if tally, err := s.CountOccurrences(t.Context(), id); err != nil || tally.Calls == 0 {
			t.Errorf("incident %s: got %d calls (%v), want one that counts the call", id, tally.Calls, err)
		}
	}
	if len(b.Incidents) < 2 || len(b.Running) > 0 {
		t.Errorf("got the incidents %v and running %v, want two incidents, and that it is over", b.Incidents, b.Running)
	}
	for _, ref := range []string{"", "nobody", "pipeline-0000", "call"} {
		if _, err := s.Belongings(t.Context(), ref); apperr.ClassOf(err) != apperr.NotFound {
			t.Errorf("of %q: got %v, want it not found", ref, err)
		}
	}
}

func TestBelongingsSayWhatIsNotOver(t *testing.T) {
	d := &desk{now: noon}
	for name, tt := range map[string]struct {
		call  talk
		deeds func(talk) []deed
		want  string // what is running; empty: nothing
	}{
		"pipeline in progress": {newTalk(0, true, "c", 1), func(c talk) []deed {
			return []deed{d.changes(c, c.pipelines[0], true, chime.EventCreated, chime.EventInProgress)}
		}, "pipeline pipeline-0000-0-x is InProgress"},
		"pipeline that stopped": {newTalk(0, true, "c", 1), func(c talk) []deed {
			return []deed{d.changes(c, c.pipelines[0], true, chime.EventCreated, chime.EventStopped)}
		}, ""},
		"pipeline that never began": {newTalk(0, true, "c", 1), func(c talk) []deed {
			return []deed{d.changes(c, c.pipelines[0], true, chime.EventPermanentFailure)}
		}, ""},
		"task that runs": {newTalk(0, true, "c", 0), func(c talk) []deed {
			return []deed{d.task(c, voicetask.Started)}
		}, "the task voice-tone of transaction transaction-0000-x is stopping"},
		"task whose call is over": {newTalk(0, true, "c", 0), func(c talk) []deed {
			return []deed{d.task(c, voicetask.Started), d.notify(lambdafn.SQS, chime.DetailVoiceStatus,
				plus(c.fields(), map[string]any{"detailStatus": "PostCallVoiceAnalytics"}))}
		}, ""},
		"task whose pipeline stopped": {newTalk(0, true, "c", 1), func(c talk) []deed {
			return []deed{d.task(c, voicetask.Started), d.changes(c, c.pipelines[0], true, chime.EventStopped)}
		}, ""},
		"task that was stopped": {newTalk(0, true, "c", 0), func(c talk) []deed {
			return []deed{d.task(c, voicetask.Started), d.task(c, voicetask.Stopped)}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _ := voiceStore(t)
			if err := (lives{deeds: tt.deeds(tt.call)}).write(t.Context(), s, &clock{now: noon}); err != nil {
				t.Fatal(err)
			}
			b, err := s.Belongings(t.Context(), tt.call.transaction)
			if got := strings.Join(b.Running, "; "); err != nil || got != tt.want {
				t.Errorf("got running %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

// task enters what became of an attempt to run a task.
func (d *desk) task(c talk, kind voicetask.Kind) deed {
	e := voicetask.Entry{TransactionID: c.transaction, Task: voicetask.VoiceTone, Number: 1}
	starting, is := e, e
	starting.Kind, is.Kind, is.TaskID = voicetask.Starting, kind, c.task
	return d.enter(starting, is)
}
