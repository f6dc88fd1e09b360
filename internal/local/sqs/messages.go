package sqs

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

type sendInput struct {
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string
	DelaySeconds      int
	MessageAttributes map[string]Attribute
}

type sendOutput struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty" xml:",omitempty"`
}

func (s *Service) sendMessage(_ context.Context, in sendInput) (sendOutput, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return sendOutput{}, err
	}
	return q.sendChecked(in)
}

// sendChecked sends what a client wants to, if it is as SQS demands.
func (q *Queue) sendChecked(in sendInput) (sendOutput, error) {
	if in.MessageBody == "" {
		return sendOutput{}, awsprotocol.Errorf("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if size := messageSize(in.MessageBody, in.MessageAttributes); size > maxMessage {
		return sendOutput{}, awsprotocol.Errorf("InvalidParameterValue", "the message has %d bytes and must be shorter than %d", size, maxMessage)
	}
	if err := checkCharacters(in.MessageBody); err != nil {
		return sendOutput{}, err
	}
	if err := checkAttributes(in.MessageAttributes); err != nil {
		return sendOutput{}, err
	}
	delay, err := duration("DelaySeconds", in.DelaySeconds, maxDelay)
	if err != nil {
		return sendOutput{}, err
	}
	id, err := q.send(in.MessageBody, in.MessageAttributes, delay)
	if err != nil {
		return sendOutput{}, err
	}
	return sendOutput{
		MessageID: id, MD5OfMessageBody: bodyMD5(in.MessageBody), MD5OfMessageAttributes: attributesMD5(in.MessageAttributes),
	}, nil
}

type receiveInput struct {
	QueueURL                    string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             int
	AttributeNames              []string // the older name of the next
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type received struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             textMap      `json:",omitempty" xml:"Attribute"`
	MessageAttributes      attributeMap `json:",omitempty" xml:"MessageAttribute"`
	MD5OfMessageAttributes string       `json:",omitempty" xml:",omitempty"`
}

type receiveOutput struct {
	Messages []received `json:",omitempty" xml:"Message"`
}

func (s *Service) receiveMessage(ctx context.Context, in receiveInput) (receiveOutput, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return receiveOutput{}, err
	}
	limit := 1
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > maxBatch {
		return receiveOutput{}, awsprotocol.Errorf("InvalidParameterValue", "MaxNumberOfMessages is %d and must be between 1 and %d", limit, maxBatch)
	}
	hidden := defaultVisibility
	if in.VisibilityTimeout != nil {
		if hidden, err = duration("VisibilityTimeout", *in.VisibilityTimeout, maxVisibility); err != nil {
			return receiveOutput{}, err
		}
	}
	wait, err := duration("WaitTimeSeconds", in.WaitTimeSeconds, maxWait)
	if err != nil {
		return receiveOutput{}, err
	}
	var out receiveOutput
	for _, m := range q.await(ctx, limit, hidden, wait) {
		out.Messages = append(out.Messages, in.view(m))
	}
	return out, nil
}

// await takes messages, and waits for the first when there is none.
func (q *Queue) await(ctx context.Context, limit int, hidden, wait time.Duration) []Message {
	deadline := time.Now().Add(wait)
	for {
		changed, next := q.waiting()
		if taken := q.take(limit, hidden); len(taken) > 0 {
			return taken
		}
		until := time.Until(deadline)
		if until <= 0 {
			return nil
		}
		if !next.IsZero() {
			until = min(until, max(time.Until(next), 0))
		}
		timer := time.NewTimer(until)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// view shows of a message what the request asked for.
func (in receiveInput) view(m Message) received {
	out := received{
		MessageID: m.ID, ReceiptHandle: receipt(&m), Body: m.Body, MD5OfBody: bodyMD5(m.Body),
		Attributes: textMap{}, MessageAttributes: attributeMap{},
	}
	for name, value := range map[string]string{
		"SentTimestamp":                    millis(m.SentAt),
		"ApproximateFirstReceiveTimestamp": millis(m.firstReceived),
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
	} {
		if wanted(in.AttributeNames, name) || wanted(in.MessageSystemAttributeNames, name) {
			out.Attributes[name] = value
		}
	}
	for name, value := range m.Attributes {
		if wanted(in.MessageAttributeNames, name) {
			out.MessageAttributes[name] = value
		}
	}
	out.MD5OfMessageAttributes = attributesMD5(out.MessageAttributes)
	return out
}

type handleInput struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout int
}

func (in handleInput) messageID() (string, error) {
	id, count, ok := strings.Cut(in.ReceiptHandle, ".")
	if _, err := strconv.Atoi(count); !ok || err != nil {
		return "", awsprotocol.Errorf("ReceiptHandleIsInvalid", "the receipt handle %q was not given by ReceiveMessage", in.ReceiptHandle)
	}
	return id, nil
}

// deleteMessage succeeds for a message that is gone already, as SQS does.
func (s *Service) deleteMessage(_ context.Context, in handleInput) (empty, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return empty{}, err
	}
	return empty{}, q.deleteHandle(in)
}

func (q *Queue) deleteHandle(in handleInput) error {
	id, err := in.messageID()
	if err != nil {
		return err
	}
	return q.delete(id)
}

func (s *Service) changeMessageVisibility(_ context.Context, in handleInput) (empty, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return empty{}, err
	}
	return empty{}, q.hideHandle(in)
}

func (q *Queue) hideHandle(in handleInput) error {
	id, err := in.messageID()
	if err != nil {
		return err
	}
	timeout, err := duration("VisibilityTimeout", in.VisibilityTimeout, maxVisibility)
	if err != nil {
		return err
	}
	if !q.hideInFlight(id, timeout) {
		return refusal("MessageNotInflight", "no message in flight has the receipt handle %q", in.ReceiptHandle)
	}
	return nil
}

func duration(name string, value int, most time.Duration) (time.Duration, error) {
	d := time.Duration(value) * time.Second
	if value < 0 || d > most {
		return 0, awsprotocol.Errorf("InvalidParameterValue", "%s is %d and must be between 0 and %d", name, value, int(most/time.Second))
	}
	return d, nil
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// checkCharacters refuses what SQS does not carry (SendMessage in the SQS API reference).
func checkCharacters(body string) error {
	for i, r := range body {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return awsprotocol.Errorf("InvalidMessageContents",
				"the message has the character U+%04X at byte %d, which a message may not have", r, i)
		}
	}
	return nil
}

// attributeName is a name of a message attribute (SQS developer guide, "Amazon SQS
// message metadata").
var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func checkAttributes(attributes map[string]Attribute) error {
	if n := len(attributes); n > maxAttributes {
		return awsprotocol.Errorf("InvalidParameterValue", "the message has %d attributes and may have %d", n, maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		kind, _, _ := strings.Cut(a.DataType, ".")
		value := a.StringValue
		if kind == "Binary" {
			value = string(a.BinaryValue)
		}
		lower := strings.ToLower(name)
		switch {
		case !attributeName.MatchString(name) || len(name) > 256 || strings.HasPrefix(lower, "aws.") ||
			strings.HasPrefix(lower, "amazon."):
			return awsprotocol.Errorf("InvalidParameterValue", "a message attribute may not have the name %q", name)
		case kind != "String" && kind != "Number" && kind != "Binary":
			return awsprotocol.Errorf("InvalidParameterValue",
				"the message attribute %q has the type %q and must have String, Number or Binary", name, a.DataType)
		case value == "":
			return awsprotocol.Errorf("InvalidParameterValue",
				"the message attribute %q must have a value of its type that is not empty", name)
		case kind == "String" && checkCharacters(value) != nil:
			return awsprotocol.Errorf("InvalidMessageContents", "the message attribute %q has a character that a message may not have",
				name)
		}
		if kind == "Number" {
			if _, err := strconv.ParseFloat(value, 64); err != nil {
				return awsprotocol.Errorf("InvalidParameterValue", "the message attribute %q is %q, which is no number", name, value)
			}
		}
	}
	return nil
}

func messageSize(body string, attributes map[string]Attribute) int {
	size := len(body)
	for name, a := range attributes {
		size += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return size
}

// bodyMD5 is the digest that clients compare with their own.
func bodyMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// attributesMD5 is the digest over the attributes in the order of their names:
// name, type, a byte for the kind of value, and the value, each text with its
// length in four bytes before it (SQS developer guide, "Amazon SQS message metadata").
func attributesMD5(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		writeSized(h, []byte(name))
		writeSized(h, []byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{2})
			writeSized(h, a.BinaryValue)
		} else {
			h.Write([]byte{1})
			writeSized(h, []byte(a.StringValue))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeSized(h hash.Hash, b []byte) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	h.Write(b)
}
