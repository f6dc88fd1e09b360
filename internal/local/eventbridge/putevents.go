package eventbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

const (
	maxEntries = 10
	maxRequest = 1 << 20 // bytes of all entries, as EventBridge reckons them
	timeSize   = 14      // what it reckons for a given time
)

// Handler answers requests of the EventBridge JSON protocol.
func (b *Bus) Handler() http.Handler {
	return &awsprotocol.JSONService{Version: "1.1", Operations: map[string]awsprotocol.Operation{"PutEvents": awsprotocol.Op(b.putEvents)}}
}

type putInput struct {
	Entries []putEntry
}

type putEntry struct {
	Time         json.Number // epoch seconds
	Source       string
	Resources    []string
	DetailType   string
	Detail       string
	EventBusName string
}

type putOutput struct {
	FailedEntryCount int
	Entries          []putResult
}

type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// putEvents judges every entry by itself, as EventBridge does: the good ones of
// a request go on the bus, the others are answered with their error.
func (b *Bus) putEvents(_ context.Context, in putInput) (putOutput, error) {
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return putOutput{}, awsprotocol.Errorf("ValidationException", "the request has %d entries and must have 1 to %d", n, maxEntries)
	}
	size := 0
	for _, entry := range in.Entries {
		size += entry.size()
	}
	if size > maxRequest {
		return putOutput{}, awsprotocol.Errorf("ValidationException", "the entries have %d bytes and may have %d", size, maxRequest)
	}
	var out putOutput
	for _, entry := range in.Entries {
		id, err := b.putEntry(entry)
		result := putResult{EventID: id}
		if err != nil {
			out.FailedEntryCount++
			result = putResult{ErrorCode: err.Code, ErrorMessage: err.Message}
		}
		out.Entries = append(out.Entries, result)
	}
	return out, nil
}

func (b *Bus) putEntry(entry putEntry) (string, *awsprotocol.Error) {
	at, refusal := entry.check(b.options)
	if refusal != nil {
		return "", refusal
	}
	id := awsprotocol.NewID()
	event, err := b.envelope(id, at, entry)
	if err == nil && b.options.Sent != nil {
		b.options.Sent(event)
	}
	if err == nil {
		err = b.Put(event)
	}
	if err != nil {
		return "", awsprotocol.Errorf("InternalFailure", "%v", err)
	}
	return id, nil
}

func (e putEntry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != "" {
		size += timeSize
	}
	for _, resource := range e.Resources {
		size += len(resource)
	}
	return size
}

// check gives the event's time, or what is wrong with the entry.
func (e putEntry) check(o Options) (time.Time, *awsprotocol.Error) {
	for _, required := range []struct{ name, value string }{
		{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail},
	} {
		if required.value == "" {
			return time.Time{}, awsprotocol.Errorf("InvalidArgument", "Parameter %s is not valid. Reason: %s is a required argument.", required.name, required.name)
		}
	}
	var detail map[string]json.RawMessage
	if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil || detail == nil {
		return time.Time{}, awsprotocol.Errorf("MalformedDetail", "Detail is malformed: it must be one JSON object.")
	}
	// A real bus refuses all of aws.*. This one stands in for Amazon Chime too.
	if strings.HasPrefix(e.Source, "aws.") && e.Source != chime.Source {
		return time.Time{}, awsprotocol.Errorf("NotAuthorizedForSourceException", "Not authorized for the source %s; the local bus takes %s and sources outside aws.*", e.Source, chime.Source)
	}
	if bus := e.EventBusName; bus != "" && bus != Name && bus != "arn:aws:events:"+o.Region+":"+o.Account+":event-bus/"+Name {
		return time.Time{}, awsprotocol.Errorf("ResourceNotFoundException", "Event bus %s does not exist; the local stack has the bus %s.", bus, Name)
	}
	if e.Time == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseFloat(e.Time.String(), 64)
	if err != nil || seconds < 0 || seconds > maxEpoch {
		return time.Time{}, awsprotocol.Errorf("InvalidArgument", "Parameter Time is not valid. Reason: %s is not an epoch second.", e.Time)
	}
	return time.Unix(int64(seconds), 0), nil
}

// maxEpoch is the last second of the year 9999, the last that RFC 3339 can say.
const maxEpoch = 253402300799

// envelope builds what targets get. The detail keeps the text it came with.
func (b *Bus) envelope(id string, at time.Time, entry putEntry) ([]byte, error) {
	resources := entry.Resources
	if resources == nil {
		resources = []string{}
	}
	var event bytes.Buffer
	encoder := json.NewEncoder(&event)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(struct {
		Version    string          `json:"version"`
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Time       string          `json:"time"`
		Region     string          `json:"region"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}{
		"0", id, entry.DetailType, entry.Source, b.options.Account, at.UTC().Format(time.RFC3339),
		b.options.Region, resources, json.RawMessage(entry.Detail),
	})
	return bytes.TrimSpace(event.Bytes()), err
}
