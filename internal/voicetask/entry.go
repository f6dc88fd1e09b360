// Package voicetask starts and stops voice tasks with consent. What is known of a call
// is a ledger of entries that are only ever added: what people decided, what the service
// reported, and what was decided and done about it. Ledger.Next returns the steps that
// are due; a TaskRunner does them. A Service stores what comes in, and calls the runner.
package voicetask

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Task is a kind of voice-analytics task.
type Task string

const (
	SpeakerSearch Task = "speaker-search"
	VoiceTone     Task = "voice-tone"
)

// Tasks returns both tasks, in a fixed order.
func Tasks() []Task { return []Task{SpeakerSearch, VoiceTone} }

// Scope is what a decision is about: one task, or both.
type Scope string

const (
	ScopeSpeakerSearch Scope = Scope(SpeakerSearch)
	ScopeVoiceTone     Scope = Scope(VoiceTone)
	ScopeBoth          Scope = "both"
)

// Covers reports whether the scope includes the task.
func (s Scope) Covers(t Task) bool { return s == ScopeBoth || s == Scope(t) }

// known reports whether this version knows the scope.
func (s Scope) known() bool { return s == ScopeSpeakerSearch || s == ScopeVoiceTone || s == ScopeBoth }

// Kind is what an entry is about.
type Kind string

// What people and the service reported.
const (
	// Ready: the service accepts tasks for the transaction on the Voice Connector.
	Ready Kind = "ready"
	// Granted, Denied and Withdrawn: By decided so, for Scope. Denied and Withdrawn
	// mean the same for the tasks.
	Granted   Kind = "granted"
	Denied    Kind = "denied"
	Withdrawn Kind = "withdrawn"
	// Ended: the call is over.
	Ended Kind = "ended"
)

// What was decided and done. Those with a number belong to one attempt to run a task.
const (
	// Waiting: there was a decision before the call was ready.
	Waiting Kind = "waiting"
	// Held: nobody has decided yet.
	Held Kind = "held"
	// NotStarted: the last decision is no, or consent has expired.
	NotStarted Kind = "not-started"
	// Expired: the call was over before the task could be started.
	Expired Kind = "expired"
	// Off: the deployer has not turned the task on.
	Off Kind = "off"
	// Starting: a start was decided; it is written before the service is called.
	// The run that writes it is the first that may ask the service, as by Asking.
	Starting Kind = "starting"
	// Asking: one more run of a function, Try, may ask the service for the start;
	// it is written before the service is called.
	Asking Kind = "asking"
	// NotSent: the run Try has started no task: it did not ask the service, or, with
	// a Code, the service answered that it started none.
	NotSent Kind = "not-sent"
	// Started: the service runs the task TaskID.
	Started Kind = "started"
	// Refused: the service will not run the task, for the reason in Code and Detail.
	Refused Kind = "refused"
	// Unresolved: consent ended while a run may have asked for the start, whose
	// answer is not known. Nothing can be stopped before the task's id is known.
	Unresolved Kind = "unresolved"
	// Stopping: a stop was decided; it is written before the service is called.
	Stopping Kind = "stopping"
	// Failed: the service did not do what was decided, for the reason in Code and
	// Detail. It decides nothing: what was decided is tried again.
	Failed Kind = "failed"
	// Stopped: the task does not run any more.
	Stopped Kind = "stopped"
)

// System is By where no person decides or acts.
const System = "chimewatch"

// Entry is one line of a ledger: who, what, when, which event, which task. Its
// JSON is what the table stores and what chimewatch prints.
type Entry struct {
	Kind Kind `json:"kind"`
	// At is the time of the event, except that a grant from the future is as of its
	// arrival; of what the system decided and did, it is by the clock of the function.
	At time.Time `json:"at"`
	// Event is the id of the event that reported it, or that made the system act.
	Event string `json:"eventId,omitempty"`
	// By is who decided; System for what the system decided and did.
	By string `json:"by,omitempty"`

	TransactionID    string `json:"transactionId,omitempty"`
	CallID           string `json:"callId,omitempty"`
	VoiceConnectorID string `json:"voiceConnectorId,omitempty"`

	// Scope and Until are those of consent; Until is zero where it has no end.
	Scope Scope     `json:"scope,omitempty"`
	Until time.Time `json:"until,omitzero"`

	Task Task `json:"task,omitempty"`
	// Number counts the attempts to run the task on the call, from 1; zero where
	// the entry belongs to none.
	Number int `json:"number,omitempty"`
	// Consent is the id of the consent event that the entry follows from.
	Consent string `json:"consentEventId,omitempty"`
	// Token makes it safe to ask the service for the same start again.
	Token string `json:"token,omitempty"`
	// Try is the run of a function that may ask the service for the start. It is empty
	// in entries of versions without it: any run may have asked.
	Try string `json:"try,omitempty"`
	// TaskID is the service's id of the running task.
	TaskID string `json:"taskId,omitempty"`
	// Code and Detail are the reason: of a refusal or a failure the service's, else
	// the decision that the entry follows from.
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// ID identifies the entry in its ledger: the same entry, however often it is written, has
// the same id, whatever its time. It is printable ASCII as far as the event ids are, and
// sorts what people decided before what was done.
func (e Entry) ID() string {
	attempt := fmt.Sprintf("3#%s#%04d#%s", e.Task, e.Number, e.Kind)
	switch e.Kind {
	case Ready, Ended:
		return "1#" + string(e.Kind) + "#" + e.Event
	case Starting, Refused:
		return attempt
	case Asking, NotSent:
		return attempt + "#" + e.Try
	case Started, Stopping, Stopped:
		return attempt + "#" + e.TaskID
	case Failed: // once for each reason, however often it is tried
		return attempt + "#" + e.TaskID + "#" + e.Code
	}
	switch {
	case e.isDecision():
		return "2#consent#" + e.Event
	case e.Kind.explains(): // once for each decision, whatever made the system explain it again
		return strings.Join([]string{"4", string(e.Task), string(e.Kind), e.Consent}, "#")
	}
	return fmt.Sprintf("5#%s#%s#%04d#%s#%s#%s#%s", e.Kind, e.Task, e.Number, e.TaskID, e.Try, e.Consent, e.Event)
}

// isConsent reports whether the kind is a decision of people.
func (k Kind) isConsent() bool { return k == Granted || k == Denied || k == Withdrawn }

// known reports whether this version knows the kind.
func (k Kind) known() bool {
	switch k {
	case Ready, Ended, Starting, Asking, NotSent, Started, Refused, Stopping, Failed, Stopped:
		return true
	}
	return k.isConsent() || k.explains()
}

// explains reports whether the kind only says why nothing is started or stopped. No
// decision depends on such an entry.
func (k Kind) explains() bool {
	switch k {
	case Waiting, Held, NotStarted, Expired, Off, Unresolved:
		return true
	}
	return false
}

// isDecision reports whether people decided, or may have: an entry of a kind that this
// version does not know, but with a scope. Such a decision is never a grant, and counts
// as a denial as long as no grant is later.
func (e Entry) isDecision() bool { return e.Kind.isConsent() || !e.Kind.known() && e.Scope != "" }

// concerns reports whether the entry is a decision on the task. One whose scope this
// version does not know concerns every task, unless it is a grant.
func (e Entry) concerns(t Task) bool {
	return e.isDecision() && (e.Scope.Covers(t) || !e.Scope.known() && e.Kind != Granted)
}

// inForce reports whether consent that nothing newer overrides holds at a moment.
func (e Entry) inForce(now time.Time) bool {
	return e.Kind == Granted && (e.Until.IsZero() || now.Before(e.Until))
}

// overrides reports whether decision e is later than the other. Of two of the same moment
// the more careful one counts; then the id decides, so that the order of arrival does not.
func (e Entry) overrides(other Entry) bool {
	if order := e.At.Compare(other.At); order != 0 {
		return order > 0
	}
	if granted := other.Kind == Granted; granted != (e.Kind == Granted) {
		return granted
	}
	return e.Event > other.Event
}

// tokenOf is the same for every try of one attempt, and differs for all else. The
// service accepts 2 to 64 letters, digits, hyphens and underscores
// (ClientRequestToken of StartSpeakerSearchTask in the API reference).
func tokenOf(transactionID string, task Task, consent string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", transactionID, task, consent, number))
	return hex.EncodeToString(sum[:20])
}
