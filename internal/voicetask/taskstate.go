package voicetask

import (
	"slices"
	"strings"
	"time"
)

// view is what the ledger says of one task at a moment.
type view struct {
	task  Task
	now   time.Time
	ready *Entry
	ended bool
	// end is the entry Ended by which the call is over, if there is one.
	end *Entry
	// word is the last word of the people on the task; nil where there is none.
	word    *Entry
	inForce bool
	// number is that of the last attempt, zero where there is none, and starting
	// its entry.
	number   int
	starting *Entry
	// answered reports that the service answered the last attempt, refused that it
	// did not take the task.
	answered bool
	refused  *Entry
	// tries are the runs that may have asked the service for the last attempt, those
	// left out that say that they have started nothing. An empty one stands for
	// anybody.
	tries []string
	// gaveUp are the runs that say that they have started nothing.
	gaveUp []string
	// asked is when the last of them wrote that it may ask.
	asked time.Time
	// failed is the last failure of the last attempt.
	failed *Entry
	// running are the entries Started without one Stopped, and stopping the
	// entries that decided to stop one of these.
	running  []*Entry
	stopping []*Entry
}

func (l Ledger) view(task Task, now time.Time) view {
	v := view{task: task, now: now}
	done := map[string]*Entry{} // by task id: Stopping, or Stopped
	for i := range l {
		e := &l[i]
		switch {
		case e.Kind == Ready:
			if v.ready == nil || v.ready.overrides(*e) { // the first one, whatever the order
				v.ready = e
			}
		case e.Kind == Ended:
			v.ended = true
			if v.end == nil || v.end.overrides(*e) {
				v.end = e
			}
		case e.Kind == Refused && e.Code == CodeGone:
			v.ended = true
		case e.concerns(task) && (v.word == nil || e.overrides(*v.word)):
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
	for i := range l {
		if e := &l[i]; e.Task == task && e.Number == v.number && e.Kind == Started {
			v.refused = nil // one run was refused, and another one was not
		}
	}
	byID := func(a, b *Entry) int { return strings.Compare(a.ID(), b.ID()) } // the order of entries does not matter
	slices.SortFunc(v.running, byID)
	slices.SortFunc(v.stopping, byID)
	v.readTries(l)
	return v
}

// readTries finds out who may have asked for the last attempt.
func (v *view) readTries(l Ledger) {
	for _, e := range l {
		if e.Task != v.task || e.Number != v.number || v.number == 0 {
			continue
		}
		switch e.Kind {
		case Starting, Asking:
			if !slices.Contains(v.tries, e.Try) {
				v.tries = append(v.tries, e.Try)
			}
			if e.At.After(v.asked) {
				v.asked = e.At
			}
		case NotSent:
			v.gaveUp = append(v.gaveUp, e.Try)
		}
	}
	v.tries = slices.DeleteFunc(v.tries, func(try string) bool { return try != "" && slices.Contains(v.gaveUp, try) })
}

// answer reads what the service said to an attempt, and what was done about it.
func (v *view) answer(e, done *Entry) {
	switch e.Kind {
	case Refused:
		if e.Number == v.number {
			v.answered, v.refused = true, e
		}
	case Failed:
		if e.Number == v.number && (v.failed == nil || e.At.After(v.failed.At) || e.At.Equal(v.failed.At) &&
			e.ID() > v.failed.ID()) {
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

// maxTask is how long after it was asked for a task may run: no longer than its call's
// pipeline, which ends after eight hours at most (Amazon Chime SDK developer guide),
// and a quarter of an hour for clocks that differ.
const maxTask = 8*time.Hour + 15*time.Minute

// over reports, of a task that may have been asked for without an answer, whether it
// cannot run any more, and why.
func (v *view) over() (why string, over bool) {
	switch {
	case v.end != nil && v.end.Detail != "":
		return "the call is over: " + v.end.Detail, true
	case v.ended:
		return "the call is over", true
	case !v.now.Before(v.asked.Add(maxTask)):
		return "a call's pipeline ends after 8 hours at most", true
	}
	return "", false
}

// CodeGone is the service's code for a call that is over.
const CodeGone = "GoneException"
