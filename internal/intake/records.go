package intake

import (
	"encoding/base64"
	"strconv"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/go-json-experiment/json/jsontext"
)

// Keys of one record. SNS begins its own with capitals.
var recordKeys = []string{"eventSource", "EventSource", "messageId", "body", "messageAttributes", "attributes", "Sns", "kinesis"}

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

// recordSource gives the source that a record names; empty for an unknown one.
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
func (r *reader) records(list jsontext.Value, w wrapping) error {
	outermost := w.depth == 0
	n := 0
	err := each(list, w.path+"/Records", func(i int, raw jsontext.Value) {
		n++
		if r.full() {
			return
		}
		inner := w
		inner.path += "/Records/" + strconv.Itoa(i)
		id, source, err := r.record(raw, inner)
		if outermost && r.batch.Source == "" && source != "" {
			r.batch.Source = source
			r.batch.Partial = source == SQS || source == Kinesis
		}
		if err == nil && id == "" && r.batch.Partial && outermost {
			err = apperr.New(apperr.Invalid, inner.path, "has no identifier, so that it could not be reported if it failed",
				"send messageId (SQS) or kinesis.sequenceNumber (Kinesis)")
		}
		if err != nil {
			if w.recordID != "" {
				id = w.recordID
			}
			r.fail(id, err)
		}
	})
	if err == nil && n == 0 {
		err = apperr.New(apperr.Invalid, w.path+"/Records", "is empty", "send at least one record")
	}
	return err
}

// record unwraps one record. The identifier and the source are given as far as
// they can be told, also with an error.
func (r *reader) record(raw []byte, w wrapping) (id string, source Source, err error) {
	if jsontext.Value(raw).Kind() != '{' {
		return "", "", apperr.New(apperr.Invalid, w.path, "is not an object", "send an SQS, SNS or Kinesis record")
	}
	var values [recCount]jsontext.Value
	if _, err := skim(raw, w.path, "", recordKeys, values[:]); err != nil {
		return "", "", err
	}
	if source = recordSource(values[recEventSource]); source == "" {
		source = recordSource(values[recEventSourceSNS])
	}
	id = textOf(values[recMessageID])
	var body []byte
	switch source {
	case SQS:
		body, err = text(values[recBody], w.path+"/body")
		w.path += "/body"
	case SNS:
		id, body, err = snsBody(values[recSns], w.path+"/Sns")
		w.path += "/Sns/Message"
	case Kinesis:
		id, body, err = kinesisBody(values[recKinesis], w.path+"/kinesis")
		w.path += "/kinesis/data"
	default:
		if id == "" {
			id, _, _ = kinesisBody(values[recKinesis], "") // only to report the record by
		}
		return id, "", apperr.New(apperr.Invalid, w.path, "is a record of an unknown eventSource", "send records of aws:sqs, aws:sns or aws:kinesis only")
	}
	if err != nil {
		return id, source, err
	}
	if w.recordID == "" {
		w.recordID = id
	}
	if w.source == "" {
		w.source = source
	}
	if source == SQS {
		w = fromDeadLetterQueue(values[recMessageAttributes], values[recAttributes], w)
	}
	return id, source, r.unwrap(body, w.in(""))
}

// fromDeadLetterQueue tells by a queue record's attributes that its body failed
// before. EventBridge marks what it could not deliver with RULE_ARN, Lambda what
// its function could not handle with ErrorCode: in both the queue was not what
// first carried the body. SQS names the dead-letter queue that it redrives from.
func fromDeadLetterQueue(messageAttributes, attributes jsontext.Value, w wrapping) wrapping {
	switch {
	case hasKey(messageAttributes, "RULE_ARN") || hasKey(messageAttributes, "ErrorCode"):
		w.redriven, w.source = true, ""
	case hasKey(attributes, "DeadLetterQueueSourceArn"):
		w.redriven = true
	}
	return w
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
		return apperr.New(apperr.Invalid, path, "is not an object", "send the record as Lambda gives it")
	}
	_, err := skim(raw, path, "", wanted, values)
	return err
}

func text(value jsontext.Value, path string) ([]byte, error) {
	if value.Kind() != '"' {
		return nil, apperr.New(apperr.Invalid, path, "is not a text", "send the record as Lambda gives it")
	}
	return unquote(value), nil
}

func hasKey(raw jsontext.Value, key string) bool {
	if raw.Kind() != '{' {
		return false
	}
	// The value was read whole before, so that it cannot fail to be read now.
	found, _ := skim(raw, "", key, nil, nil)
	return found != nil
}
