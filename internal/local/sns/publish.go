package sns

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

const (
	maxMessage = 256 << 10 // bytes
	maxSubject = 100       // characters
)

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

func (s *Service) publish(r *http.Request) (any, error) {
	form := r.PostForm
	arn := cmp.Or(form.Get("TopicArn"), form.Get("TargetArn"))
	if arn == "" {
		return nil, invalid("TopicArn or TargetArn", "one of them is required; the local stack sends no text messages")
	}
	if err := s.checkTopic(arn); err != nil {
		return nil, err
	}
	m := Message{ID: awsprotocol.NewID(), TopicARN: arn, Subject: form.Get("Subject"), Body: form.Get("Message"),
		PublishedAt: time.Now().UTC()}
	if err := checkMessage(m.Body); err != nil {
		return nil, err
	}
	if form.Has("Subject") {
		if err := checkSubject(m.Subject); err != nil {
			return nil, err
		}
	}
	var err error
	if m.Bodies, err = bodies(form.Get("MessageStructure"), m.Body); err != nil {
		return nil, err
	}
	if m.Bodies != nil {
		m.Body = m.Bodies["default"]
	}
	if m.Attributes, err = attributes(form); err != nil {
		return nil, err
	}
	s.record(m)
	s.onPublish(m)
	return publishResult{m.ID}, nil
}

func invalid(parameter, format string, args ...any) error {
	return awsprotocol.Errorf("InvalidParameter", "Invalid parameter: %s Reason: %s", parameter,
		fmt.Sprintf(format, args...))
}

func checkMessage(message string) error {
	switch {
	case message == "":
		return invalid("Message", "it is empty")
	case len(message) > maxMessage:
		return invalid("Message", "it is longer than %d bytes", maxMessage)
	case !utf8.ValidString(message):
		return invalid("Message", "it is not UTF-8")
	}
	return nil
}

// checkSubject refuses what is not as the Publish page of the SNS API reference says:
// ASCII without control characters or line breaks, first a letter, digit or punctuation,
// at most 100 characters.
func checkSubject(subject string) error {
	if subject == "" || len(subject) > maxSubject {
		return invalid("Subject", "it has %d characters and must have 1 to %d", len(subject), maxSubject)
	}
	for i, r := range subject {
		if r < ' ' || r > '~' || i == 0 && r == ' ' {
			return invalid("Subject", "the character %q is not allowed at %d", r, i)
		}
	}
	return nil
}

// bodies returns the body for each protocol of a message of the structure "json", and
// nil for a message without a structure. Entries that are not strings are ignored; the
// entry default must be a string; no entry may be there twice (Publish in the SNS API
// reference, MessageStructure).
func bodies(structure, message string) (map[string]string, error) {
	switch structure {
	case "":
		return nil, nil
	case "json":
	default:
		return nil, invalid("MessageStructure", "it is %s and can only be json", structure)
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(message), &values); err != nil {
		return nil, invalid("Message Structure - JSON message body failed to parse", "%v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(message)) // cannot fail: the text has been read once
	_, _ = decoder.Token()
	for seen := map[json.Token]bool{}; decoder.More(); {
		key, _ := decoder.Token()
		if seen[key] {
			return nil, invalid("Message Structure", "the entry %q is there twice in the JSON message body", key)
		}
		seen[key] = true
		var value json.RawMessage
		_ = decoder.Decode(&value)
	}
	texts := map[string]string{}
	for protocol, value := range values {
		if text, ok := value.(string); ok {
			texts[protocol] = text
		}
	}
	if _, ok := texts["default"]; !ok {
		return nil, invalid("Message Structure - No default entry in JSON message body", "there must be one that is a string")
	}
	return texts, nil
}

// attributes reads the message attributes: fields with names such as
// MessageAttributes.entry.1.Value.DataType.
func attributes(form url.Values) (map[string]string, error) {
	var all map[string]string
	for i := 1; ; i++ {
		entry := "MessageAttributes.entry." + strconv.Itoa(i) + "."
		name, dataType := form.Get(entry+"Name"), form.Get(entry+"Value.DataType")
		value, encoded := form.Get(entry+"Value.StringValue"), form.Get(entry+"Value.BinaryValue")
		if name+dataType+value+encoded == "" {
			return all, nil
		}
		if encoded != "" {
			binary, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, invalid("MessageAttributes", "the binary value of %s is not base64", name)
			}
			value = string(binary)
		}
		kind, _, _ := strings.Cut(dataType, ".")
		switch {
		case name == "":
			return nil, invalid("MessageAttributes", "one of them has no name")
		case kind != "String" && kind != "Number" && kind != "Binary":
			return nil, invalid("MessageAttributes", "%s has the type %q and must have String, String.Array, Number or Binary",
				name, dataType)
		case value == "":
			return nil, invalid("MessageAttributes", "%s must have a value that is not empty", name)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = value
	}
}
