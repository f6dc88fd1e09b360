package voicetask

import (
	"slices"
	"time"
)

// view is what the ledger says of one task at a moment.
type view struct {
	task Task
	now  time.Time
	// ready is the first readiness of the call, nil before it.
	ready *Entry
	// ended reports that the call is over, end is the first entry Ended, if there is one.
	ended bool
	end   *Entry
	// decision is the last decision of people on the task; nil where there is none. inForce
	// reports whether it is a grant that has not expired.
	decision *Entry
	inForce  bool

	// The rest is about attempts. number is that of the last one, zero where there is
	// none, and starting its entry.
	number   int
	starting *Entry
	// started, refused and failed are the last such entries of the last attempt. refused
	// is nil where one run was refused, and another one was not.
	started, refused, failed *Entry
	// answered reports that the service answered the last attempt.
	answered bool
	// tries are the runs that may have asked the service for the last attempt, without
	// gaveUp, those that wrote that they have started nothing. An empty one stands for
	// any run. asked is when the last of them wrote that it may ask.
	tries, gaveUp []string
	asked         time.Time
	// running are the entries Started without one Stopped, of all attempts, and stopping
	// the entries that decided to stop one of these.
	running, stopping []*Entry
}

// view returns what the ledger, which must be InOrder, says of a task.
func (l Ledger) view(task Task, now time.Time) view {
	v := view{task: task, now: now}
	stopping, stopped := map[string]*Entry{}, map[string]bool{} // by task id
	for i := range l {
		e := &l[i]
		ofTask := e.Task == task
		switch {
		case e.Kind == Ready && v.ready == nil:
			v.ready = e
		case e.Kind == Ended:
			v.ended = true
			if v.end == nil {
				v.end = e
			}
		case e.Kind == Refused && e.Code == CodeGone:
			v.ended = true
		case e.concerns(task) && (v.decision == nil || e.overrides(*v.decision)):
			v.decision = e
		case ofTask && e.Kind == Starting && e.Number > v.number:
			v.number, v.starting = e.Number, e
		case ofTask && e.Kind == Stopping:
			stopping[e.TaskID] = e
		case ofTask && e.Kind == Stopped:
			stopped[e.TaskID] = true
		}
	}
	v.inForce = v.decision != nil && v.decision.inForce(now)
	for i := range l {
		e := &l[i]
		if e.Task != task {
			continue
		}
		if e.Kind == Started && !stopped[e.TaskID] {
			v.running = append(v.running, e)
			if stop := stopping[e.TaskID]; stop != nil {
				v.stopping = append(v.stopping, stop)
			}
		}
		if e.Number == v.number {
			v.readAttempt(e)
		}
	}
	v.answered = v.started != nil || v.refused != nil
	if v.started != nil {
		v.refused = nil
	}
	v.tries = slices.DeleteFunc(v.tries, func(try string) bool { return try != "" && slices.Contains(v.gaveUp, try) })
	slices.Sort(v.tries)
	v.tries = slices.Compact(v.tries)
	return v
}

// readAttempt reads an entry of the last attempt.
func (v *view) readAttempt(e *Entry) {
	switch e.Kind {
	case Starting, Asking:
		v.tries, v.asked = append(v.tries, e.Try), e.At
	case NotSent:
		v.gaveUp = append(v.gaveUp, e.Try)
	case Started:
		v.started = e
	case Refused:
		v.refused = e
	case Failed:
		v.failed = e
	}
}

// maxTask is how long after it was asked for a task may run: no longer than its call's
// pipeline, which ends after eight hours at most (Amazon Chime SDK developer guide),
// and a quarter of an hour for clocks that differ.
const maxTask = 8*time.Hour + 15*time.Minute

// over reports, of a task that may have been asked for without an answer, whether it
// cannot run any more, and why.
func (v view) over() (why string, over bool) {
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
