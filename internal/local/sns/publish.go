package sns

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// maxBatch is how many entries a batch may have; together they may be as long as one
// message (PublishBatch in the SNS API reference).
const maxBatch = 10

type batchResult struct {
	Successful []batchSent   `xml:"Successful>member"`
	Failed     []batchFailed `xml:"Failed>member"`
}

type batchSent struct {
	ID        string `xml:"Id"`
	MessageID string `xml:"MessageId"`
}

type batchFailed struct {
	ID          string `xml:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// entryID is an id of an entry.
var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// publishBatch publishes each entry by itself: those that are refused do not keep the
// others from being published.
func (s *Service) publishBatch(form url.Values) (any, error) {
	arn := form.Get("TopicArn")
	if err := s.known(arn); err != nil {
		return nil, err
	}
	entries := members(form, "PublishBatchRequestEntries.member.")
	if err := checkBatch(entries); err != nil {
		return nil, err
	}
	var out batchResult
	for _, entry := range entries {
		m, err := message(arn, entry)
		var e *awsprotocol.Error
		switch {
		case errors.As(err, &e):
			out.Failed = append(out.Failed, batchFailed{entry.Get("Id"), e.Code, e.Message, true})
		case err != nil:
			out.Failed = append(out.Failed, batchFailed{entry.Get("Id"), "InternalError", err.Error(), false})
		default:
			s.accept(m)
			out.Successful = append(out.Successful, batchSent{entry.Get("Id"), m.ID})
		}
	}
	return out, nil
}

// members returns the fields of the elements of a list, which are numbered from 1.
func members(form url.Values, list string) []url.Values {
	var all []url.Values
	for i := 1; ; i++ {
		element, before := url.Values{}, list+strconv.Itoa(i)+"."
		for name, values := range form {
			if field, ok := strings.CutPrefix(name, before); ok {
				element[field] = values
			}
		}
		if len(element) == 0 {
			return all
		}
		all = append(all, element)
	}
}

// checkBatch refuses a batch as a whole.
func checkBatch(entries []url.Values) error {
	if len(entries) == 0 {
		return awsprotocol.Errorf("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	}
	if len(entries) > maxBatch {
		return awsprotocol.Errorf("TooManyEntriesInBatchRequest",
			"The batch request contains more entries than permissible (more than %d).", maxBatch)
	}
	seen, size := map[string]bool{}, 0
	for _, entry := range entries {
		id := entry.Get("Id")
		if !entryID.MatchString(id) {
			return awsprotocol.Errorf("InvalidBatchEntryId",
				"an entry has the id %q and must have 1 to 80 letters, digits, hyphens and underscores", id)
		}
		if seen[id] {
			return awsprotocol.Errorf("BatchEntryIdsNotDistinct", "two entries have the id %s", id)
		}
		seen[id] = true
		size += len(entry.Get("Message"))
	}
	if size > maxMessage {
		return awsprotocol.Errorf("BatchRequestTooLong", "the messages have %d bytes together and may have %d", size, maxMessage)
	}
	return nil
}

// bodies returns the body for each protocol of a message of the structure "json", and
// nil for a message without a structure. Entries that are no texts are ignored; the
// entry default must be one; no entry may be there twice (Publish in the SNS API
// reference, MessageStructure).
func bodies(structure, message string) (map[string]string, error) {
	switch structure {
	case "":
		return nil, nil
	case "json":
	default:
		return nil, invalid("MessageStructure", "it is "+structure+" and can only be json")
	}
	keys, err := objectKeys(message)
	if err != nil {
		return nil, invalid("Message Structure - JSON message body failed to parse", err.Error())
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if seen[key] {
			return nil, invalid("Message Structure", "the entry "+strconv.Quote(key)+" is there twice in the JSON message body")
		}
		seen[key] = true
	}
	var byProtocol map[string]json.RawMessage
	if err := json.Unmarshal([]byte(message), &byProtocol); err != nil {
		return nil, invalid("Message Structure - JSON message body failed to parse", err.Error())
	}
	texts := make(map[string]string, len(byProtocol))
	for protocol, raw := range byProtocol {
		var text *string
		if json.Unmarshal(raw, &text) == nil && text != nil {
			texts[protocol] = *text
		}
	}
	if _, ok := texts["default"]; !ok {
		return nil, invalid("Message Structure - No default entry in JSON message body", "there must be one that is a string")
	}
	return texts, nil
}

// objectKeys returns the keys of a JSON object as they stand there, with repetitions.
func objectKeys(text string) ([]string, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	first, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	if first != json.Delim('{') {
		return nil, errors.New("it is no object")
	}
	var keys []string
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		keys = append(keys, key.(string)) // the decoder refuses any other key
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// attributes reads the message attributes.
func attributes(form url.Values) (map[string]string, error) {
	var all map[string]string
	for _, entry := range members(form, "MessageAttributes.entry.") {
		name, value := entry.Get("Name"), entry.Get("Value.StringValue")
		if encoded := entry.Get("Value.BinaryValue"); encoded != "" {
			binary, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, invalid("MessageAttributes", "the binary value of "+name+" is not base64")
			}
			value = string(binary)
		}
		kind, _, _ := strings.Cut(entry.Get("Value.DataType"), ".")
		switch {
		case name == "":
			return nil, invalid("MessageAttributes", "one of them has no name")
		case kind != "String" && kind != "Number" && kind != "Binary":
			return nil, invalid("MessageAttributes",
				name+" has the type "+strconv.Quote(entry.Get("Value.DataType"))+
					" and must have String, String.Array, Number or Binary")
		case value == "":
			return nil, invalid("MessageAttributes", name+" must have a value that is not empty")
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
	return all, nil
}
