package chime

import (
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// RehearsalPrefix begins every id of a rehearsed event: the event's own, and the
// ids of the pipeline, transaction, call and task that it is about. Parse adds
// it, and accepts no other event with an id that begins so. Whatever is stored under
// one of these ids is therefore apart from what real events are about.
const RehearsalPrefix = "rehearsal-"

// IsRehearsal reports whether an id is the id of a rehearsal.
func IsRehearsal(id string) bool { return strings.HasPrefix(id, RehearsalPrefix) }

// Separate returns the id under which something is stored that an event of the source
// names id: with RehearsalPrefix for RehearsalSource, else as it is. ok is false for
// an id that an event of the source cannot have, as it is one of a rehearsal. An
// empty id stays empty.
func Separate(source, id string) (kept string, ok bool) {
	switch {
	case id == "":
		return "", true
	case source == RehearsalSource:
		return RehearsalPrefix + id, true
	}
	return id, !IsRehearsal(id)
}

// pipelineResource is what an ARN has before a pipeline's id.
const pipelineResource = ":media-pipeline/"

// separate is Separate for an id in the detail, which may have something before it. An id
// that the event cannot have is kept as metadata, like a value of an unexpected type.
func (p *parser) separate(key, before string, id *string, rest *map[string]json.RawMessage) {
	kept, ok := Separate(p.ev.Source, *id)
	if !ok {
		quoted, _ := jsontext.AppendQuote(nil, before+*id) // what textOf returned is valid UTF-8, which can be quoted
		keepRaw(rest, []byte(key), quoted)
		*id = ""
		return
	}
	*id = before + kept
}

// separateCall separates the ids of a call.
func (p *parser) separateCall(c *CallFields, rest *map[string]json.RawMessage) {
	p.separate("transactionId", "", &c.TransactionID, rest)
	p.separate("callId", "", &c.CallID, rest)
}
