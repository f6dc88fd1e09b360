package voicetask

import (
	"strings"
	"time"
)

// State is the state of a task on a call, in one word for people.
type State string

const (
	// StateWaiting: there is a decision, but the call is not ready for tasks.
	StateWaiting State = "waiting"
	// StateHeld: the call is ready, and there is no decision.
	StateHeld State = "held"
	// StateGranted: consent is in force and the task is not started; it is not
	// turned on, or is about to be started.
	StateGranted   State = "granted"
	StateDenied    State = "denied"
	StateWithdrawn State = "withdrawn"
	// StateLapsed: consent has expired.
	StateLapsed State = "lapsed"
	// StateStarting: the service was asked, or is about to be.
	StateStarting State = "starting"
	// StateUnresolved: as the entry Unresolved.
	StateUnresolved State = "unresolved"
	// StatePresumedStopped: it was unresolved, and the task, if there was one, cannot
	// run any more: the call is over, or 8 hours and 15 minutes have passed.
	StatePresumedStopped State = "presumed-stopped"
	// StateStarted: the task was started under consent. The ledger does not say
	// when it ends by itself.
	StateStarted State = "started"
	// StateStopping: consent is gone, and the task is about to be stopped.
	StateStopping State = "stopping"
	StateStopped  State = "stopped"
	// StateRefused: the service refused the task.
	StateRefused State = "refused"
	// StateExpired: the call was over before the task was started.
	StateExpired State = "expired"
)

// Standing is the state of one task on a call at a moment.
type Standing struct {
	Task  Task  `json:"task"`
	State State `json:"state"`
	// By and Until are those of the last decision.
	By    string    `json:"by,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// TaskID is the id of the task that the state is about: it is started, stopping or
	// stopped. It is empty for every other state, also where another task ran before.
	TaskID string `json:"taskId,omitempty"`
	// Detail is the service's reason for a refusal, and for a failure as long as what
	// failed is due; and why a task is presumed to be stopped.
	Detail string `json:"detail,omitempty"`
}

// Standings returns the state of each task; none for a task of which nothing is known.
func (l Ledger) Standings(now time.Time) []Standing {
	l = l.InOrder()
	list := []Standing{}
	for _, task := range Tasks() {
		v := l.view(task, now)
		s := Standing{Task: task, State: v.state()}
		if s.State == "" {
			continue
		}
		if v.decision != nil {
			s.By, s.Until = v.decision.By, v.decision.Until
		}
		switch s.State {
		case StateStarted:
			s.TaskID = v.running[0].TaskID
		case StateStopping:
			s.TaskID, s.Detail = append(v.stopping, v.running...)[0].TaskID, v.failure(true)
		case StateStopped:
			s.TaskID = v.started.TaskID
		case StatePresumedStopped:
			s.Detail, _ = v.over()
		case StateStarting, StateUnresolved:
			s.Detail = v.failure(false)
		case StateRefused, StateExpired:
			if v.refused != nil {
				s.Detail = v.refused.Detail
			}
		}
		list = append(list, s)
	}
	return list
}

// failure returns why the last attempt failed to stop its task, or to start it. A stop
// that fails names its task, a start cannot.
func (v view) failure(stop bool) string {
	if v.failed == nil || stop != (v.failed.TaskID != "") {
		return ""
	}
	return strings.TrimSuffix(v.failed.Code+": "+v.failed.Detail, ": ")
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
	case v.decision == nil && v.ready == nil:
		return ""
	case v.decision != nil && v.decision.Kind == Denied:
		return StateDenied
	case v.decision != nil && v.decision.Kind == Withdrawn:
		return StateWithdrawn
	case v.decision != nil && !v.inForce:
		return StateLapsed
	case v.ready == nil:
		return StateWaiting
	case v.ended:
		return StateExpired
	case v.decision == nil:
		return StateHeld
	}
	return StateGranted
}
