package voicetask

import (
	"slices"
	"strings"
	"time"
)

// Ledger is what is known of one transaction. The order of entries does not
// matter, and an entry that is there twice counts once.
type Ledger []Entry

// Settings say which tasks the deployer turned on; none by default.
type Settings map[Task]bool

// Act is what a step requests from the service.
type Act string

const (
	// Note requests nothing: the entry is only written.
	Note Act = "note"
	// Start runs the task of the entry, with its token.
	Start Act = "start"
	// Stop ends the task TaskID of the entry.
	Stop Act = "stop"
)

// Step is one thing that is due. The entry of a Note is to be written. That of a Start
// is Starting, and that of a Stop is Stopping; what the service answers is to be written
// as a new entry.
type Step struct {
	Act   Act
	Entry Entry
}

// onlyExplains reports whether the step writes why nothing is started or stopped, which
// no decision depends on.
func (s Step) onlyExplains() bool { return s.Act == Note && s.Entry.Kind.explains() }

// RunID is a run of a function that does what is due for a call.
type RunID struct {
	// Event is the id of the event that it handles.
	Event string
	// Try is the name under which the run may ask the service for starts. No other run
	// has it. Once the run has written NotSent for a task, it never asks for that task:
	// a new grant has a run of its own.
	Try string
}

// Next returns what is due at a moment, for a run of a function: at most one step for
// each task. When its steps are done and written, the ledger is to be read again and
// Next called again, until nothing is due. So the last run to write sees what all others
// have written, and a run that was killed between two steps is continued by the next one.
//
// A run must not call Next again about a task for which it has called the service and
// has not written the answer: a NotSent of that run would be wrong.
func (l Ledger) Next(now time.Time, on Settings, run RunID) []Step {
	l = l.InOrder()
	var steps []Step
	for _, task := range Tasks() {
		v := l.view(task, now)
		step, due := v.next(on[task], run.Try)
		if !due {
			continue
		}
		if step.Act == Note {
			step.Entry.At, step.Entry.Event, step.Entry.By, step.Entry.Task = now.UTC(), run.Event, System, task
			if slices.ContainsFunc(l, func(e Entry) bool { return e.ID() == step.Entry.ID() }) {
				continue // written before
			}
		}
		steps = append(steps, step)
	}
	return steps
}

// next is the decision for one task, for a run that asks the service as try.
func (v view) next(on bool, try string) (Step, bool) {
	switch {
	case len(v.stopping) > 0: // finish it, whatever was decided since
		return Step{Act: Stop, Entry: *v.stopping[0]}, true
	case len(v.running) > 0 && !v.inForce:
		e := v.running[0]
		return v.note(Entry{
			Kind: Stopping, Number: e.Number, TaskID: e.TaskID,
			TransactionID: e.TransactionID, VoiceConnectorID: e.VoiceConnectorID,
		})
	case len(v.running) > 0:
		return Step{}, false
	case v.number > 0 && !v.answered:
		return v.ask(on, try)
	case v.number > 0 && (v.refused != nil || !v.inForce):
		return Step{}, false
	}
	return v.begin(on, try) // also where a task was stopped, and consent was granted anew
}

// ask decides about the last attempt, which the service has not answered.
func (v view) ask(on bool, try string) (Step, bool) {
	mine := slices.Contains(v.tries, try)
	others := len(v.tries) > 1 || len(v.tries) == 1 && !mine
	// Where another run may have asked, the answer matters even after the call is over.
	wanted := on && v.inForce && (others || !v.ended)
	switch {
	case mine && wanted:
		e := *v.starting
		e.Try = try
		return Step{Act: Start, Entry: e}, true
	case mine:
		return v.note(Entry{Kind: NotSent, Number: v.number, TransactionID: v.starting.TransactionID, Try: try})
	case !others: // nobody has asked for it, as if no attempt was under way
		return v.begin(on, try)
	case wanted:
		return v.join(try)
	}
	return v.note(Entry{Kind: Unresolved, Number: v.number, TransactionID: v.starting.TransactionID})
}

// begin decides whether a start is due where none is under way.
func (v view) begin(on bool, try string) (Step, bool) {
	switch {
	case v.decision == nil && (v.ready == nil || !on):
		return Step{}, false
	case v.ready == nil:
		return v.note(Entry{Kind: Waiting, TransactionID: v.decision.TransactionID, CallID: v.decision.CallID})
	case v.decision != nil && !v.inForce:
		return v.note(Entry{Kind: NotStarted, TransactionID: v.ready.TransactionID})
	case v.ended:
		return v.note(Entry{Kind: Expired, TransactionID: v.ready.TransactionID})
	case v.decision == nil:
		return v.note(Entry{Kind: Held, TransactionID: v.ready.TransactionID})
	case !on:
		return v.note(Entry{Kind: Off, TransactionID: v.ready.TransactionID})
	case v.number > 0 && !v.answered:
		return v.join(try)
	}
	return v.note(Entry{
		Kind: Starting, Number: v.number + 1, Try: try, TransactionID: v.ready.TransactionID,
		CallID: v.ready.CallID, VoiceConnectorID: v.ready.VoiceConnectorID,
		Token: tokenOf(v.ready.TransactionID, v.task, v.decision.Event, v.number+1),
	})
}

// join returns the step by which a run may ask for the last attempt, too.
func (v view) join(try string) (Step, bool) {
	if slices.Contains(v.gaveUp, try) {
		return Step{}, false
	}
	return v.note(Entry{Kind: Asking, Number: v.number, TransactionID: v.starting.TransactionID, Try: try})
}

// note returns the step that writes an entry, with the decision that it follows from.
func (v view) note(e Entry) (Step, bool) {
	if v.decision != nil {
		e.Consent, e.Code = v.decision.Event, string(v.decision.Kind)
		if v.decision.Kind == Granted && !v.inForce {
			e.Code = "lapsed"
		}
	}
	if e.Kind == NotSent {
		e.Code, e.Detail = "", "not asked for: "+e.Code // a code would be the service's
		if v.inForce {
			e.Detail = "not asked for any more"
		}
	}
	return Step{Act: Note, Entry: e}, true
}

// Unanswered returns the entry of the task's last attempt, if the service's answer to
// it is not known and somebody may have asked for it: then a task that the service
// reports may be this one. A run that was answered that nothing was started counts as
// one that may have asked, because an earlier try of its request may have been served.
func (l Ledger) Unanswered(task Task) (Entry, bool) {
	v := l.InOrder().view(task, time.Time{})
	if v.starting == nil || v.answered {
		return Entry{}, false
	}
	refused := func(e Entry) bool { return e.Kind == NotSent && e.Task == task && e.Number == v.number && e.Code != "" }
	return *v.starting, len(v.tries) > 0 || slices.ContainsFunc(l, refused)
}

// CallIDs returns the callIds that the ledger's readiness names, sorted.
func (l Ledger) CallIDs() []string {
	return l.readyIDs(func(e Entry) string { return e.CallID })
}

// TransactionIDs returns the transactions that are ready, sorted.
func (l Ledger) TransactionIDs() []string {
	return l.readyIDs(func(e Entry) string { return e.TransactionID })
}

func (l Ledger) readyIDs(id func(Entry) string) []string {
	var ids []string
	for _, e := range l {
		if e.Kind == Ready && id(e) != "" {
			ids = append(ids, id(e))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// InOrder returns the entries, each once, as they happened.
func (l Ledger) InOrder() Ledger {
	ordered := slices.Clone(l)
	slices.SortStableFunc(ordered, func(a, b Entry) int {
		if order := a.At.Compare(b.At); order != 0 {
			return order
		}
		return strings.Compare(a.ID(), b.ID())
	})
	seen := map[string]bool{}
	return slices.DeleteFunc(ordered, func(e Entry) bool {
		id := e.ID()
		again := seen[id]
		seen[id] = true
		return again
	})
}
