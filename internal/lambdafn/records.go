package lambdafn

import (
	"cmp"
	"encoding/base64"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

var recordSources = map[string]Source{"aws:sqs": SQS, "aws:sns": SNS, "aws:kinesis": Kinesis}

// recordSource returns the source that a record names; empty for an unknown one.
func recordSource(value jsontext.Value) Source {
	if value.Kind() != '"' {
		return ""
	}
	return recordSources[string(jsonread.Text(value))]
}

// records unwraps the Records of a batch. A record that cannot be unwrapped
// fails alone; only a list without any record fails as a whole.
func (u *unwrapper) records(list jsontext.Value, e envelope) error {
	outermost, path := e.depth == 0, e.path+"/Records"
	return u.each(list, path, "is empty", "send at least one record", func(step string, raw jsontext.Value) {
		inner := e
		inner.path = path + step
		id, source, err := u.record(raw, inner)
		if outermost && u.batch.Source == "" && source != "" {
			u.batch.Source = source
			u.batch.Partial = source == SQS || source == Kinesis
		}
		if err == nil && id == "" && u.batch.Partial && outermost {
			err = apperr.New(apperr.Invalid, inner.path, "has no identifier, so that it could not be reported if it failed",
				"send messageId (SQS) or kinesis.sequenceNumber (Kinesis)")
		}
		if err != nil {
			u.fail(cmp.Or(e.recordID, id), err)
		}
	})
}

// record unwraps one record. It returns the identifier and the source as far as
// they are known, also with an error.
func (u *unwrapper) record(raw []byte, e envelope) (id string, source Source, err error) {
	if jsontext.Value(raw).Kind() != '{' {
		return "", "", apperr.New(apperr.Invalid, e.path, "is not an object", "send an SQS, SNS or Kinesis record")
	}
	var values [8]jsontext.Value
	_, err = readFields(raw, e.path, "", values[:], "eventSource", "EventSource", // the latter is of SNS
		"messageId", "body", "messageAttributes", "attributes", "Sns", "kinesis")
	eventSource, snsSource, messageID, queueBody := values[0], values[1], values[2], values[3]
	messageAttributes, attributes, sns, kinesis := values[4], values[5], values[6], values[7]
	if err != nil {
		return "", "", err
	}
	id, source = textOf(messageID), cmp.Or(recordSource(eventSource), recordSource(snsSource))
	var body []byte
	switch source {
	case SQS:
		e.path += "/body"
		body, err = text(queueBody, e.path)
	case SNS:
		id, body, err = readBody(sns, e.path+"/Sns", "MessageId", "Message")
		e.path += "/Sns/Message"
	case Kinesis:
		id, body, err = readBody(kinesis, e.path+"/kinesis", "sequenceNumber", "data")
		e.path += "/kinesis/data"
		if err == nil {
			body, err = decodeBase64(body, e.path)
		}
	default:
		if id == "" {
			id, _, _ = readBody(kinesis, "", "sequenceNumber", "data") // only to report the record by
		}
		return id, "", apperr.New(apperr.Invalid, e.path, "is a record of an unknown eventSource",
			"send records of aws:sqs, aws:sns or aws:kinesis only")
	}
	if err != nil {
		return id, source, err
	}
	e.recordID, e.source = cmp.Or(e.recordID, id), cmp.Or(e.source, source)
	if source == SQS {
		e = fromDeadLetterQueue(messageAttributes, attributes, e)
	}
	return id, source, u.unwrap(body, e.in(""))
}

// fromDeadLetterQueue marks the body of a queue's record as redriven if the record's
// attributes say so. EventBridge adds RULE_ARN to what it could not deliver, and
// Lambda ErrorCode to what a function could not handle: the queue is then not the
// body's source. SQS names the dead-letter queue that it redrives from.
func fromDeadLetterQueue(messageAttributes, attributes jsontext.Value, e envelope) envelope {
	switch {
	case hasKey(messageAttributes, "RULE_ARN") || hasKey(messageAttributes, "ErrorCode"):
		e.redriven, e.source = true, ""
	case hasKey(attributes, "DeadLetterQueueSourceArn"):
		e.redriven = true
	}
	return e
}

// readBody reads the identifier and the body of a record from an object in it.
func readBody(raw jsontext.Value, path, idKey, bodyKey string) (id string, body []byte, err error) {
	if raw.Kind() != '{' {
		return "", nil, apperr.New(apperr.Invalid, path, "is not an object", "send the record as Lambda does")
	}
	var values [2]jsontext.Value
	if _, err := readFields(raw, path, "", values[:], idKey, bodyKey); err != nil {
		return "", nil, err
	}
	body, err = text(values[1], path+"/"+bodyKey)
	return textOf(values[0]), body, err
}

func decodeBase64(encoded []byte, path string) ([]byte, error) {
	data, err := base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, path, "is not base64", "send the data as Kinesis encodes it")
	}
	return data, nil
}

func text(value jsontext.Value, path string) ([]byte, error) {
	if value.Kind() != '"' {
		return nil, apperr.New(apperr.Invalid, path, "is not a text", "send the record as Lambda does")
	}
	return jsonread.Text(value), nil
}

func hasKey(raw jsontext.Value, key string) bool {
	if raw.Kind() != '{' {
		return false
	}
	// The value was read whole before, so that it cannot fail to be read now.
	found, _ := readFields(raw, "", key, nil)
	return found != nil
}
