package consent

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

// Any tells whether some task is turned on.
func (s Settings) Any() bool { return s[SpeakerSearch] || s[VoiceTone] }

// Act is what a step asks of the service.
type Act string

// The acts.
const (
	// Note asks nothing: the entry is only written.
	Note Act = "note"
	// Start runs the task of the entry, with its token.
	Start Act = "start"
	// Stop ends the task TaskID of the entry.
	Stop Act = "stop"
)

// Step is one thing that is due. The entry of a Note is to be written. That of a
// Start says Starting, and that of a Stop says Stopping; what the service answers
// is to be written as a new entry.
type Step struct {
	Act   Act
	Entry Entry
}

// Next gives what is due at a moment, because of the event with that id: at most
// one step for each task. When its steps are done and written, the ledger is to
// be read again and Next asked again, until nothing is due. So whoever is the
// last to write sees what all others have written, and whoever was killed
// between two steps goes on where it was.
func (l Ledger) Next(now time.Time, on Settings, event string) []Step {
	var steps []Step
	for _, task := range Tasks() {
		v := l.view(task, now)
		step, due := v.next(on[task])
		if !due {
			continue
		}
		if step.Act == Note {
			step.Entry.At, step.Entry.Event, step.Entry.By, step.Entry.Task = now.UTC(), event, System, task
			if slices.ContainsFunc(l, func(e Entry) bool { return e.ID() == step.Entry.ID() }) {
				continue // written before
			}
		}
		steps = append(steps, step)
	}
	return steps
}

// view is what the ledger says of one task at a moment.
type view struct {
	task  Task
	ready *Entry
	ended bool
	// word is the last word of the people on the task; nil where there is none.
	word    *Entry
	inForce bool
	// number is that of the last attempt, zero where there is none, and starting
	// its entry.
	number   int
	starting *Entry
	// answered tells that the service answered the last attempt, refused that it
	// did not take the task.
	answered bool
	refused  *Entry
	// failed is the last failure of the last attempt.
	failed *Entry
	// running are the entries Started without one Stopped, and stopping the
	// entries that decided to stop one of these.
	running  []*Entry
	stopping []*Entry
}

func (l Ledger) view(task Task, now time.Time) view {
	v := view{task: task}
	done := map[string]*Entry{} // by task id: Stopping, or Stopped
	for i := range l {
		e := &l[i]
		switch {
		case e.Kind == Ready:
			if v.ready == nil || v.ready.overrides(*e) { // the first one, whatever the order
				v.ready = e
			}
		case e.Kind == Ended, e.Kind == Refused && e.Code == CodeGone:
			v.ended = true
		case e.isConsent() && e.Scope.Covers(task) && (v.word == nil || e.overrides(*v.word)):
			v.word = e
		}
		if e.Task != task {
			continue
		}
		if e.Kind == Starting && e.Number > v.number {
			v.number, v.starting = e.Number, e
		}
		if e.Kind == Stopped || e.Kind == Stopping && done[e.TaskID] == nil {
			done[e.TaskID] = e
		}
	}
	v.inForce = v.word != nil && v.word.inForce(now)
	for i := range l {
		if e := &l[i]; e.Task == task {
			v.answer(e, done[e.TaskID])
		}
	}
	return v
}

// answer takes what the service said to an attempt, and what was done about it.
func (v *view) answer(e, done *Entry) {
	switch e.Kind {
	case Refused:
		if e.Number == v.number {
			v.answered, v.refused = true, e
		}
	case Failed:
		if e.Number == v.number && (v.failed == nil || e.At.After(v.failed.At) || e.At.Equal(v.failed.At) && e.ID() > v.failed.ID()) {
			v.failed = e
		}
	case Started:
		v.answered = v.answered || e.Number == v.number
		switch {
		case done == nil:
			v.running = append(v.running, e)
		case done.Kind == Stopping:
			v.running, v.stopping = append(v.running, e), append(v.stopping, done)
		}
	}
}

// CodeGone is the service's code for a call that is over.
const CodeGone = "GoneException"

// next is the decision for one task.
func (v view) next(on bool) (Step, bool) {
	switch {
	case len(v.stopping) > 0: // finish it, whatever was said since
		return Step{Act: Stop, Entry: *v.stopping[0]}, true
	case len(v.running) > 0 && !v.inForce:
		e := v.running[0]
		return v.note(Entry{Kind: Stopping, Number: e.Number, TaskID: e.TaskID, TransactionID: e.TransactionID, VoiceConnectorID: e.VoiceConnectorID})
	case len(v.running) > 0:
		return Step{}, false
	case v.number == 0:
		return v.begin(on)
	case v.answered && v.refused != nil:
		return Step{}, false
	case v.answered && v.inForce: // what ran was stopped, and consent was given anew
		return v.begin(on)
	case v.answered:
		return Step{}, false
	case v.inForce && on:
		return Step{Act: Start, Entry: *v.starting}, true
	}
	return v.note(Entry{Kind: Unresolved, Number: v.number, TransactionID: v.starting.TransactionID})
}

// begin decides whether an attempt is due where none is under way.
func (v view) begin(on bool) (Step, bool) {
	switch {
	case v.ready == nil:
		if v.word == nil {
			return Step{}, false
		}
		return v.note(Entry{Kind: Waiting, TransactionID: v.word.TransactionID, CallID: v.word.CallID})
	case v.word == nil && !on:
		return Step{}, false
	case v.word != nil && !v.inForce:
		return v.note(Entry{Kind: NotStarted, TransactionID: v.ready.TransactionID})
	case v.ended:
		return v.note(Entry{Kind: Expired, TransactionID: v.ready.TransactionID})
	case v.word == nil:
		return v.note(Entry{Kind: Held, TransactionID: v.ready.TransactionID})
	case !on:
		return v.note(Entry{Kind: Off, TransactionID: v.ready.TransactionID})
	}
	return v.note(Entry{Kind: Starting, Number: v.number + 1, TransactionID: v.ready.TransactionID, CallID: v.ready.CallID,
		VoiceConnectorID: v.ready.VoiceConnectorID, Token: tokenOf(v.ready.TransactionID, v.task, v.word.Event, v.number+1)})
}

// note makes the step to write an entry, with the word that it follows from.
func (v view) note(e Entry) (Step, bool) {
	if v.word != nil {
		e.Consent, e.Code = v.word.Event, string(v.word.Kind)
		if v.word.Kind == Granted && !v.inForce {
			e.Code = "lapsed"
		}
	}
	return Step{Act: Note, Entry: e}, true
}

// Unanswered gives the entry of the task's last attempt, if the service's answer
// to it is not known.
func (l Ledger) Unanswered(task Task) (Entry, bool) {
	v := l.view(task, time.Time{})
	if v.starting == nil || v.answered {
		return Entry{}, false
	}
	return *v.starting, true
}

// CallIDs gives the callIds that the ledger's readiness names, sorted.
func (l Ledger) CallIDs() []string {
	return l.ids(func(e Entry) string { return e.CallID })
}

// TransactionIDs gives the transactions that are ready, sorted.
func (l Ledger) TransactionIDs() []string {
	return l.ids(func(e Entry) string { return e.TransactionID })
}

func (l Ledger) ids(of func(Entry) string) []string {
	var ids []string
	for _, e := range l {
		if id := of(e); e.Kind == Ready && id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// InOrder gives the entries without those that are there twice, as they
// happened.
func (l Ledger) InOrder() Ledger {
	seen := map[string]bool{}
	ordered := make(Ledger, 0, len(l))
	for _, e := range l {
		if id := e.ID(); !seen[id] {
			seen[id] = true
			ordered = append(ordered, e)
		}
	}
	slices.SortStableFunc(ordered, func(a, b Entry) int {
		if order := a.At.Compare(b.At); order != 0 {
			return order
		}
		return strings.Compare(a.ID(), b.ID())
	})
	return ordered
}
