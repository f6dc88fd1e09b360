package consent_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/consent"
)

// identity is what makes two entries of a kind the same one, however often, when and
// because of which event it is written.
func identity(e consent.Entry) string {
	attempt := fmt.Sprint(e.Kind, "/", e.Task, "/", e.Number)
	switch e.Kind {
	case consent.Granted, consent.Denied, consent.Withdrawn:
		return "word/" + e.Event
	case consent.Ready, consent.Ended:
		return fmt.Sprint(e.Kind, "/", e.Event)
	case consent.Starting, consent.Refused:
		return attempt
	case consent.Asking, consent.NotSent:
		return attempt + "/" + e.Try
	case consent.Started, consent.Stopping, consent.Stopped:
		return attempt + "/" + e.TaskID
	case consent.Failed: // each reason
		return attempt + "/" + e.TaskID + "/" + e.Code
	}
	return fmt.Sprint(e.Kind, "/", e.Task, "/", e.Consent) // each decision for the same word
}

// Of two entries a ledger keeps both, unless they are the same one: no reason of a
// failure, no try and no task hides another.
func TestIDsTellEntriesApart(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "b"})
	kinds := []consent.Kind{consent.Ready, consent.Ended, consent.Granted, consent.Denied, consent.Withdrawn,
		consent.Waiting,
		consent.Held, consent.NotStarted, consent.Expired, consent.Off, consent.Starting, consent.Asking, consent.NotSent,
		consent.Started, consent.Refused, consent.Unresolved, consent.Stopping, consent.Stopped, consent.Failed}
	of := func(kind consent.Kind) func(t *rapid.T) consent.Entry {
		return func(t *rapid.T) consent.Entry {
			return consent.Entry{
				Kind: kind, At: at(rapid.IntRange(0, 2).Draw(t, "minute")),
				Event: text.Draw(t, "event"), Task: rapid.SampledFrom(consent.Tasks()).Draw(t, "task"),
				Number: rapid.IntRange(1, 2).Draw(t, "number"), Consent: text.Draw(t, "consent"), TaskID: text.Draw(t, "task id"),
				Try: text.Draw(t, "try"), Code: text.Draw(t, "code"), Detail: text.Draw(t, "detail"),
			}
		}
	}
	check := func(t *rapid.T, kind consent.Kind) {
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
		if got := len(consent.Ledger{a, b, a, b}.InOrder()); got != kept {
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
	yes := says(consent.Granted, 1, "g")
	newer := func(scope consent.Scope, minute int) consent.Entry {
		return consent.Entry{Kind: "granted-by-proxy", At: at(minute), Event: "n", By: "x", Scope: scope, TransactionID: "t"}
	}
	scoped := func(kind consent.Kind, scope consent.Scope) consent.Entry {
		e := says(kind, 2, "s")
		e.Scope = scope
		return e
	}
	for _, tt := range []struct {
		name   string
		l      consent.Ledger
		starts bool // of voice tone
	}{
		{"alone", consent.Ledger{ready, newer(consent.ScopeBoth, 2)}, false},
		{"after a yes", consent.Ledger{ready, yes, newer(consent.ScopeBoth, 2)}, false},
		{"before a yes", consent.Ledger{ready, newer(consent.ScopeBoth, 0), yes}, true},
		{"on the other task", consent.Ledger{ready, yes, newer(consent.ScopeSpeakerSearch, 2)}, true},
		{"with a scope that is new, too", consent.Ledger{ready, yes, newer("all", 2)}, false},
		{"about no task", consent.Ledger{ready, yes, newer("", 2)}, true},
		{"a yes of a new scope", consent.Ledger{ready, scoped(consent.Granted, "all")}, false},
		{"a no of a new scope", consent.Ledger{ready, yes, scoped(consent.Withdrawn, "all")}, false},
		{"a no of a new scope, before a yes", consent.Ledger{ready, scoped(consent.Denied, "all"),
			says(consent.Granted, 3, "g2")}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			starts := false
			for _, step := range tt.l.Next(at(5), consent.Settings{consent.VoiceTone: true}, run("x")) {
				starts = starts || step.Entry.Kind == consent.Starting
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
	yes, back := says(consent.Granted, 1, "g"), says(consent.Withdrawn, 2, "w")
	first := consent.Ledger{ready, yes, attempt(consent.Starting, 1, ""), attempt(consent.Started, 1, "k1"), back,
		attempt(consent.Stopping, 1, "k1"), attempt(consent.Stopped, 1, "k1")}
	lost := append(first[:len(first):len(first)], says(consent.Granted, 4, "g2"), attempt(consent.Starting, 2, ""),
		says(consent.Withdrawn, 5, "w2"))
	ended := consent.Entry{Kind: consent.Ended, At: at(9), Event: "e", TransactionID: "t", Detail: "pipeline p stopped"}
	const limit = 8*time.Hour + 15*time.Minute
	asked := at(3) // when attempts are made
	joined := attempt(consent.Asking, 2, "")
	joined.Try, joined.At = "another", at(6)
	for _, tt := range []struct {
		name   string
		l      consent.Ledger
		now    time.Time
		state  consent.State
		id     string
		detail string
	}{
		{"stopped", first, at(5), consent.StateStopped, "k1", ""},
		{"unresolved", lost, at(6), consent.StateUnresolved, "", ""},
		{"just before the limit", lost, asked.Add(limit - 1), consent.StateUnresolved, "", ""},
		{"at the limit", lost, asked.Add(limit), consent.StatePresumedStopped, "",
			"a call's pipeline ends after 8 hours at most"},
		{"asked for again later", append(lost[:len(lost):len(lost)], joined), asked.Add(limit), consent.StateUnresolved, "",
			""},
		{"the call is over", append(lost[:len(lost):len(lost)], ended), at(9), consent.StatePresumedStopped, "",
			"the call is over: pipeline p stopped"},
		{"its id is known after all", append(lost[:len(lost):len(lost)], attempt(consent.Started, 2, "k2")),
			asked.Add(limit), consent.StateStopping, "k2", ""},
		{"yes again, not started", append(first[:len(first):len(first)], says(consent.Granted, 4, "g2")), at(5),
			consent.StateGranted, "", ""},
		{"yes again, starting", lost[:len(lost)-1], at(5), consent.StateStarting, "", ""},
		{"yes again, refused", append(lost[:len(lost):len(lost)], attempt(consent.Refused, 2, "")), at(6),
			consent.StateRefused, "", ""},
		{"yes again, refused to one run and started by another", append(lost[:len(lost):len(lost)],
			attempt(consent.Refused, 2, ""),
			attempt(consent.Started, 2, "k2"), attempt(consent.Stopped, 2, "k2")), at(6), consent.StateStopped, "k2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range tt.l.Standings(tt.now) {
				if s.Task == consent.VoiceTone && (s.State != tt.state || s.TaskID != tt.id || s.Detail != tt.detail) {
					t.Errorf("got %s, task %q, because of %q, want %s, task %q, because of %q", s.State, s.TaskID, s.Detail,
						tt.state, tt.id, tt.detail)
				}
			}
		})
	}
}

// A task that nobody of ours can have asked for is somebody else's.
func TestUnansweredIsWhatMayHaveBeenAskedFor(t *testing.T) {
	yes := says(consent.Granted, 1, "g")
	starting, notSent, refused := attempt(consent.Starting, 1, ""), attempt(consent.NotSent, 1,
		""), attempt(consent.NotSent, 1, "")
	starting.Try, notSent.Try, refused.Try, refused.Code = "a", "a", "a", "ThrottledClientException"
	for name, tt := range map[string]struct {
		l    consent.Ledger
		open bool
	}{
		"no attempt":        {consent.Ledger{ready, yes}, false},
		"under way":         {consent.Ledger{ready, yes, starting}, true},
		"not asked for":     {consent.Ledger{ready, yes, starting, notSent}, false},
		"asked for in vain": {consent.Ledger{ready, yes, starting, refused}, true},
		"of before":         {consent.Ledger{ready, yes, attempt(consent.Starting, 1, ""), notSent}, true},
		"answered":          {consent.Ledger{ready, yes, starting, attempt(consent.Started, 1, "k")}, false},
	} {
		if e, open := tt.l.Unanswered(consent.VoiceTone); open != tt.open || open && e.Kind != consent.Starting {
			t.Errorf("%s: got %+v, %t, want it open: %t", name, e, open, tt.open)
		}
	}
}
