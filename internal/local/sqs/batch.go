package sqs

import (
	"context"
	"errors"
	"regexp"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// failed is an entry of a batch that was refused.
type failed struct {
	ID          string `json:"Id" xml:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// done is an entry of a batch of which there is nothing more to say.
type done struct {
	ID string `json:"Id" xml:"Id"`
}

type sendEntry struct {
	ID                string `json:"Id"`
	MessageBody       string
	DelaySeconds      int
	MessageAttributes map[string]Attribute
}

type sendBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendEntry
}

type sent struct {
	ID string `json:"Id" xml:"Id"`
	sendOutput
}

type sendBatchOutput struct {
	Successful []sent   `xml:"SendMessageBatchResultEntry"`
	Failed     []failed `xml:"BatchResultErrorEntry"`
}

// sendMessageBatch sends each entry by itself: those that are refused do not keep the
// others from being sent.
func (s *Service) sendMessageBatch(_ context.Context, in sendBatchInput) (sendBatchOutput, error) {
	out := sendBatchOutput{Successful: []sent{}, Failed: []failed{}}
	q, err := s.find(in.QueueURL)
	if err != nil {
		return out, err
	}
	ids, size := make([]string, len(in.Entries)), 0
	for i, e := range in.Entries {
		ids[i] = e.ID
		size += messageSize(e.MessageBody, e.MessageAttributes)
	}
	if err := checkBatch(ids); err != nil {
		return out, err
	}
	if size > maxMessage {
		return out, refusal("BatchRequestTooLong", "the messages have %d bytes together and may have %d", size, maxMessage)
	}
	for _, e := range in.Entries {
		reply, err := q.sendChecked(sendInput{MessageBody: e.MessageBody, DelaySeconds: e.DelaySeconds,
			MessageAttributes: e.MessageAttributes})
		if err != nil {
			out.Failed = append(out.Failed, failure(e.ID, err))
			continue
		}
		out.Successful = append(out.Successful, sent{e.ID, reply})
	}
	return out, nil
}

type handleEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout int
}

type handleBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []handleEntry
}

type deleteBatchOutput struct {
	Successful []done   `xml:"DeleteMessageBatchResultEntry"`
	Failed     []failed `xml:"BatchResultErrorEntry"`
}

func (s *Service) deleteMessageBatch(_ context.Context, in handleBatchInput) (deleteBatchOutput, error) {
	successful, refused, err := s.eachHandle(in, (*Queue).deleteHandle)
	return deleteBatchOutput{successful, refused}, err
}

type hideBatchOutput struct {
	Successful []done   `xml:"ChangeMessageVisibilityBatchResultEntry"`
	Failed     []failed `xml:"BatchResultErrorEntry"`
}

func (s *Service) changeMessageVisibilityBatch(_ context.Context, in handleBatchInput) (hideBatchOutput, error) {
	successful, refused, err := s.eachHandle(in, (*Queue).hideHandle)
	return hideBatchOutput{successful, refused}, err
}

// eachHandle does the same with the message of each entry.
func (s *Service) eachHandle(in handleBatchInput, do func(*Queue, handleInput) error) ([]done, []failed, error) {
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]string, len(in.Entries))
	for i, e := range in.Entries {
		ids[i] = e.ID
	}
	if err := checkBatch(ids); err != nil {
		return nil, nil, err
	}
	successful, refused := []done{}, []failed{}
	for _, e := range in.Entries {
		err := do(q, handleInput{ReceiptHandle: e.ReceiptHandle, VisibilityTimeout: e.VisibilityTimeout})
		if err != nil {
			refused = append(refused, failure(e.ID, err))
			continue
		}
		successful = append(successful, done{e.ID})
	}
	return successful, refused, nil
}

// entryID is an id of an entry (SendMessageBatchRequestEntry in the SQS API reference).
var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkBatch refuses a batch as a whole by the ids of its entries.
func checkBatch(ids []string) error {
	if len(ids) == 0 {
		return refusal("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	}
	if len(ids) > maxBatch {
		return refusal("TooManyEntriesInBatchRequest", "the batch has %d entries and may have %d", len(ids), maxBatch)
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !entryID.MatchString(id) {
			return refusal("InvalidBatchEntryId",
				"an entry has the id %q and must have 1 to 80 letters, digits, hyphens and underscores", id)
		}
		if seen[id] {
			return refusal("BatchEntryIdsNotDistinct", "two entries have the id %s", id)
		}
		seen[id] = true
	}
	return nil
}

// failure is the answer for an entry.
func failure(id string, err error) failed {
	var e *awsprotocol.Error
	if errors.As(err, &e) {
		return failed{ID: id, Code: e.Code, Message: e.Message, SenderFault: true}
	}
	return failed{ID: id, Code: "InternalError", Message: err.Error()}
}

// refusal is an error that clients of the query protocol know under an older code.
func refusal(code, format string, args ...any) *awsprotocol.Error {
	e := awsprotocol.Errorf(code, format, args...)
	e.Legacy = "AWS.SimpleQueueService." + code
	return e
}
