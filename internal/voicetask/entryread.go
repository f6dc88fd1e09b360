package voicetask

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Unreadable is the kind of an entry whose kind cannot be read, or that is a grant whose
// scope or end cannot be read. It is never stored.
const Unreadable Kind = "unreadable"

// ReadEntry reads an entry from its JSON, as far as it can be read: what a newer version
// wrote in another form, or what is damaged, is left out. otherwise has the time and the
// event for an entry that has none that can be read.
//
// An entry of which something cannot be read is never a grant: it would be one with
// another scope or another end than was decided. It is Unreadable, and counts as a denial
// of what its scope covers, or of everything where the scope cannot be read.
func ReadEntry(body []byte, otherwise Entry) Entry {
	var e Entry
	if err := json.Unmarshal(body, &e); err == nil && e.Kind != "" {
		return e
	}
	e = Entry{}
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(body, &members) // what is no object has no members
	damaged := false
	for _, name := range slices.Sorted(maps.Keys(members)) {
		with := e
		one, err := json.Marshal(map[string]json.RawMessage{name: members[name]})
		if err == nil {
			err = json.Unmarshal(one, &with)
		}
		if err != nil {
			damaged = true
			continue
		}
		e = with
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
