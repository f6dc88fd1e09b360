package voicetask_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"

	"pgregory.net/rapid"
)

// identity is what makes two entries of a kind the same one, however often, when and
// because of which event it is written.
func identity(e voicetask.Entry) string {
	attempt := fmt.Sprint(e.Kind, "/", e.Task, "/", e.Number)
	switch e.Kind {
	case voicetask.Granted, voicetask.Denied, voicetask.Withdrawn:
		return "word/" + e.Event
	case voicetask.Ready, voicetask.Ended:
		return fmt.Sprint(e.Kind, "/", e.Event)
	case voicetask.Starting, voicetask.Refused:
		return attempt
	case voicetask.Asking, voicetask.NotSent:
		return attempt + "/" + e.Try
	case voicetask.Started, voicetask.Stopping, voicetask.Stopped:
		return attempt + "/" + e.TaskID
	case voicetask.Failed: // each reason
		return attempt + "/" + e.TaskID + "/" + e.Code
	}
	return fmt.Sprint(e.Kind, "/", e.Task, "/", e.Consent) // each decision for the same word
}

// Of two entries a ledger keeps both, unless they are the same one: no reason of a
// failure, no try and no task hides another.
func TestIDsTellEntriesApart(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "b"})
	kinds := []voicetask.Kind{voicetask.Ready, voicetask.Ended, voicetask.Granted, voicetask.Denied, voicetask.Withdrawn,
		voicetask.Waiting,
		voicetask.Held, voicetask.NotStarted, voicetask.Expired, voicetask.Off, voicetask.Starting, voicetask.Asking,
		voicetask.NotSent,
		voicetask.Started, voicetask.Refused, voicetask.Unresolved, voicetask.Stopping, voicetask.Stopped, voicetask.Failed}
	of := func(kind voicetask.Kind) func(t *rapid.T) voicetask.Entry {
		return func(t *rapid.T) voicetask.Entry {
			return voicetask.Entry{
				Kind: kind, At: at(rapid.IntRange(0, 2).Draw(t, "minute")),
				Event: text.Draw(t, "event"), Task: rapid.SampledFrom(voicetask.Tasks()).Draw(t, "task"),
				Number: rapid.IntRange(1, 2).Draw(t, "number"), Consent: text.Draw(t, "consent"), TaskID: text.Draw(t, "task id"),
				Try: text.Draw(t, "try"), Code: text.Draw(t, "code"), Detail: text.Draw(t, "detail"),
			}
		}
	}
	check := func(t *rapid.T, kind voicetask.Kind) {
		a, other := of(kind)(t), of(rapid.SampledFrom(kinds).Draw(t, "kind"))(t)
		b := a // with something of the other
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			i := rapid.IntRange(0, reflect.TypeOf(b).NumField()-1).Draw(t, "field")
			reflect.ValueOf(&b).Elem().Field(i).Set(reflect.ValueOf(other).Field(i))
		}
		if same := identity(a) == identity(b); (a.ID() == b.ID()) != same {
			t.Errorf("got the ids %q and %q, want the same: %t", a.ID(), b.ID(), same)
		}
		kept := 2
		if identity(a) == identity(b) {
			kept = 1
		}
		if got := len(voicetask.Ledger{a, b, a, b}.InOrder()); got != kept {
			t.Errorf("got %d entries kept of %+v and %+v, want %d", got, a, b, kept)
		}
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { check(t, kind) }) })
	}
}

// An entry of a newer version hides no other, and never counts as a yes: where people
// may have said it, it counts as a no until somebody says yes after it.
func TestEntriesOfNewerVersions(t *testing.T) {
	yes := says(voicetask.Granted, 1, "g")
	newer := func(scope voicetask.Scope, minute int) voicetask.Entry {
		return voicetask.Entry{Kind: "granted-by-proxy", At: at(minute), Event: "n", By: "x", Scope: scope,
			TransactionID: "t"}
	}
	scoped := func(kind voicetask.Kind, scope voicetask.Scope) voicetask.Entry {
		e := says(kind, 2, "s")
		e.Scope = scope
		return e
	}
	for _, tt := range []struct {
		name   string
		l      voicetask.Ledger
		starts bool // of voice tone
	}{
		{"alone", voicetask.Ledger{readyEntry, newer(voicetask.ScopeBoth, 2)}, false},
		{"after a yes", voicetask.Ledger{readyEntry, yes, newer(voicetask.ScopeBoth, 2)}, false},
		{"before a yes", voicetask.Ledger{readyEntry, newer(voicetask.ScopeBoth, 0), yes}, true},
		{"on the other task", voicetask.Ledger{readyEntry, yes, newer(voicetask.ScopeSpeakerSearch, 2)}, true},
		{"with a scope that is new, too", voicetask.Ledger{readyEntry, yes, newer("all", 2)}, false},
		{"about no task", voicetask.Ledger{readyEntry, yes, newer("", 2)}, true},
		{"a yes of a new scope", voicetask.Ledger{readyEntry, scoped(voicetask.Granted, "all")}, false},
		{"a no of a new scope", voicetask.Ledger{readyEntry, yes, scoped(voicetask.Withdrawn, "all")}, false},
		{"a no of a new scope, before a yes", voicetask.Ledger{readyEntry, scoped(voicetask.Denied, "all"),
			says(voicetask.Granted, 3, "g2")}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			starts := false
			for _, step := range tt.l.Next(at(5), voicetask.Settings{voicetask.VoiceTone: true}, run("x")) {
				starts = starts || step.Entry.Kind == voicetask.Starting
			}
			if starts != tt.starts {
				t.Errorf("got a start: %t, want %t", starts, tt.starts)
			}
			if got := len(tt.l.InOrder()); got != len(tt.l) {
				t.Errorf("got %d entries shown, want all %d", got, len(tt.l))
			}
		})
	}
}

// What is unresolved ends by itself: when the call is known to be over, or when no task
// of it can run any more; and the id of another attempt's task is never shown for it.
func TestUnresolvedEnds(t *testing.T) {
	yes, back := says(voicetask.Granted, 1, "g"), says(voicetask.Withdrawn, 2, "w")
	first := voicetask.Ledger{readyEntry, yes, attempt(voicetask.Starting, 1, ""), attempt(voicetask.Started, 1, "k1"),
		back,
		attempt(voicetask.Stopping, 1, "k1"), attempt(voicetask.Stopped, 1, "k1")}
	lost := append(first[:len(first):len(first)], says(voicetask.Granted, 4, "g2"), attempt(voicetask.Starting, 2, ""),
		says(voicetask.Withdrawn, 5, "w2"))
	ended := voicetask.Entry{Kind: voicetask.Ended, At: at(9), Event: "e", TransactionID: "t",
		Detail: "pipeline p stopped"}
	const limit = 8*time.Hour + 15*time.Minute
	asked := at(3) // when attempts are made
	joined := attempt(voicetask.Asking, 2, "")
	joined.Try, joined.At = "another", at(6)
	for _, tt := range []struct {
		name   string
		l      voicetask.Ledger
		now    time.Time
		state  voicetask.State
		id     string
		detail string
	}{
		{"stopped", first, at(5), voicetask.StateStopped, "k1", ""},
		{"unresolved", lost, at(6), voicetask.StateUnresolved, "", ""},
		{"just before the limit", lost, asked.Add(limit - 1), voicetask.StateUnresolved, "", ""},
		{"at the limit", lost, asked.Add(limit), voicetask.StatePresumedStopped, "",
			"a call's pipeline ends after 8 hours at most"},
		{"asked for again later", append(lost[:len(lost):len(lost)], joined), asked.Add(limit), voicetask.StateUnresolved, "",
			""},
		{"the call is over", append(lost[:len(lost):len(lost)], ended), at(9), voicetask.StatePresumedStopped, "",
			"the call is over: pipeline p stopped"},
		{"its id is known after all", append(lost[:len(lost):len(lost)], attempt(voicetask.Started, 2, "k2")),
			asked.Add(limit), voicetask.StateStopping, "k2", ""},
		{"yes again, not started", append(first[:len(first):len(first)], says(voicetask.Granted, 4, "g2")), at(5),
			voicetask.StateGranted, "", ""},
		{"yes again, starting", lost[:len(lost)-1], at(5), voicetask.StateStarting, "", ""},
		{"yes again, refused", append(lost[:len(lost):len(lost)], attempt(voicetask.Refused, 2, "")), at(6),
			voicetask.StateRefused, "", ""},
		{"yes again, refused to one run and started by another", append(lost[:len(lost):len(lost)],
			attempt(voicetask.Refused, 2, ""),
			attempt(voicetask.Started, 2, "k2"), attempt(voicetask.Stopped, 2, "k2")), at(6), voicetask.StateStopped, "k2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range tt.l.Standings(tt.now) {
				if s.Task == voicetask.VoiceTone && (s.State != tt.state || s.TaskID != tt.id || s.Detail != tt.detail) {
					t.Errorf("got %s, task %q, because of %q, want %s, task %q, because of %q", s.State, s.TaskID, s.Detail,
						tt.state, tt.id, tt.detail)
				}
			}
		})
	}
}

// A task that nobody of ours can have asked for is somebody else's.
func TestUnanswered(t *testing.T) {
	yes := says(voicetask.Granted, 1, "g")
	starting, notSent, refused := attempt(voicetask.Starting, 1, ""), attempt(voicetask.NotSent, 1,
		""), attempt(voicetask.NotSent, 1, "")
	starting.Try, notSent.Try, refused.Try, refused.Code = "a", "a", "a", "ThrottledClientException"
	for name, tt := range map[string]struct {
		l    voicetask.Ledger
		open bool
	}{
		"no attempt":        {voicetask.Ledger{readyEntry, yes}, false},
		"under way":         {voicetask.Ledger{readyEntry, yes, starting}, true},
		"not asked for":     {voicetask.Ledger{readyEntry, yes, starting, notSent}, false},
		"asked for in vain": {voicetask.Ledger{readyEntry, yes, starting, refused}, true},
		"of before":         {voicetask.Ledger{readyEntry, yes, attempt(voicetask.Starting, 1, ""), notSent}, true},
		"answered":          {voicetask.Ledger{readyEntry, yes, starting, attempt(voicetask.Started, 1, "k")}, false},
	} {
		if e, open := tt.l.Unanswered(voicetask.VoiceTone); open != tt.open || open && e.Kind != voicetask.Starting {
			t.Errorf("%s: got %+v, %t, want it open: %t", name, e, open, tt.open)
		}
	}
}
