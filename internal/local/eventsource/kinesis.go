package eventsource

import (
	"fmt"
	"math/big"
	"net/http"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// Limits of records (PutRecords in the Kinesis API reference).
const (
	maxRecord  = 10 << 20 // bytes of data and key
	maxRecords = 500
	maxRequest = 10 << 20 // bytes of all records
	maxKey     = 256      // characters
	shard      = "shardId-000000000000"
)

type putEntry struct {
	Data            []byte
	PartitionKey    string
	ExplicitHashKey *string
}

// streamInput is the part of a request that names the stream.
type streamInput struct{ StreamName, StreamARN string }

type putInput struct {
	streamInput
	putEntry
}

type putRecordsInput struct {
	streamInput
	Records []putEntry
}

type putRecordsOutput struct {
	FailedRecordCount int
	Records           []putResult
}

// putResult is the result for one record, stored or refused.
type putResult struct {
	ShardID        string `json:"ShardId,omitempty"`
	SequenceNumber string `json:",omitempty"`
	ErrorCode      string `json:",omitempty"`
	ErrorMessage   string `json:",omitempty"`
}

// Handler answers PutRecord and PutRecords of the Kinesis JSON protocol.
func (s *Stream) Handler() http.Handler {
	return &awsprotocol.Service{JSONVersion: "1.1", Operations: map[string]awsprotocol.Operation{
		"PutRecord": awsprotocol.Op(s.putRecord), "PutRecords": awsprotocol.Op(s.putRecords),
	}}
}

func (s *Stream) putRecord(_ *http.Request, in putInput) (putResult, error) {
	if err := s.check(in.streamInput); err != nil {
		return putResult{}, err
	}
	if err := in.check("data"); err != nil {
		return putResult{}, err
	}
	number, err := s.Put(in.PartitionKey, in.Data)
	return putResult{ShardID: shard, SequenceNumber: number}, err
}

// putRecords refuses all records where one is invalid, as Kinesis does. Those that cannot
// be stored fail one by one.
func (s *Stream) putRecords(_ *http.Request, in putRecordsInput) (putRecordsOutput, error) {
	out := putRecordsOutput{Records: []putResult{}}
	if err := s.check(in.streamInput); err != nil {
		return out, err
	}
	if n := len(in.Records); n < 1 || n > maxRecords {
		return out, awsprotocol.Errorf("ValidationException", "the request has %d records and must have 1 to %d", n,
			maxRecords)
	}
	size := 0
	for i, r := range in.Records {
		if err := r.check(fmt.Sprintf("records.%d.member.data", i+1)); err != nil {
			return out, err
		}
		size += len(r.Data) + len(r.PartitionKey)
	}
	if size > maxRequest {
		return out, awsprotocol.Errorf("InvalidArgumentException", "the records have %d bytes together and may have %d", size,
			maxRequest)
	}
	for _, r := range in.Records {
		number, err := s.Put(r.PartitionKey, r.Data)
		if err != nil {
			out.FailedRecordCount++
			out.Records = append(out.Records, putResult{ErrorCode: "InternalFailure", ErrorMessage: err.Error()})
			continue
		}
		out.Records = append(out.Records, putResult{ShardID: shard, SequenceNumber: number})
	}
	return out, nil
}

func (s *Stream) check(in streamInput) error {
	switch {
	case in.StreamName == "" && in.StreamARN == "":
		return awsprotocol.Errorf("InvalidArgumentException",
			"StreamARN or StreamName is required; the local stack has the stream %s",
			s.Name)
	case in.StreamName != "" && in.StreamName != s.Name || in.StreamARN != "" && in.StreamARN != s.ARN:
		return awsprotocol.Errorf("ResourceNotFoundException", "the local stack has no stream %s%s; it has %s",
			in.StreamName, in.StreamARN, s.Name)
	}
	return nil
}

// check refuses a record that Kinesis does not accept; at names its data.
func (e putEntry) check(at string) error {
	if n := len([]rune(e.PartitionKey)); n < 1 || n > maxKey {
		return awsprotocol.Errorf("ValidationException", "the partition key of %s has %d characters and must have 1 to %d",
			at, n, maxKey)
	}
	if e.Data == nil {
		return awsprotocol.Errorf("ValidationException", "%s is missing", at)
	}
	if n := len(e.Data) + len(e.PartitionKey); n > maxRecord {
		return awsprotocol.Errorf("ValidationException", "%s has %d bytes with its key and may have %d", at, n, maxRecord)
	}
	if e.ExplicitHashKey != nil {
		n, ok := new(big.Int).SetString(*e.ExplicitHashKey, 10)
		if !ok || n.Sign() < 0 || n.BitLen() > 128 {
			return awsprotocol.Errorf("InvalidArgumentException",
				"the explicit hash key %q of %s is not a number from 0 to 2^128-1",
				*e.ExplicitHashKey, at)
		}
	}
	return nil
}
