package eventbridge

import (
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
	maxRequest = 1 << 20 // bytes of all entries, as EventBridge counts them
	timeSize   = 14      // what it counts for a time
)

// Handler answers requests of the EventBridge JSON protocol.
func (b *Bus) Handler() http.Handler {
	return &awsprotocol.Service{JSONVersion: "1.1",
		Operations: map[string]awsprotocol.Operation{"PutEvents": awsprotocol.Op(b.putEvents)}}
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

// putEvents checks every entry by itself, as EventBridge does: the valid entries of a
// request go on the bus, the others are answered with their error.
func (b *Bus) putEvents(_ *http.Request, in putInput) (out putOutput, err error) {
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return out, awsprotocol.Errorf("ValidationException", "the request has %d entries and must have 1 to %d", n,
			maxEntries)
	}
	size := 0
	for _, entry := range in.Entries {
		size += entry.size()
	}
	if size > maxRequest {
		return out, awsprotocol.Errorf("ValidationException", "the entries have %d bytes and may have %d", size, maxRequest)
	}
	for _, entry := range in.Entries {
		result := putResult{EventID: awsprotocol.NewID()}
		if err := b.putEntry(result.EventID, entry); err != nil {
			out.FailedEntryCount++
			result = putResult{ErrorCode: err.Code, ErrorMessage: err.Message}
		}
		out.Entries = append(out.Entries, result)
	}
	return out, nil
}

func (b *Bus) putEntry(id string, entry putEntry) *awsprotocol.Error {
	at, refused := entry.check(b.options)
	if refused != nil {
		return refused
	}
	event, err := b.envelope(id, at, entry)
	if err == nil {
		b.options.Sent(event)
		err = b.Put(event)
	}
	if err != nil {
		return awsprotocol.Errorf("InternalFailure", "%v", err)
	}
	return nil
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

// check returns the event's time, or what is wrong with the entry.
func (e putEntry) check(o Options) (at time.Time, refused *awsprotocol.Error) {
	for _, required := range []struct{ name, value string }{
		{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail},
	} {
		if required.value == "" {
			return at, awsprotocol.Errorf("InvalidArgument",
				"Parameter %s is not valid. Reason: %[1]s is a required argument.", required.name)
		}
	}
	var detail map[string]json.RawMessage
	if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil || detail == nil {
		return at, awsprotocol.Errorf("MalformedDetail", "Detail is malformed: it must be one JSON object.")
	}
	// A real bus refuses all of aws.*. This one stands in for Amazon Chime too.
	if strings.HasPrefix(e.Source, "aws.") && e.Source != chime.Source {
		return at, awsprotocol.Errorf("NotAuthorizedForSourceException",
			"Not authorized for the source %s; the local bus accepts %s and sources outside aws.*", e.Source, chime.Source)
	}
	arn := "arn:aws:events:" + o.Region + ":" + o.Account + ":event-bus/" + Name
	if bus := e.EventBusName; bus != "" && bus != Name && bus != arn {
		return at, awsprotocol.Errorf("ResourceNotFoundException",
			"Event bus %s does not exist; the local stack has the bus %s.", bus, Name)
	}
	if e.Time == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseFloat(e.Time.String(), 64)
	if err != nil || seconds < 0 || seconds > maxEpoch {
		return at, awsprotocol.Errorf("InvalidArgument",
			"Parameter Time is not valid. Reason: %s is not an epoch second.", e.Time)
	}
	return time.Unix(int64(seconds), 0), nil
}

// maxEpoch is the last second of the year 9999, the last that RFC 3339 can express.
const maxEpoch = 253402300799

// envelope returns the event that targets receive. The text of the detail is unchanged.
func (b *Bus) envelope(id string, at time.Time, entry putEntry) ([]byte, error) {
	return awsprotocol.EncodeJSON(struct {
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
		b.options.Region, append([]string{}, entry.Resources...), json.RawMessage(entry.Detail),
	})
}
