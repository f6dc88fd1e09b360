package lambdafn

import (
	"encoding/base64"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/jsonread"
)

// recordKeys are the members of one record that are read. SNS writes its own with
// capitals.
var recordKeys = []string{
	"eventSource", "EventSource", "messageId", "body", "messageAttributes", "attributes", "Sns", "kinesis",
}

const (
	recEventSource = iota
	recEventSourceSNS
	recMessageID
	recBody
	recMessageAttributes
	recAttributes
	recSns
	recKinesis
	recCount
)

// recordSource returns the source that a record names; empty for an unknown one.
func recordSource(value jsontext.Value) Source {
	switch {
	case isText(value, "aws:sqs"):
		return SQS
	case isText(value, "aws:sns"):
		return SNS
	case isText(value, "aws:kinesis"):
		return Kinesis
	}
	return ""
}

// records unwraps the Records of a batch. A record that cannot be unwrapped
// fails alone; only a list without any record fails as a whole.
func (u *unwrapper) records(list jsontext.Value, e envelope) error {
	outermost := e.depth == 0
	n := 0
	err := jsonread.Items(list, func(raw jsontext.Value) {
		inner := e
		inner.path += "/Records/" + strconv.Itoa(n)
		n++
		if u.full() {
			return
		}
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
			if e.recordID != "" {
				id = e.recordID
			}
			u.fail(id, err)
		}
	})
	switch {
	case err != nil:
		return notJSON(e.path+"/Records", list, err)
	case n == 0:
		return apperr.New(apperr.Invalid, e.path+"/Records", "is empty", "send at least one record")
	}
	return nil
}

// record unwraps one record. It returns the identifier and the source as far as
// they are known, also with an error.
func (u *unwrapper) record(raw []byte, e envelope) (id string, source Source, err error) {
	if jsontext.Value(raw).Kind() != '{' {
		return "", "", apperr.New(apperr.Invalid, e.path, "is not an object", "send an SQS, SNS or Kinesis record")
	}
	var values [recCount]jsontext.Value
	if _, err := readFields(raw, e.path, "", recordKeys, values[:]); err != nil {
		return "", "", err
	}
	if source = recordSource(values[recEventSource]); source == "" {
		source = recordSource(values[recEventSourceSNS])
	}
	id = textOf(values[recMessageID])
	var body []byte
	switch source {
	case SQS:
		body, err = text(values[recBody], e.path+"/body")
		e.path += "/body"
	case SNS:
		id, body, err = snsBody(values[recSns], e.path+"/Sns")
		e.path += "/Sns/Message"
	case Kinesis:
		id, body, err = kinesisBody(values[recKinesis], e.path+"/kinesis")
		e.path += "/kinesis/data"
	default:
		if id == "" {
			id, _, _ = kinesisBody(values[recKinesis], "") // only to report the record by
		}
		return id, "", apperr.New(apperr.Invalid, e.path, "is a record of an unknown eventSource",
			"send records of aws:sqs, aws:sns or aws:kinesis only")
	}
	if err != nil {
		return id, source, err
	}
	if e.recordID == "" {
		e.recordID = id
	}
	if e.source == "" {
		e.source = source
	}
	if source == SQS {
		e = fromDeadLetterQueue(values[recMessageAttributes], values[recAttributes], e)
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

func snsBody(raw jsontext.Value, path string) (id string, body []byte, err error) {
	var values [2]jsontext.Value
	if err := members(raw, path, []string{"MessageId", "Message"}, values[:]); err != nil {
		return "", nil, err
	}
	body, err = text(values[1], path+"/Message")
	return textOf(values[0]), body, err
}

func kinesisBody(raw jsontext.Value, path string) (id string, body []byte, err error) {
	var values [2]jsontext.Value
	if err := members(raw, path, []string{"sequenceNumber", "data"}, values[:]); err != nil {
		return "", nil, err
	}
	id = textOf(values[0])
	encoded, err := text(values[1], path+"/data")
	if err != nil {
		return id, nil, err
	}
	body, err = base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return id, nil, apperr.Wrap(err, apperr.Invalid, path+"/data", "is not base64", "send the data as Kinesis encodes it")
	}
	return id, body, nil
}

func members(raw jsontext.Value, path string, wanted []string, values []jsontext.Value) error {
	if raw.Kind() != '{' {
		return apperr.New(apperr.Invalid, path, "is not an object", "send the record as Lambda does")
	}
	_, err := readFields(raw, path, "", wanted, values)
	return err
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
	found, _ := readFields(raw, "", key, nil, nil)
	return found != nil
}
