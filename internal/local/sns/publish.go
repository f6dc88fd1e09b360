package sns

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

const (
	maxMessage = 256 << 10 // bytes
	maxSubject = 100       // characters
)

type publishInput struct {
	TopicArn, TargetArn string
	Subject             *string
	Message             string
	MessageStructure    string
	MessageAttributes   map[string]awsprotocol.Attribute
}

type publishResult struct {
	MessageID string `xml:"MessageId"`
}

func (s *Service) publish(_ *http.Request, in publishInput) (out publishResult, err error) {
	m := Message{ID: awsprotocol.NewID(), TopicARN: cmp.Or(in.TopicArn, in.TargetArn), Body: in.Message,
		PublishedAt: time.Now().UTC()}
	if m.TopicARN == "" {
		return out, invalid("TopicArn or TargetArn", "one of them is required; the local stack sends no text messages")
	}
	if err := s.checkTopic(m.TopicARN); err != nil {
		return out, err
	}
	if err := checkMessage(m.Body); err != nil {
		return out, err
	}
	if in.Subject != nil {
		m.Subject = *in.Subject
		if err := checkSubject(m.Subject); err != nil {
			return out, err
		}
	}
	if m.Bodies, err = bodies(in.MessageStructure, m.Body); err != nil {
		return out, err
	}
	if m.Bodies != nil {
		m.Body = m.Bodies["default"]
	}
	if err := awsprotocol.CheckAttributes(in.MessageAttributes); err != nil {
		return out, invalid("MessageAttributes", "%v", err)
	}
	for name, attribute := range in.MessageAttributes {
		if m.Attributes == nil {
			m.Attributes = map[string]string{}
		}
		m.Attributes[name] = attribute.Value()
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
	if err := json.Unmarshal([]byte(message), &map[string]any{}); err != nil {
		return nil, invalid("Message Structure - JSON message body failed to parse", "%v", err)
	}
	decoder := json.NewDecoder(strings.NewReader(message)) // cannot fail: the text has been read once
	_, _ = decoder.Token()
	texts, seen := map[string]string{}, map[json.Token]bool{}
	for decoder.More() {
		key, _ := decoder.Token()
		if seen[key] {
			return nil, invalid("Message Structure", "the entry %q is there twice in the JSON message body", key)
		}
		seen[key] = true
		var value any
		_ = decoder.Decode(&value)
		if text, ok := value.(string); ok {
			texts[key.(string)] = text
		}
	}
	if _, ok := texts["default"]; !ok {
		return nil, invalid("Message Structure - No default entry in JSON message body", "there must be one that is a string")
	}
	return texts, nil
}
