package queues

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/wire"
)

type sendInput struct {
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string
	DelaySeconds      int
	MessageAttributes map[string]Attribute
}

type sendOutput struct {
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

func (s *Service) sendMessage(_ context.Context, in sendInput) (sendOutput, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return sendOutput{}, err
	}
	if in.MessageBody == "" {
		return sendOutput{}, wire.Errorf("MissingParameter", "the request must contain the parameter MessageBody")
	}
	if size := messageSize(in.MessageBody, in.MessageAttributes); size > maxMessage {
		return sendOutput{}, wire.Errorf("InvalidParameterValue", "the message has %d bytes and must be shorter than %d", size, maxMessage)
	}
	delay, err := duration("DelaySeconds", in.DelaySeconds, maxDelay)
	if err != nil {
		return sendOutput{}, err
	}
	return sendOutput{
		MessageID:              q.send(in.MessageBody, in.MessageAttributes, delay),
		MD5OfMessageBody:       bodyMD5(in.MessageBody),
		MD5OfMessageAttributes: attributesMD5(in.MessageAttributes),
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
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string    `json:",omitempty"`
	MessageAttributes      map[string]Attribute `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
}

type receiveOutput struct {
	Messages []received `json:",omitempty"`
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
		return receiveOutput{}, wire.Errorf("InvalidParameterValue", "MaxNumberOfMessages is %d and must be between 1 and %d", limit, maxBatch)
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
		Attributes: map[string]string{}, MessageAttributes: map[string]Attribute{},
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
		return "", wire.Errorf("ReceiptHandleIsInvalid", "the receipt handle %q was not given by ReceiveMessage", in.ReceiptHandle)
	}
	return id, nil
}

// deleteMessage succeeds for a message that is gone already, as SQS does.
func (s *Service) deleteMessage(_ context.Context, in handleInput) (empty, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return empty{}, err
	}
	id, err := in.messageID()
	if err != nil {
		return empty{}, err
	}
	q.delete(id)
	return empty{}, nil
}

type deleteBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
}

type deleteBatchOutput struct {
	Successful []deleted
	Failed     []failed
}

type deleted struct {
	ID string `json:"Id"`
}

type failed struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

func (s *Service) deleteMessageBatch(_ context.Context, in deleteBatchInput) (deleteBatchOutput, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return deleteBatchOutput{}, err
	}
	if n := len(in.Entries); n < 1 || n > maxBatch {
		return deleteBatchOutput{}, wire.Errorf("TooManyEntriesInBatchRequest", "the batch has %d entries and must have 1 to %d", n, maxBatch)
	}
	out := deleteBatchOutput{Successful: []deleted{}, Failed: []failed{}}
	for _, entry := range in.Entries {
		id, err := handleInput{ReceiptHandle: entry.ReceiptHandle}.messageID()
		if err != nil {
			out.Failed = append(out.Failed, failed{ID: entry.ID, Code: "ReceiptHandleIsInvalid", Message: err.Error(), SenderFault: true})
			continue
		}
		q.delete(id)
		out.Successful = append(out.Successful, deleted{ID: entry.ID})
	}
	return out, nil
}

func (s *Service) changeMessageVisibility(_ context.Context, in handleInput) (empty, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return empty{}, err
	}
	id, err := in.messageID()
	if err != nil {
		return empty{}, err
	}
	timeout, err := duration("VisibilityTimeout", in.VisibilityTimeout, maxVisibility)
	if err != nil {
		return empty{}, err
	}
	if !q.hide(id, timeout) {
		return empty{}, wire.Errorf("MessageNotInflight", "no message in flight has the receipt handle %q", in.ReceiptHandle)
	}
	return empty{}, nil
}

func duration(name string, value int, most time.Duration) (time.Duration, error) {
	d := time.Duration(value) * time.Second
	if value < 0 || d > most {
		return 0, wire.Errorf("InvalidParameterValue", "%s is %d and must be between 0 and %d", name, value, int(most/time.Second))
	}
	return d, nil
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

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
