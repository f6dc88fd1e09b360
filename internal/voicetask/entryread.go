package voicetask

import (
	"encoding/json"
	"time"
)

// Unreadable is the kind of an entry of which the kind cannot be read, or that says yes
// but not for what or how long. It is never stored.
const Unreadable Kind = "unreadable"

// ReadEntry reads an entry from its JSON, as far as it can be read: what a newer version has
// written otherwise, or damaged, is left out. otherwise has the time and the event for
// where the entry has none that can be read.
//
// An entry of which something cannot be read is never a yes: it would be one with
// another scope or another end than was said. It is Unreadable, and counts as a no on
// what its scope covers, on everything where that cannot be read.
func ReadEntry(body []byte, otherwise Entry) Entry {
	var e Entry
	if err := json.Unmarshal(body, &e); err == nil && e.Kind != "" {
		return e
	}
	e = Entry{}
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(body, &members) // what is no object has no members
	damaged := false
	texts := map[string]*string{
		"kind": (*string)(&e.Kind), "eventId": &e.Event, "by": &e.By,
		"transactionId": &e.TransactionID, "callId": &e.CallID, "voiceConnectorId": &e.VoiceConnectorID,
		"scope": (*string)(&e.Scope), "task": (*string)(&e.Task), "consentEventId": &e.Consent,
		"token": &e.Token, "try": &e.Try, "taskId": &e.TaskID, "code": &e.Code, "detail": &e.Detail,
	}
	for name, value := range members {
		var target any
		switch name {
		case "at":
			target = &e.At
		case "until":
			target = &e.Until
		case "number":
			target = &e.Number
		default:
			if text := texts[name]; text != nil {
				target = text
			}
		}
		if target != nil && json.Unmarshal(value, target) != nil {
			damaged = true
			reset(target)
		}
	}
	if e.At.IsZero() {
		e.At = otherwise.At
	}
	if e.Event == "" {
		e.Event = otherwise.Event
	}
	if e.Kind == "" || damaged && e.Kind == Granted {
		e.Kind, e.Until = Unreadable, time.Time{}
	}
	if e.Scope == "" && e.Task == "" && !e.Kind.known() {
		e.Scope = ScopeBoth
	}
	return e
}

// reset empties what json.Unmarshal may have filled in part.
func reset(target any) {
	switch t := target.(type) {
	case *string:
		*t = ""
	case *time.Time:
		*t = time.Time{}
	case *int:
		*t = 0
	}
}
