package voicetask

import (
	"strings"
	"time"
)

// State is how a task stands, in one word for people.
type State string

// The states of a task on a call.
const (
	// StateWaiting: somebody has spoken, but the call is not ready for tasks.
	StateWaiting State = "waiting"
	// StateHeld: the call is ready, and nobody has spoken.
	StateHeld State = "held"
	// StateGranted: consent is in force and the task is not started; it is not
	// turned on, or is about to be started.
	StateGranted   State = "granted"
	StateDenied    State = "denied"
	StateWithdrawn State = "withdrawn"
	// StateLapsed: the time that consent was given for is over.
	StateLapsed State = "lapsed"
	// StateStarting: the service was asked, or is about to be.
	StateStarting State = "starting"
	// StateUnresolved: as the entry Unresolved.
	StateUnresolved State = "unresolved"
	// StatePresumedStopped: it was unresolved, and the task, if there was one, cannot
	// run any more: the call is over, or 8 hours and 15 minutes have passed.
	StatePresumedStopped State = "presumed-stopped"
	// StateStarted: the task was started under consent. The ledger does not tell
	// when it ends by itself.
	StateStarted State = "started"
	// StateStopping: consent is gone, and the task is about to be stopped.
	StateStopping State = "stopping"
	StateStopped  State = "stopped"
	// StateRefused: the service did not take the task.
	StateRefused State = "refused"
	// StateExpired: the call was over before the task was started.
	StateExpired State = "expired"
)

// Standing is how one task stands on a call at a moment.
type Standing struct {
	Task  Task  `json:"task"`
	State State `json:"state"`
	// By and Until are those of the last word of the people.
	By    string    `json:"by,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// TaskID is the id of the task that the state is about: it is started, stopping or
	// stopped. It is empty for every other state, also where another task ran before.
	TaskID string `json:"taskId,omitempty"`
	// ConsentDetail is the service's reason for a refusal, and for a failure as long as
	// what failed is due; and why a task is presumed to be stopped.
	Detail string `json:"detail,omitempty"`
}

// Standings returns how each task stands; none for a task of which nothing is known.
func (l Ledger) Standings(now time.Time) []Standing {
	list := []Standing{}
	for _, task := range Tasks() {
		v := l.view(task, now)
		s := Standing{Task: task, State: v.state()}
		if s.State == "" {
			continue
		}
		if v.word != nil {
			s.By, s.Until = v.word.By, v.word.Until
		}
		switch s.State {
		case StateStarted:
			s.TaskID = v.running[0].TaskID
		case StateStopping:
			s.TaskID = v.running[0].TaskID
			if len(v.stopping) > 0 {
				s.TaskID = v.stopping[0].TaskID
			}
		case StateStopped:
			s.TaskID = l.lastTask(task, v.number)
		case StatePresumedStopped:
			s.Detail, _ = v.over()
		}
		switch s.State {
		case StateRefused, StateExpired:
			if v.refused != nil {
				s.Detail = v.refused.Detail
			}
		case StateStarting, StateUnresolved, StateStopping:
			// A stop that fails names its task, a start cannot.
			if v.failed != nil && (v.failed.TaskID != "") == (s.State == StateStopping) {
				s.Detail = strings.TrimSuffix(v.failed.Code+": "+v.failed.Detail, ": ")
			}
		}
		list = append(list, s)
	}
	return list
}

// lastTask returns the id of the task that the service started last in an attempt.
func (l Ledger) lastTask(task Task, number int) (id string) {
	for _, e := range l.InOrder() {
		if e.Task == task && e.Kind == Started && e.Number == number {
			id = e.TaskID
		}
	}
	return id
}

func (v view) state() State {
	switch {
	case len(v.stopping) > 0, len(v.running) > 0 && !v.inForce:
		return StateStopping
	case len(v.running) > 0:
		return StateStarted
	case v.number > 0 && !v.answered:
		return v.stateUnanswered()
	case v.refused != nil && (v.refused.Code == CodeGone || v.refused.Code == CodeNotFound):
		return StateExpired
	case v.refused != nil:
		return StateRefused
	case v.number > 0 && !v.inForce:
		return StateStopped
	}
	return v.stateBefore()
}

// stateUnanswered is the state of an attempt that the service has not answered.
func (v view) stateUnanswered() State {
	asked := len(v.tries) > 0 // perhaps
	_, over := v.over()
	switch {
	case v.inForce && (asked || !v.ended):
		return StateStarting
	case !asked:
		return v.stateBefore()
	case over:
		return StatePresumedStopped
	}
	return StateUnresolved
}

// stateBefore is the state while no attempt is under way.
func (v view) stateBefore() State {
	switch {
	case v.word == nil && v.ready == nil:
		return ""
	case v.word != nil && v.word.Kind == Denied:
		return StateDenied
	case v.word != nil && v.word.Kind == Withdrawn:
		return StateWithdrawn
	case v.word != nil && !v.inForce:
		return StateLapsed
	case v.ready == nil:
		return StateWaiting
	case v.ended:
		return StateExpired
	case v.word == nil:
		return StateHeld
	}
	return StateGranted
}

// CodeNotFound is the service's code for a call that it does not know any more.
const CodeNotFound = "NotFoundException"
