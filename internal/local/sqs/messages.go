package sqs

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

type sendInput struct {
	queueInput
	MessageBody       string
	DelaySeconds      json.Number
	MessageAttributes map[string]Attribute
}

type sendOutput struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty" xml:",omitempty"`
}

func (q *Queue) sendMessage(_ *http.Request, in sendInput) (out sendOutput, err error) {
	if in.MessageBody == "" {
		return out, awsprotocol.Errorf("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if size := messageSize(in.MessageBody, in.MessageAttributes); size > maxMessage {
		return out, invalid("the message has %d bytes and may have %d", size, maxMessage)
	}
	if err := checkCharacters("the message", in.MessageBody); err != nil {
		return out, err
	}
	if err := checkAttributes(in.MessageAttributes); err != nil {
		return out, err
	}
	delay, err := duration("DelaySeconds", in.DelaySeconds, 0, maxDelay)
	if err != nil {
		return out, err
	}
	id, err := q.send(in.MessageBody, in.MessageAttributes, delay, false)
	return sendOutput{id, bodyMD5(in.MessageBody), attributesMD5(in.MessageAttributes)}, err
}

type receiveInput struct {
	queueInput
	MaxNumberOfMessages         json.Number
	VisibilityTimeout           json.Number
	WaitTimeSeconds             json.Number
	AttributeNames              []string // the older name of the next
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type received struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             awsprotocol.ByName[string]    `json:",omitempty" xml:"Attribute"`
	MessageAttributes      awsprotocol.ByName[Attribute] `json:",omitempty" xml:"MessageAttribute"`
	MD5OfMessageAttributes string                        `json:",omitempty" xml:",omitempty"`
}

type receiveOutput struct {
	Messages []received `json:",omitempty" xml:"Message"`
}

func (q *Queue) receiveMessage(r *http.Request, in receiveInput) (out receiveOutput, err error) {
	limit, err := number("MaxNumberOfMessages", cmp.Or(in.MaxNumberOfMessages, "1"), 1, maxReceived)
	if err != nil {
		return out, err
	}
	hidden, err := duration("VisibilityTimeout", in.VisibilityTimeout, defaultVisibility, maxVisibility)
	if err != nil {
		return out, err
	}
	wait, err := duration("WaitTimeSeconds", in.WaitTimeSeconds, 0, maxWait)
	if err != nil {
		return out, err
	}
	for _, m := range q.receive(r.Context(), limit, hidden, wait) {
		out.Messages = append(out.Messages, in.view(m))
	}
	return out, nil
}

// view returns what the request asks for of a message.
func (in receiveInput) view(m Message) received {
	attributes := selectByName(m.Attributes, in.MessageAttributeNames)
	return received{
		MessageID: m.ID, ReceiptHandle: m.ID + "." + strconv.Itoa(m.Receives), Body: m.Body, MD5OfBody: bodyMD5(m.Body),
		Attributes: selectByName(map[string]string{
			"SentTimestamp":                    millis(m.SentAt),
			"ApproximateFirstReceiveTimestamp": millis(m.firstReceived),
			"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		}, slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)),
		MessageAttributes: attributes, MD5OfMessageAttributes: attributesMD5(attributes),
	}
}

type handleInput struct {
	queueInput
	ReceiptHandle     string
	VisibilityTimeout json.Number
}

func (in handleInput) messageID() (string, error) {
	id, count, ok := strings.Cut(in.ReceiptHandle, ".")
	if _, err := strconv.Atoi(count); !ok || err != nil {
		return "", awsprotocol.Errorf("ReceiptHandleIsInvalid", "the receipt handle %q is not from ReceiveMessage",
			in.ReceiptHandle)
	}
	return id, nil
}

// deleteMessage succeeds for a message that is gone already, as SQS does.
func (q *Queue) deleteMessage(_ *http.Request, in handleInput) (struct{}, error) {
	id, err := in.messageID()
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, q.delete(id, false)
}

func (q *Queue) changeMessageVisibility(_ *http.Request, in handleInput) (struct{}, error) {
	id, err := in.messageID()
	if err != nil {
		return struct{}{}, err
	}
	timeout, err := duration("VisibilityTimeout", in.VisibilityTimeout, 0, maxVisibility)
	if err != nil {
		return struct{}{}, err
	}
	if !q.Hide(id, timeout) {
		const code = "MessageNotInflight"
		return struct{}{}, &awsprotocol.Error{Code: code, Legacy: "AWS.SimpleQueueService." + code,
			Message: "no message in flight has the receipt handle " + in.ReceiptHandle}
	}
	return struct{}{}, nil
}

func invalid(format string, args ...any) error {
	return awsprotocol.Errorf("InvalidParameterValue", format, args...)
}

// number returns the value of a parameter, which is text in a form.
func number(name string, value json.Number, low, high int) (int, error) {
	n, err := strconv.Atoi(value.String())
	if err != nil || n < low || n > high {
		return 0, invalid("%s is %s and must be between %d and %d", name, value, low, high)
	}
	return n, nil
}

// duration returns the value of a parameter in seconds, and what it is without a value.
func duration(name string, value json.Number, without, limit time.Duration) (time.Duration, error) {
	if value == "" {
		return without, nil
	}
	n, err := number(name, value, 0, int(limit/time.Second))
	return time.Duration(n) * time.Second, err
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// checkCharacters refuses characters that SQS does not accept (SendMessage in the SQS API
// reference).
func checkCharacters(where, text string) error {
	for i, r := range text {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return awsprotocol.Errorf("InvalidMessageContents", "%s has the character U+%04X at byte %d, which is not allowed",
				where, r, i)
		}
	}
	return nil
}

func checkAttributes(attributes map[string]Attribute) error {
	if n := len(attributes); n > maxAttributes {
		return invalid("the message has %d attributes and may have %d", n, maxAttributes)
	}
	if err := awsprotocol.CheckAttributes(attributes); err != nil {
		return invalid("%v", err)
	}
	for name, a := range attributes {
		if err := checkCharacters("the message attribute "+strconv.Quote(name), a.StringValue); err != nil {
			return err
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

// bodyMD5 returns the digest that clients compare with their own.
func bodyMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// attributesMD5 returns the digest of the attributes in the order of their names: name,
// type, a byte for the kind of value, and the value, each text with its length in four
// bytes before it (SQS developer guide, "Amazon SQS message metadata").
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
		} else {
			h.Write([]byte{1})
		}
		writeSized(h, []byte(a.Value()))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeSized(h hash.Hash, b []byte) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	h.Write(b)
}
