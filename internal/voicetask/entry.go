// Package voicetask says which voice-analytics tasks may run on a call. What is
// known of a call is a ledger of entries that are only ever added: what people
// said, what the service said, and what was decided and done. Ledger.Next gives
// the steps that are due. The package calls no service and reads no clock.
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

// The tasks.
const (
	SpeakerSearch Task = "speaker-search"
	VoiceTone     Task = "voice-tone"
)

// Tasks returns both tasks, in a fixed order.
func Tasks() []Task { return []Task{SpeakerSearch, VoiceTone} }

// Scope is what somebody speaks about: one task, or both.
type Scope string

// The scopes.
const (
	ScopeSpeakerSearch Scope = Scope(SpeakerSearch)
	ScopeVoiceTone     Scope = Scope(VoiceTone)
	ScopeBoth          Scope = "both"
)

// Covers reports whether the scope holds the task.
func (s Scope) Covers(t Task) bool { return s == ScopeBoth || s == Scope(t) }

// Kind is what an entry tells.
type Kind string

// What people and the service said.
const (
	// Ready: the service takes tasks for the transaction on the Voice Connector.
	Ready Kind = "ready"
	// Granted, Denied and Withdrawn: By said so, for Scope. Denied and Withdrawn
	// mean the same for the tasks.
	Granted   Kind = "granted"
	Denied    Kind = "denied"
	Withdrawn Kind = "withdrawn"
	// Ended: the call is over.
	Ended Kind = "ended"
)

// What was decided and done. Those with a number belong to one attempt to run a task.
const (
	// Waiting: somebody consented or refused before the call was ready.
	Waiting Kind = "waiting"
	// Held: nobody has consented yet.
	Held Kind = "held"
	// NotStarted: the last word of the people is no, or their consent has run out.
	NotStarted Kind = "not-started"
	// Expired: the call was over before the task could be started.
	Expired Kind = "expired"
	// Off: the deployer has not turned the task on.
	Off Kind = "off"
	// Starting: a start was decided; it is written before the service is called.
	// Whoever writes it is the first that may ask the service, as by Asking.
	Starting Kind = "starting"
	// Asking: one more run of a function, Try, may ask the service for the start;
	// it is written before the service is called.
	Asking Kind = "asking"
	// NotSent: the run Try has started no task: it did not ask the service, or, with
	// a Code, the service answered that it did not do it.
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

// System is who decides and acts where no person does.
const System = "chimewatch"

// Entry is one line of a ledger: who, what, when, which event, which task. Its
// JSON is what the table keeps and what chimewatch prints.
type Entry struct {
	Kind Kind `json:"kind"`
	// At is when somebody said it, by the event, but for a yes from the future,
	// which is as of its arrival; of what the system decided and did, it is by the
	// clock of the function.
	At time.Time `json:"at"`
	// Event is the id of the event that said it, or that made the system act.
	Event string `json:"eventId,omitempty"`
	// By is who said it; System for what the system decided and did.
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
	// Consent is the id of the event that said yes or no, as far as the decision
	// follows from it.
	Consent string `json:"consentEventId,omitempty"`
	// Token makes it safe to ask the service for the same start again.
	Token string `json:"token,omitempty"`
	// Try is the run of a function that may ask the service for the start. It is empty
	// in entries that were written before there was one: anybody may have asked.
	Try string `json:"try,omitempty"`
	// TaskID is the service's id of the running task.
	TaskID string `json:"taskId,omitempty"`
	// Code and Detail are the reason: of a refusal or a failure the service's, else
	// the word that the decision follows.
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// ID tells entries of one ledger apart: the same one, however often it is
// written, has the same id, whatever its time. It is printable ASCII as far as
// the event ids are, and sorts what people said before what was done.
func (e Entry) ID() string {
	switch e.Kind {
	case Ready, Ended:
		return "1#" + string(e.Kind) + "#" + e.Event
	case Granted, Denied, Withdrawn:
		return "2#consent#" + e.Event
	case Starting, Refused:
		return fmt.Sprintf("3#%s#%04d#%s", e.Task, e.Number, e.Kind)
	case Asking, NotSent:
		return fmt.Sprintf("3#%s#%04d#%s#%s", e.Task, e.Number, e.Kind, e.Try)
	case Started, Stopping, Stopped:
		return fmt.Sprintf("3#%s#%04d#%s#%s", e.Task, e.Number, e.Kind, e.TaskID)
	case Failed: // once for each reason, however often it is tried
		return fmt.Sprintf("3#%s#%04d#%s#%s#%s", e.Task, e.Number, e.Kind, e.TaskID, e.Code)
	}
	switch {
	case e.Kind.explains():
		// The same decision for the same reason is one entry, whatever made the
		// system decide it again.
		return strings.Join([]string{"4", string(e.Task), string(e.Kind), e.Consent}, "#")
	case e.isWord():
		return "2#consent#" + e.Event
	}
	return fmt.Sprintf("5#%s#%s#%04d#%s#%s#%s#%s", e.Kind, e.Task, e.Number, e.TaskID, e.Try, e.Consent, e.Event)
}

// isConsent reports that people said it.
func (e Entry) isConsent() bool {
	return e.Kind == Granted || e.Kind == Denied || e.Kind == Withdrawn
}

// known reports whether this version knows the kind.
func (k Kind) known() bool {
	switch k {
	case Ready, Granted, Denied, Withdrawn, Ended, Starting, Asking, NotSent, Started, Refused, Stopping, Failed, Stopped:
		return true
	}
	return k.explains()
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

// isWord reports whether people said it, or may have: an entry of a kind that this
// version does not know, but with a scope. Such a word is never a yes, and counts as
// a no as long as nobody has said yes after it.
func (e Entry) isWord() bool { return e.isConsent() || !e.Kind.known() && e.Scope != "" }

// concerns reports whether the entry is a word on the task. A word whose scope this
// version does not know concerns every task, unless it is a yes.
func (e Entry) concerns(t Task) bool {
	known := e.Scope == ScopeBoth || e.Scope == ScopeSpeakerSearch || e.Scope == ScopeVoiceTone
	return e.isWord() && (e.Scope.Covers(t) || !known && e.Kind != Granted)
}

// inForce reports whether consent that nothing newer overrides holds at a moment.
func (e Entry) inForce(now time.Time) bool {
	return e.Kind == Granted && (e.Until.IsZero() || now.Before(e.Until))
}

// overrides reports whether e is said later than the other. Of two that were said
// at the same moment the more careful one counts; then the id decides, so that
// the order of arrival does not.
func (e Entry) overrides(other Entry) bool {
	if order := e.At.Compare(other.At); order != 0 {
		return order > 0
	}
	if yes, otherYes := e.Kind == Granted, other.Kind == Granted; yes != otherYes {
		return otherYes
	}
	return e.Event > other.Event
}

// tokenOf is the same for every try of one attempt, and of nothing else. The
// service takes 2 to 64 letters, digits, hyphens and underscores
// (ClientRequestToken of StartSpeakerSearchTask in the API reference).
func tokenOf(transactionID string, task Task, consent string, number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %d", transactionID, task, consent, number))
	return hex.EncodeToString(sum[:20])
}
