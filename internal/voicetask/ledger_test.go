package voicetask_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func at(minute int) time.Time { return time.Date(2026, 3, 11, 8, minute, 0, 0, time.UTC) }

var readyEntry = voicetask.Entry{Kind: voicetask.Ready, At: at(0), Event: "r", TransactionID: "t", CallID: "c",
	VoiceConnectorID: "vc"}

// says is what somebody said about both tasks.
func says(kind voicetask.Kind, minute int, id string) voicetask.Entry {
	return voicetask.Entry{Kind: kind, At: at(minute), Event: id, By: "me", Scope: voicetask.ScopeBoth, TransactionID: "t"}
}

// run is a run that handles an event, and may ask the service as "me".
func run(event string) voicetask.RunID {
	return voicetask.RunID{Event: event, Try: "me"}
}

// attempt is an entry of an attempt at voice tone.
func attempt(kind voicetask.Kind, number int, taskID string) voicetask.Entry {
	return voicetask.Entry{Kind: kind, At: at(3), Event: "x", Task: voicetask.VoiceTone, Number: number, TaskID: taskID,
		TransactionID: "t", VoiceConnectorID: "vc"}
}

func TestNext(t *testing.T) {
	until := func(e voicetask.Entry, minute int) voicetask.Entry { e.Until = at(minute); return e }
	scope := func(e voicetask.Entry, s voicetask.Scope) voicetask.Entry { e.Scope = s; return e }
	yes, no, back := says(voicetask.Granted, 1, "g"), says(voicetask.Denied, 2, "d"), says(voicetask.Withdrawn, 2, "w")
	ended := voicetask.Entry{Kind: voicetask.Ended, At: at(2), Event: "e", TransactionID: "t"}
	starting, started := attempt(voicetask.Starting, 1, ""), attempt(voicetask.Started, 1, "k1")
	stopping, stopped := attempt(voicetask.Stopping, 1, "k1"), attempt(voicetask.Stopped, 1, "k1")
	gone := attempt(voicetask.Refused, 1, "")
	gone.Code = voicetask.CodeGone
	mine, other, asking := starting, starting, attempt(voicetask.Asking, 1, "")
	mine.Try, other.Try, asking.Try = "me", "another", "me"
	notSentBy := func(e voicetask.Entry) voicetask.Entry { e.Kind = voicetask.NotSent; return e }
	notSent := notSentBy(mine)
	otherGone := gone
	otherGone.Task = voicetask.SpeakerSearch
	otherNotFound := otherGone
	otherNotFound.Code = voicetask.CodeNotFound
	for _, tt := range []struct {
		name  string
		l     voicetask.Ledger
		off   bool
		want  string // of voice tone: act, kind, number, why
		state voicetask.State
	}{
		{"nothing known", nil, false, "", ""},
		{"readyEntry", voicetask.Ledger{readyEntry}, false, "note held 0 ", voicetask.StateHeld},
		{"readyEntry, off", voicetask.Ledger{readyEntry}, true, "", voicetask.StateHeld},
		{"yes first", voicetask.Ledger{yes}, false, "note waiting 0 granted", voicetask.StateWaiting},
		{"no first", voicetask.Ledger{no}, false, "note waiting 0 denied", voicetask.StateDenied},
		{"yes", voicetask.Ledger{readyEntry, yes}, false, "note starting 1 granted", voicetask.StateGranted},
		{"yes, off", voicetask.Ledger{readyEntry, yes}, true, "note off 0 granted", voicetask.StateGranted},
		{"yes to the other task", voicetask.Ledger{readyEntry, scope(yes, voicetask.ScopeSpeakerSearch)}, false,
			"note held 0 ", voicetask.StateHeld},
		{"yes, then no to the other task", voicetask.Ledger{readyEntry, yes, scope(no, voicetask.ScopeSpeakerSearch)}, false,
			"note starting 1 granted", voicetask.StateGranted},
		{"no", voicetask.Ledger{readyEntry, no}, false, "note not-started 0 denied", voicetask.StateDenied},
		{"yes, then no", voicetask.Ledger{readyEntry, yes, no}, false, "note not-started 0 denied", voicetask.StateDenied},
		{"no, then yes", voicetask.Ledger{readyEntry, no, says(voicetask.Granted, 3, "g2")}, false, "note starting 1 granted",
			voicetask.StateGranted},
		{"yes and back at the same moment", voicetask.Ledger{readyEntry, says(voicetask.Granted, 2, "z"), back}, false,
			"note not-started 0 withdrawn", voicetask.StateWithdrawn},
		{"yes until later", voicetask.Ledger{readyEntry, until(yes, 6)}, false, "note starting 1 granted",
			voicetask.StateGranted},
		{"yes until now", voicetask.Ledger{readyEntry, until(yes, 5)}, false, "note not-started 0 lapsed",
			voicetask.StateLapsed},
		{"call over first", voicetask.Ledger{readyEntry, ended}, false, "note expired 0 ", voicetask.StateExpired},
		{"call over before the yes", voicetask.Ledger{readyEntry, ended, yes}, false, "note expired 0 granted",
			voicetask.StateExpired},
		{"no, and the call over", voicetask.Ledger{readyEntry, ended, no}, false, "note not-started 0 denied",
			voicetask.StateDenied},
		{"start under way", voicetask.Ledger{readyEntry, yes, starting}, false, "note asking 1 granted",
			voicetask.StateStarting},
		{"start under way, joined", voicetask.Ledger{readyEntry, yes, starting, asking}, false, "start starting 1 ",
			voicetask.StateStarting},
		{"start under way, call over", voicetask.Ledger{readyEntry, yes, starting, ended}, false, "note asking 1 granted",
			voicetask.StateStarting},
		{"start under way, joined, call over", voicetask.Ledger{readyEntry, yes, starting, asking, ended}, false,
			"start starting 1 ", voicetask.StateStarting},
		{"own start", voicetask.Ledger{readyEntry, yes, mine}, false, "start starting 1 ", voicetask.StateStarting},
		{"own start, call over", voicetask.Ledger{readyEntry, yes, mine, ended}, false, "note not-sent 1 ",
			voicetask.StateStarting},
		{"own start, taken back", voicetask.Ledger{readyEntry, yes, back, mine}, false, "note not-sent 1 ",
			voicetask.StateUnresolved},
		{"own start, turned off", voicetask.Ledger{readyEntry, yes, mine}, true, "note not-sent 1 ", voicetask.StateStarting},
		{"own start, and another run's, taken back", voicetask.Ledger{readyEntry, yes, back, other, asking}, false,
			"note not-sent 1 ", voicetask.StateUnresolved},
		{"another run's start, taken back", voicetask.Ledger{readyEntry, yes, back, other}, false,
			"note unresolved 1 withdrawn",
			voicetask.StateUnresolved},
		{"two runs' starts, one of them not sent, taken back",
			voicetask.Ledger{readyEntry, yes, back, other, asking, notSent},
			false, "note unresolved 1 withdrawn", voicetask.StateUnresolved},
		{"not sent, taken back", voicetask.Ledger{readyEntry, yes, back, mine, notSent}, false,
			"note not-started 0 withdrawn",
			voicetask.StateWithdrawn},
		{"not sent, run out", voicetask.Ledger{readyEntry, until(yes, 5), mine, notSent}, false, "note not-started 0 lapsed",
			voicetask.StateLapsed},
		{"not sent, taken back, yes again", voicetask.Ledger{readyEntry, yes, back, other, notSentBy(other),
			says(voicetask.Granted, 4, "g2")}, false, "note asking 1 granted", voicetask.StateStarting},
		{"not sent by this run, yes again",
			voicetask.Ledger{readyEntry, yes, back, mine, notSent, says(voicetask.Granted, 4, "g2")},
			false, "", voicetask.StateStarting},
		{"not sent, yes again after the call", voicetask.Ledger{readyEntry, yes, back, other, notSentBy(other), ended,
			says(voicetask.Granted, 4, "g2")}, false, "note expired 0 granted", voicetask.StateExpired},
		{"not sent, turned off", voicetask.Ledger{readyEntry, yes, mine, notSent}, true, "note off 0 granted",
			voicetask.StateStarting},
		{"an entry of before, not sent by another run, taken back",
			voicetask.Ledger{readyEntry, yes, back, starting, notSent},
			false, "note unresolved 1 withdrawn", voicetask.StateUnresolved},
		{"unresolved, call over", voicetask.Ledger{readyEntry, yes, back, starting, ended}, false,
			"note unresolved 1 withdrawn",
			voicetask.StatePresumedStopped},
		{"unresolved, the other task gone", voicetask.Ledger{readyEntry, yes, back, starting, otherGone}, false,
			"note unresolved 1 withdrawn", voicetask.StatePresumedStopped},
		{"held, the other task gone", voicetask.Ledger{readyEntry, otherGone}, false, "note expired 0 ",
			voicetask.StateExpired},
		{"yes, the other task not found", voicetask.Ledger{readyEntry, yes, otherNotFound}, false, "note starting 1 granted",
			voicetask.StateGranted},
		{"start under way, taken back", voicetask.Ledger{readyEntry, yes, back, starting}, false,
			"note unresolved 1 withdrawn", voicetask.StateUnresolved},
		{"start under way, turned off", voicetask.Ledger{readyEntry, yes, starting}, true, "note unresolved 1 granted",
			voicetask.StateStarting},
		{"started", voicetask.Ledger{readyEntry, yes, starting, started}, false, "", voicetask.StateStarted},
		{"started, turned off", voicetask.Ledger{readyEntry, yes, starting, started}, true, "", voicetask.StateStarted},
		{"started, another yes", voicetask.Ledger{readyEntry, yes, starting, started, says(voicetask.Granted, 4, "g2")},
			false, "", voicetask.StateStarted},
		{"started, taken back", voicetask.Ledger{readyEntry, yes, starting, started, back}, false,
			"note stopping 1 withdrawn", voicetask.StateStopping},
		{"started, taken back, turned off", voicetask.Ledger{readyEntry, yes, starting, started, back}, true,
			"note stopping 1 withdrawn", voicetask.StateStopping},
		{"started, run out", voicetask.Ledger{readyEntry, until(yes, 4), starting, started}, false, "note stopping 1 lapsed",
			voicetask.StateStopping},
		{"stop under way", voicetask.Ledger{readyEntry, yes, starting, started, back, stopping}, false, "stop stopping 1 ",
			voicetask.StateStopping},
		{"stop under way, yes again",
			voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, says(voicetask.Granted, 4, "g2")}, false,
			"stop stopping 1 ", voicetask.StateStopping},
		{"stopped", voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, stopped}, false, "",
			voicetask.StateStopped},
		{"stopped, yes again",
			voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, stopped, says(voicetask.Granted, 4, "g2")},
			false, "note starting 2 granted", voicetask.StateGranted},
		{"stopped, yes again after the call",
			voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, stopped, ended,
				says(voicetask.Granted, 4, "g2")}, false, "note expired 0 granted", voicetask.StateExpired},
		{"two tasks of one start",
			voicetask.Ledger{readyEntry, yes, starting, started, attempt(voicetask.Started, 1, "k2"), back, stopping, stopped},
			false, "note stopping 1 withdrawn", voicetask.StateStopping},
		{"refused, call over", voicetask.Ledger{readyEntry, yes, starting, gone}, false, "", voicetask.StateExpired},
		{"refused", voicetask.Ledger{readyEntry, yes, starting, attempt(voicetask.Refused, 1, "")}, false, "",
			voicetask.StateRefused},
		{"refused to one and started by another",
			voicetask.Ledger{readyEntry, yes, starting, attempt(voicetask.Refused, 1, ""), started, back}, false,
			"note stopping 1 withdrawn", voicetask.StateStopping},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, step := range tt.l.Next(at(5), voicetask.Settings{voicetask.VoiceTone: !tt.off}, run("now")) {
				if e := step.Entry; e.Task == voicetask.VoiceTone {
					got = fmt.Sprintf("%s %s %d %s", step.Act, e.Kind, e.Number, e.Code)
					if step.Act == voicetask.Note &&
						(e.At != at(5) || e.Event != "now" || e.By != voicetask.System || e.TransactionID != "t") {
						t.Errorf("got %+v, want who, when, of which event and call", e)
					}
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			state := voicetask.State("")
			for _, s := range tt.l.Standings(at(5)) {
				if s.Task == voicetask.VoiceTone {
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
	yes, back := says(voicetask.Granted, 1, "g"), says(voicetask.Withdrawn, 2, "w")
	starting, started, stopping, stopped := attempt(voicetask.Starting, 1, ""), attempt(voicetask.Started, 1, "k1"),
		attempt(voicetask.Stopping, 1, "k1"), attempt(voicetask.Stopped, 1, "k1")
	failed := func(minute, number int, taskID, code string) voicetask.Entry {
		e := attempt(voicetask.Failed, number, taskID)
		e.At, e.Code, e.Detail = at(minute), code, "no"
		return e
	}
	for _, tt := range []struct {
		name  string
		l     voicetask.Ledger
		state voicetask.State
		want  string
	}{
		{"start", voicetask.Ledger{readyEntry, yes, starting, failed(3, 1, "", "429")}, voicetask.StateStarting, "429: no"},
		{"start, twice", voicetask.Ledger{readyEntry, yes, starting, failed(4, 1, "", "403"), failed(3, 1, "", "429")},
			voicetask.StateStarting, "403: no"},
		{"start, taken back", voicetask.Ledger{readyEntry, yes, back, starting, failed(3, 1, "", "429")},
			voicetask.StateUnresolved, "429: no"},
		{"start, and then started", voicetask.Ledger{readyEntry, yes, starting, failed(3, 1, "", "429"), started},
			voicetask.StateStarted, ""},
		{"start long ago, now stopping",
			voicetask.Ledger{readyEntry, yes, starting, failed(3, 1, "", "429"), started, back, stopping},
			voicetask.StateStopping, ""},
		{"stop", voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, failed(4, 1, "k1", "403")},
			voicetask.StateStopping, "403: no"},
		{"stop, and then stopped",
			voicetask.Ledger{readyEntry, yes, starting, started, back, stopping, failed(4, 1, "k1", "403"), stopped},
			voicetask.StateStopped, ""},
		{"of an attempt before",
			voicetask.Ledger{readyEntry, yes, starting, failed(3, 1, "", "429"), started, stopping, stopped,
				attempt(voicetask.Starting, 2, "")}, voicetask.StateStarting, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := slices.IndexFunc(tt.l.Standings(at(5)),
				func(s voicetask.Standing) bool { return s.Task == voicetask.VoiceTone })
			if got := tt.l.Standings(at(5))[i]; got.State != tt.state || got.Detail != tt.want {
				t.Errorf("got %s because of %q, want %s because of %q", got.State, got.Detail, tt.state, tt.want)
			}
			without := slices.DeleteFunc(slices.Clone(tt.l), func(e voicetask.Entry) bool { return e.Kind == voicetask.Failed })
			on := voicetask.Settings{voicetask.VoiceTone: true}
			if diff := cmp.Diff(without.Next(at(5), on, run("x")), tt.l.Next(at(5), on, run("x"))); diff != "" {
				t.Errorf("it decides (-without +with):\n%s", diff)
			}
		})
	}
}

func TestNextOmitsWhatIsWritten(t *testing.T) {
	l := voicetask.Ledger{readyEntry, says(voicetask.Denied, 1, "d")}
	on := voicetask.Settings{voicetask.VoiceTone: true, voicetask.SpeakerSearch: true}
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
		r, g := readyEntry, says(voicetask.Granted, 1, grant)
		r.TransactionID = transaction
		for _, step := range (voicetask.Ledger{r, g}).Next(at(5), voicetask.Settings{voicetask.VoiceTone: true,
			voicetask.SpeakerSearch: true}, run("x")) {
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
			t.Errorf("got token %q, want one that the service accepts", token)
		}
	}
	if diff := cmp.Diff(token("t", "g"), token("t", "g")); diff != "" {
		t.Errorf("the same start has two tokens:\n%s", diff)
	}
}

// The order of entries does not matter, nor how often one is there.
func TestLedgersHaveNoOrder(t *testing.T) {
	kinds := []voicetask.Kind{voicetask.Ready, voicetask.Ended, voicetask.Granted, voicetask.Denied, voicetask.Withdrawn,
		"newer",
		voicetask.Starting, voicetask.Asking, voicetask.NotSent, voicetask.Started, voicetask.Refused,
		voicetask.Stopping, voicetask.Stopped, voicetask.Failed}
	entry := rapid.Custom(func(t *rapid.T) voicetask.Entry {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		minute := rapid.IntRange(0, 4).Draw(t, "minute")
		switch kind {
		case voicetask.Ready:
			r := readyEntry
			r.At, r.Event = at(minute), fmt.Sprint("r", minute)
			return r
		case voicetask.Granted, voicetask.Denied, voicetask.Withdrawn:
			return says(kind, minute, fmt.Sprint(kind, minute))
		case voicetask.Ended:
			return voicetask.Entry{Kind: kind, At: at(minute), Event: fmt.Sprint("e", minute), TransactionID: "t"}
		}
		e := attempt(kind, rapid.IntRange(1, 2).Draw(t, "number"), rapid.SampledFrom([]string{"k1", "k2"}).Draw(t, "task"))
		if kind == voicetask.Starting || kind == voicetask.Asking || kind == voicetask.NotSent {
			e.TaskID, e.Try = "", rapid.SampledFrom([]string{"", "me", "another"}).Draw(t, "try")
		}
		if kind == "newer" {
			e.Scope = rapid.SampledFrom([]voicetask.Scope{"", voicetask.ScopeBoth, "newer"}).Draw(t, "scope")
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		// Of entries with one id a ledger has one only.
		l := voicetask.Ledger(rapid.SliceOfNDistinct(entry, 0, 12, voicetask.Entry.ID).Draw(t, "ledger"))
		again := rapid.Permutation(append(slices.Clone(l), l[:len(l)/2]...)).Draw(t, "in another order")
		on := voicetask.Settings{voicetask.VoiceTone: rapid.Bool().Draw(t, "on")}
		describe := func(l voicetask.Ledger) string {
			steps := l.Next(at(5), on, run("x"))
			for i := range steps {
				if steps[i].Act == voicetask.Stop || steps[i].Entry.Kind == voicetask.Stopping {
					steps[i].Entry.TaskID, steps[i].Entry.Number = "", 0 // of several it does not matter which comes first
				}
			}
			return fmt.Sprintf("%+v\n%+v\n%+v", steps, l.Standings(at(5)), l.InOrder())
		}
		if a, b := describe(l), describe(again); a != b {
			t.Errorf("got\n%s\nand in another order\n%s", a, b)
		}
	})
}
