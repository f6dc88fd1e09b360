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
	queueInput
	MessageBody       string
	DelaySeconds      int
	MessageAttributes map[string]Attribute
}

type sendOutput struct {
	MessageID              string `json:"MessageId" xml:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty" xml:",omitempty"`
}

func (q *Queue) sendMessage(_ context.Context, in sendInput) (out sendOutput, err error) {
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
	delay, err := duration("DelaySeconds", in.DelaySeconds, maxDelay)
	if err != nil {
		return out, err
	}
	id, err := q.send(in.MessageBody, in.MessageAttributes, delay, false)
	return sendOutput{id, bodyMD5(in.MessageBody), attributesMD5(in.MessageAttributes)}, err
}

type receiveInput struct {
	queueInput
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
	Attributes             byName[string]    `json:",omitempty" xml:"Attribute"`
	MessageAttributes      byName[Attribute] `json:",omitempty" xml:"MessageAttribute"`
	MD5OfMessageAttributes string            `json:",omitempty" xml:",omitempty"`
}

type receiveOutput struct {
	Messages []received `json:",omitempty" xml:"Message"`
}

func (q *Queue) receiveMessage(ctx context.Context, in receiveInput) (out receiveOutput, err error) {
	limit, hidden := 1, defaultVisibility
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > maxReceived {
		return out, invalid("MaxNumberOfMessages is %d and must be between 1 and %d", limit, maxReceived)
	}
	if in.VisibilityTimeout != nil {
		if hidden, err = duration("VisibilityTimeout", *in.VisibilityTimeout, maxVisibility); err != nil {
			return out, err
		}
	}
	wait, err := duration("WaitTimeSeconds", in.WaitTimeSeconds, maxWait)
	if err != nil {
		return out, err
	}
	for _, m := range q.receive(ctx, limit, hidden, wait) {
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
	VisibilityTimeout int
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
func (q *Queue) deleteMessage(_ context.Context, in handleInput) (empty, error) {
	id, err := in.messageID()
	if err != nil {
		return empty{}, err
	}
	return empty{}, q.delete(id, false)
}

func (q *Queue) changeMessageVisibility(_ context.Context, in handleInput) (empty, error) {
	id, err := in.messageID()
	if err != nil {
		return empty{}, err
	}
	timeout, err := duration("VisibilityTimeout", in.VisibilityTimeout, maxVisibility)
	if err != nil {
		return empty{}, err
	}
	if !q.Hide(id, timeout) {
		const code = "MessageNotInflight"
		return empty{}, &awsprotocol.Error{Code: code, Legacy: "AWS.SimpleQueueService." + code,
			Message: "no message in flight has the receipt handle " + in.ReceiptHandle}
	}
	return empty{}, nil
}

func invalid(format string, args ...any) error {
	return awsprotocol.Errorf("InvalidParameterValue", format, args...)
}

func duration(name string, value int, limit time.Duration) (time.Duration, error) {
	d := time.Duration(value) * time.Second
	if value < 0 || d > limit {
		return 0, invalid("%s is %d and must be between 0 and %d", name, value, int(limit/time.Second))
	}
	return d, nil
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

// attributeName matches the name of a message attribute (SQS developer guide, "Amazon
// SQS message metadata").
var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

func checkAttributes(attributes map[string]Attribute) error {
	if n := len(attributes); n > maxAttributes {
		return invalid("the message has %d attributes and may have %d", n, maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		where, lower := "the message attribute "+strconv.Quote(name), strings.ToLower(name)
		if !attributeName.MatchString(name) || len(name) > 256 || strings.HasPrefix(lower, "aws.") ||
			strings.HasPrefix(lower, "amazon.") {
			return invalid("%s has a name that is not allowed", where)
		}
		value := a.StringValue
		var err error
		switch kind, _, _ := strings.Cut(a.DataType, "."); kind {
		case "String":
			err = checkCharacters(where, value)
		case "Binary":
			value = string(a.BinaryValue)
		case "Number":
			if _, notNumber := strconv.ParseFloat(value, 64); value != "" && notNumber != nil {
				err = invalid("%s is %q, which is not a number", where, value)
			}
		default:
			err = invalid("%s has the type %q and must have String, Number or Binary", where, a.DataType)
		}
		if err == nil && value == "" {
			err = invalid("%s must have a value of its type that is not empty", where)
		}
		if err != nil {
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
