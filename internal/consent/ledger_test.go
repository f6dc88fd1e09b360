package consent_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/consent"
)

func at(minute int) time.Time { return time.Date(2026, 3, 11, 8, minute, 0, 0, time.UTC) }

var ready = consent.Entry{Kind: consent.Ready, At: at(0), Event: "r", TransactionID: "t", CallID: "c", VoiceConnectorID: "vc"}

// says is what somebody said about both tasks.
func says(kind consent.Kind, minute int, id string) consent.Entry {
	return consent.Entry{Kind: kind, At: at(minute), Event: id, By: "me", Scope: consent.ScopeBoth, TransactionID: "t"}
}

// run is a run that handles an event, and may ask the service as "me".
func run(event string) consent.Run {
	return consent.Run{Event: event, Try: "me"}
}

// attempt is an entry of an attempt at voice tone.
func attempt(kind consent.Kind, number int, taskID string) consent.Entry {
	return consent.Entry{Kind: kind, At: at(3), Event: "x", Task: consent.VoiceTone, Number: number, TaskID: taskID, TransactionID: "t", VoiceConnectorID: "vc"}
}

func TestNext(t *testing.T) {
	until := func(e consent.Entry, minute int) consent.Entry { e.Until = at(minute); return e }
	scope := func(e consent.Entry, s consent.Scope) consent.Entry { e.Scope = s; return e }
	yes, no, back := says(consent.Granted, 1, "g"), says(consent.Denied, 2, "d"), says(consent.Withdrawn, 2, "w")
	ended := consent.Entry{Kind: consent.Ended, At: at(2), Event: "e", TransactionID: "t"}
	starting, started := attempt(consent.Starting, 1, ""), attempt(consent.Started, 1, "k1")
	stopping, stopped := attempt(consent.Stopping, 1, "k1"), attempt(consent.Stopped, 1, "k1")
	gone := attempt(consent.Refused, 1, "")
	gone.Code = consent.CodeGone
	mine, other, asking := starting, starting, attempt(consent.Asking, 1, "")
	mine.Try, other.Try, asking.Try = "me", "another", "me"
	notSentBy := func(e consent.Entry) consent.Entry { e.Kind = consent.NotSent; return e }
	notSent := notSentBy(mine)
	otherGone := gone
	otherGone.Task = consent.SpeakerSearch
	otherNotFound := otherGone
	otherNotFound.Code = consent.CodeNotFound
	for _, tt := range []struct {
		name  string
		l     consent.Ledger
		off   bool
		want  string // of voice tone: act, kind, number, why
		state consent.State
	}{
		{"nothing known", nil, false, "", ""},
		{"ready", consent.Ledger{ready}, false, "note held 0 ", consent.StateHeld},
		{"ready, off", consent.Ledger{ready}, true, "", consent.StateHeld},
		{"yes first", consent.Ledger{yes}, false, "note waiting 0 granted", consent.StateWaiting},
		{"no first", consent.Ledger{no}, false, "note waiting 0 denied", consent.StateDenied},
		{"yes", consent.Ledger{ready, yes}, false, "note starting 1 granted", consent.StateGranted},
		{"yes, off", consent.Ledger{ready, yes}, true, "note off 0 granted", consent.StateGranted},
		{"yes to the other task", consent.Ledger{ready, scope(yes, consent.ScopeSpeakerSearch)}, false, "note held 0 ", consent.StateHeld},
		{"yes, then no to the other task", consent.Ledger{ready, yes, scope(no, consent.ScopeSpeakerSearch)}, false, "note starting 1 granted", consent.StateGranted},
		{"no", consent.Ledger{ready, no}, false, "note not-started 0 denied", consent.StateDenied},
		{"yes, then no", consent.Ledger{ready, yes, no}, false, "note not-started 0 denied", consent.StateDenied},
		{"no, then yes", consent.Ledger{ready, no, says(consent.Granted, 3, "g2")}, false, "note starting 1 granted", consent.StateGranted},
		{"yes and back at the same moment", consent.Ledger{ready, says(consent.Granted, 2, "z"), back}, false, "note not-started 0 withdrawn", consent.StateWithdrawn},
		{"yes until later", consent.Ledger{ready, until(yes, 6)}, false, "note starting 1 granted", consent.StateGranted},
		{"yes until now", consent.Ledger{ready, until(yes, 5)}, false, "note not-started 0 lapsed", consent.StateLapsed},
		{"call over first", consent.Ledger{ready, ended}, false, "note expired 0 ", consent.StateExpired},
		{"call over before the yes", consent.Ledger{ready, ended, yes}, false, "note expired 0 granted", consent.StateExpired},
		{"no, and the call over", consent.Ledger{ready, ended, no}, false, "note not-started 0 denied", consent.StateDenied},
		{"start under way", consent.Ledger{ready, yes, starting}, false, "note asking 1 granted", consent.StateStarting},
		{"start under way, joined", consent.Ledger{ready, yes, starting, asking}, false, "start starting 1 ",
			consent.StateStarting},
		{"start under way, call over", consent.Ledger{ready, yes, starting, ended}, false, "note asking 1 granted",
			consent.StateStarting},
		{"start under way, joined, call over", consent.Ledger{ready, yes, starting, asking, ended}, false,
			"start starting 1 ", consent.StateStarting},
		{"own start", consent.Ledger{ready, yes, mine}, false, "start starting 1 ", consent.StateStarting},
		{"own start, call over", consent.Ledger{ready, yes, mine, ended}, false, "note not-sent 1 ", consent.StateStarting},
		{"own start, taken back", consent.Ledger{ready, yes, back, mine}, false, "note not-sent 1 ", consent.StateUnresolved},
		{"own start, turned off", consent.Ledger{ready, yes, mine}, true, "note not-sent 1 ", consent.StateStarting},
		{"own start, and another run's, taken back", consent.Ledger{ready, yes, back, other, asking}, false,
			"note not-sent 1 ", consent.StateUnresolved},
		{"another run's start, taken back", consent.Ledger{ready, yes, back, other}, false, "note unresolved 1 withdrawn",
			consent.StateUnresolved},
		{"two runs' starts, one of them not sent, taken back", consent.Ledger{ready, yes, back, other, asking, notSent},
			false, "note unresolved 1 withdrawn", consent.StateUnresolved},
		{"not sent, taken back", consent.Ledger{ready, yes, back, mine, notSent}, false, "note not-started 0 withdrawn",
			consent.StateWithdrawn},
		{"not sent, run out", consent.Ledger{ready, until(yes, 5), mine, notSent}, false, "note not-started 0 lapsed",
			consent.StateLapsed},
		{"not sent, taken back, yes again", consent.Ledger{ready, yes, back, other, notSentBy(other),
			says(consent.Granted, 4, "g2")}, false, "note asking 1 granted", consent.StateStarting},
		{"not sent by this run, yes again", consent.Ledger{ready, yes, back, mine, notSent, says(consent.Granted, 4, "g2")},
			false, "", consent.StateStarting},
		{"not sent, yes again after the call", consent.Ledger{ready, yes, back, other, notSentBy(other), ended,
			says(consent.Granted, 4, "g2")}, false, "note expired 0 granted", consent.StateExpired},
		{"not sent, turned off", consent.Ledger{ready, yes, mine, notSent}, true, "note off 0 granted",
			consent.StateStarting},
		{"an entry of before, not sent by another run, taken back", consent.Ledger{ready, yes, back, starting, notSent},
			false, "note unresolved 1 withdrawn", consent.StateUnresolved},
		{"unresolved, call over", consent.Ledger{ready, yes, back, starting, ended}, false, "note unresolved 1 withdrawn",
			consent.StatePresumedStopped},
		{"unresolved, the other task gone", consent.Ledger{ready, yes, back, starting, otherGone}, false,
			"note unresolved 1 withdrawn", consent.StatePresumedStopped},
		{"held, the other task gone", consent.Ledger{ready, otherGone}, false, "note expired 0 ", consent.StateExpired},
		{"yes, the other task not found", consent.Ledger{ready, yes, otherNotFound}, false, "note starting 1 granted",
			consent.StateGranted},
		{"start under way, taken back", consent.Ledger{ready, yes, back, starting}, false, "note unresolved 1 withdrawn", consent.StateUnresolved},
		{"start under way, turned off", consent.Ledger{ready, yes, starting}, true, "note unresolved 1 granted", consent.StateStarting},
		{"started", consent.Ledger{ready, yes, starting, started}, false, "", consent.StateStarted},
		{"started, turned off", consent.Ledger{ready, yes, starting, started}, true, "", consent.StateStarted},
		{"started, another yes", consent.Ledger{ready, yes, starting, started, says(consent.Granted, 4, "g2")}, false, "", consent.StateStarted},
		{"started, taken back", consent.Ledger{ready, yes, starting, started, back}, false, "note stopping 1 withdrawn", consent.StateStopping},
		{"started, taken back, turned off", consent.Ledger{ready, yes, starting, started, back}, true, "note stopping 1 withdrawn", consent.StateStopping},
		{"started, run out", consent.Ledger{ready, until(yes, 4), starting, started}, false, "note stopping 1 lapsed", consent.StateStopping},
		{"stop under way", consent.Ledger{ready, yes, starting, started, back, stopping}, false, "stop stopping 1 ", consent.StateStopping},
		{"stop under way, yes again", consent.Ledger{ready, yes, starting, started, back, stopping, says(consent.Granted, 4, "g2")}, false, "stop stopping 1 ", consent.StateStopping},
		{"stopped", consent.Ledger{ready, yes, starting, started, back, stopping, stopped}, false, "", consent.StateStopped},
		{"stopped, yes again", consent.Ledger{ready, yes, starting, started, back, stopping, stopped, says(consent.Granted, 4, "g2")}, false, "note starting 2 granted", consent.StateGranted},
		{"stopped, yes again after the call", consent.Ledger{ready, yes, starting, started, back, stopping, stopped, ended, says(consent.Granted, 4, "g2")}, false, "note expired 0 granted", consent.StateExpired},
		{"two tasks of one start", consent.Ledger{ready, yes, starting, started, attempt(consent.Started, 1, "k2"), back, stopping, stopped}, false, "note stopping 1 withdrawn", consent.StateStopping},
		{"refused, call over", consent.Ledger{ready, yes, starting, gone}, false, "", consent.StateExpired},
		{"refused", consent.Ledger{ready, yes, starting, attempt(consent.Refused, 1, "")}, false, "", consent.StateRefused},
		{"refused to one and started by another", consent.Ledger{ready, yes, starting, attempt(consent.Refused, 1, ""), started, back}, false, "note stopping 1 withdrawn", consent.StateStopping},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, step := range tt.l.Next(at(5), consent.Settings{consent.VoiceTone: !tt.off}, run("now")) {
				if e := step.Entry; e.Task == consent.VoiceTone {
					got = fmt.Sprintf("%s %s %d %s", step.Act, e.Kind, e.Number, e.Code)
					if step.Act == consent.Note && (e.At != at(5) || e.Event != "now" || e.By != consent.System || e.TransactionID != "t") {
						t.Errorf("got %+v, want who, when, of which event and call", e)
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			state := consent.State("")
			for _, s := range tt.l.Standings(at(5)) {
				if s.Task == consent.VoiceTone {
					state = s.State
				}
			}
			if state != tt.state {
				t.Errorf("got state %q, want %q", state, tt.state)
			}
		})
	}
}

// A failure decides nothing, and is shown as long as what failed is due.
func TestFailuresAreShownWhileTheyMatter(t *testing.T) {
	yes, back := says(consent.Granted, 1, "g"), says(consent.Withdrawn, 2, "w")
	starting, started, stopping, stopped := attempt(consent.Starting, 1, ""), attempt(consent.Started, 1, "k1"), attempt(consent.Stopping, 1, "k1"), attempt(consent.Stopped, 1, "k1")
	failed := func(minute, number int, taskID, code string) consent.Entry {
		e := attempt(consent.Failed, number, taskID)
		e.At, e.Code, e.Detail = at(minute), code, "no"
		return e
	}
	for _, tt := range []struct {
		name  string
		l     consent.Ledger
		state consent.State
		want  string
	}{
		{"start", consent.Ledger{ready, yes, starting, failed(3, 1, "", "429")}, consent.StateStarting, "429: no"},
		{"start, twice", consent.Ledger{ready, yes, starting, failed(4, 1, "", "403"), failed(3, 1, "", "429")}, consent.StateStarting, "403: no"},
		{"start, taken back", consent.Ledger{ready, yes, back, starting, failed(3, 1, "", "429")}, consent.StateUnresolved, "429: no"},
		{"start, and then started", consent.Ledger{ready, yes, starting, failed(3, 1, "", "429"), started}, consent.StateStarted, ""},
		{"start long ago, now stopping", consent.Ledger{ready, yes, starting, failed(3, 1, "", "429"), started, back, stopping}, consent.StateStopping, ""},
		{"stop", consent.Ledger{ready, yes, starting, started, back, stopping, failed(4, 1, "k1", "403")}, consent.StateStopping, "403: no"},
		{"stop, and then stopped", consent.Ledger{ready, yes, starting, started, back, stopping, failed(4, 1, "k1", "403"), stopped}, consent.StateStopped, ""},
		{"of an attempt before", consent.Ledger{ready, yes, starting, failed(3, 1, "", "429"), started, stopping, stopped, attempt(consent.Starting, 2, "")}, consent.StateStarting, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := slices.IndexFunc(tt.l.Standings(at(5)), func(s consent.Standing) bool { return s.Task == consent.VoiceTone })
			if got := tt.l.Standings(at(5))[i]; got.State != tt.state || got.Detail != tt.want {
				t.Errorf("got %s because of %q, want %s because of %q", got.State, got.Detail, tt.state, tt.want)
			}
			without := slices.DeleteFunc(slices.Clone(tt.l), func(e consent.Entry) bool { return e.Kind == consent.Failed })
			on := consent.Settings{consent.VoiceTone: true}
			if diff := cmp.Diff(without.Next(at(5), on, run("x")), tt.l.Next(at(5), on, run("x"))); diff != "" {
				t.Errorf("it decides (-without +with):\n%s", diff)
			}
		})
	}
}

func TestWhatIsWrittenIsNotDueAgain(t *testing.T) {
	l := consent.Ledger{ready, says(consent.Denied, 1, "d")}
	on := consent.Settings{consent.VoiceTone: true, consent.SpeakerSearch: true}
	for _, step := range l.Next(at(5), on, run("first")) {
		l = append(l, step.Entry)
	}
	if len(l) != 4 {
		t.Fatalf("got %d entries, want a decision for each task", len(l))
	}
	if again := l.Next(at(6), on, run("second")); len(again) != 0 {
		t.Errorf("got %v, want nothing more", again)
	}
}

func TestTokens(t *testing.T) {
	form := regexp.MustCompile(`^[-_a-zA-Z0-9]{2,64}$`)
	token := func(transaction, grant string) (tokens []string) {
		r, g := ready, says(consent.Granted, 1, grant)
		r.TransactionID = transaction
		for _, step := range (consent.Ledger{r, g}).Next(at(5), consent.Settings{consent.VoiceTone: true,
			consent.SpeakerSearch: true}, run("x")) {
			tokens = append(tokens, step.Entry.Token)
		}
		return tokens
	}
	all := slices.Concat(token("t", "g"), token("t2", "g"), token("t", "g2"))
	if got := len(slices.Compact(slices.Sorted(slices.Values(all)))); got != 6 || len(all) != 6 {
		t.Errorf("got %d different tokens of %d, want 6 of 6", got, len(all))
	}
	for _, token := range all {
		if !form.MatchString(token) {
			t.Errorf("got token %q, want one that the service takes", token)
		}
	}
	if diff := cmp.Diff(token("t", "g"), token("t", "g")); diff != "" {
		t.Errorf("the same start has two tokens:\n%s", diff)
	}
}

// The order of entries does not matter, nor how often one is there.
func TestLedgersHaveNoOrder(t *testing.T) {
	kinds := []consent.Kind{consent.Ready, consent.Ended, consent.Granted, consent.Denied, consent.Withdrawn, "newer",
		consent.Starting, consent.Asking, consent.NotSent, consent.Started, consent.Refused,
		consent.Stopping, consent.Stopped, consent.Failed}
	entry := rapid.Custom(func(t *rapid.T) consent.Entry {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		minute := rapid.IntRange(0, 4).Draw(t, "minute")
		switch kind {
		case consent.Ready:
			r := ready
			r.At, r.Event = at(minute), fmt.Sprint("r", minute)
			return r
		case consent.Granted, consent.Denied, consent.Withdrawn:
			return says(kind, minute, fmt.Sprint(kind, minute))
		case consent.Ended:
			return consent.Entry{Kind: kind, At: at(minute), Event: fmt.Sprint("e", minute), TransactionID: "t"}
		}
		e := attempt(kind, rapid.IntRange(1, 2).Draw(t, "number"), rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "task"))
		if kind == consent.Starting || kind == consent.Asking || kind == consent.NotSent {
			e.TaskID, e.Try = "", rapid.SampledFrom([]string{"", "me", "another"}).Draw(t, "try")
		}
		if kind == "newer" {
			e.Scope = rapid.SampledFrom([]consent.Scope{"", consent.ScopeBoth, "newer"}).Draw(t, "scope")
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		// Of entries with one id a ledger has one only.
		l := consent.Ledger(rapid.SliceOfNDistinct(entry, 0, 12, consent.Entry.ID).Draw(t, "ledger"))
		again := rapid.Permutation(append(slices.Clone(l), l[:len(l)/2]...)).Draw(t, "in another order")
		on := consent.Settings{consent.VoiceTone: rapid.Bool().Draw(t, "on")}
		tell := func(l consent.Ledger) string {
			steps := l.Next(at(5), on, run("x"))
			for i := range steps {
				if steps[i].Act == consent.Stop || steps[i].Entry.Kind == consent.Stopping {
					steps[i].Entry.TaskID, steps[i].Entry.Number = "", 0 // of several it does not matter which comes first
				}
			}
			return fmt.Sprintf("%+v\n%+v\n%+v", steps, l.Standings(at(5)), l.InOrder())
		}
		if a, b := tell(l), tell(again); a != b {
			t.Errorf("got\n%s\nand in another order\n%s", a, b)
		}
	})
}
