package chime

import (
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// RehearsalPrefix begins every id of a rehearsed event: the event's own, and the
// ids of the pipeline, transaction, call and task that it is about. Parse adds
// it, and accepts no other event with an id that begins so. Whatever is kept by
// one of these ids is therefore apart from what real events are about.
const RehearsalPrefix = "rehearsal-"

// IsRehearsal reports whether an id is the id of a rehearsal.
func IsRehearsal(id string) bool { return strings.HasPrefix(id, RehearsalPrefix) }

// Separate returns the id by which what an event of the source names as id is
// kept: with RehearsalPrefix for RehearsalSource, else as it is. ok is false for
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

// separate is Separate for a field of the detail. An id that the event cannot
// have is kept as metadata, like a value of an unexpected type.
func (p *parser) separate(key string, id *string, rest *map[string]json.RawMessage) {
	p.separateAfter("", key, id, rest)
}

// separateARN is separate for the ARN of a pipeline.
func (p *parser) separateARN(key string, arn *string, rest *map[string]json.RawMessage) {
	before, id := SplitPipelineARN(*arn)
	*arn = id
	p.separateAfter(before, key, arn, rest)
}

// separateAfter is separate for a field that has something before the id.
func (p *parser) separateAfter(before, key string, id *string, rest *map[string]json.RawMessage) {
	kept, ok := Separate(p.ev.Source, *id)
	if !ok {
		quoted, _ := jsontext.AppendQuote(nil, before+*id) // what textOf returned is valid UTF-8, which can be quoted
		keepRaw(rest, key, quoted)
		*id = ""
		return
	}
	*id = before + kept
}

// separateCall separates the ids of a call.
func (p *parser) separateCall(c *CallFields, rest *map[string]json.RawMessage) {
	p.separate("transactionId", &c.TransactionID, rest)
	p.separate("callId", &c.CallID, rest)
}
