package sources

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/wire"
)

// streamBatch is Lambda's default for a stream.
const streamBatch = 100

// Record is one record of a stream.
type Record struct {
	SequenceNumber string
	PartitionKey   string
	Data           []byte
	ArrivedAt      time.Time
}

// Stream is a stream of one shard that feeds a function, in order. Its methods
// may be called from any goroutine.
type Stream struct {
	// Name and ARN are the stream's.
	Name, ARN string
	Invoke    Invoke
	Retry     Retry
	// Filter reports whether the function gets a record of that data; the others
	// are dropped. Where it is nil the function gets all.
	Filter func(data []byte) bool
	// OnFailure takes a record that was given up.
	OnFailure func(Record)

	mu      sync.Mutex
	last    int
	waiting []Record
	busy    int
	arrived chan struct{}
	once    sync.Once
}

func (s *Stream) signal() chan struct{} {
	s.once.Do(func() { s.arrived = make(chan struct{}, 1) })
	return s.arrived
}

// Put puts a record at the end and gives its sequence number.
func (s *Stream) Put(partitionKey string, data []byte) string {
	s.mu.Lock()
	s.last++
	r := Record{SequenceNumber: fmt.Sprintf("%056d", s.last), PartitionKey: partitionKey, Data: data, ArrivedAt: time.Now()}
	s.waiting = append(s.waiting, r)
	s.mu.Unlock()
	select {
	case s.signal() <- struct{}{}:
	default: // it will look anyway
	}
	return r.SequenceNumber
}

// Backlog is how many records are not done.
func (s *Stream) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) + s.busy
}

// Run feeds the function; it returns when ctx ends.
func (s *Stream) Run(ctx context.Context) {
	for {
		s.process(ctx, s.take())
		if ctx.Err() != nil {
			return
		}
		if s.Backlog() > 0 {
			continue
		}
		select {
		case <-s.signal():
		case <-ctx.Done():
			return
		}
	}
}

// take removes the next batch from the stream and returns those of its records
// that the filter lets pass, which may be none.
func (s *Stream) take() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.waiting[:min(streamBatch, len(s.waiting))]
	s.waiting = s.waiting[len(batch):]
	if s.Filter != nil {
		read := len(batch)
		batch = slices.DeleteFunc(slices.Clone(batch), func(r Record) bool { return !s.Filter(r.Data) })
		if dropped := read - len(batch); dropped > 0 {
			slog.Debug("records do not match the filter and are dropped", "stream", s.Name, "records", dropped)
		}
	}
	s.busy = len(batch)
	return batch
}

func (s *Stream) done(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy -= n
}

// process hands a batch over until each record of it is handled or given up. A
// batch that failed as a whole is bisected.
func (s *Stream) process(ctx context.Context, batch []Record) {
	for attempts := 0; len(batch) > 0 && ctx.Err() == nil; {
		n, all := s.hand(ctx, batch)
		if n > 0 {
			s.done(n)
			batch, attempts = batch[n:], 0
		}
		switch {
		case len(batch) == 0:
			return
		case all && len(batch) > 1:
			half := len(batch) / 2
			s.process(ctx, batch[:half])
			batch, attempts = batch[half:], 0
			continue
		case attempts == s.Retry.Times:
			s.OnFailure(batch[0])
			s.done(1)
			batch, attempts = batch[1:], 0
			continue
		}
		attempts++
		if !wait(ctx, s.Retry.Delay) {
			return
		}
	}
}

// hand gives how many records from the first on were handled; all tells that
// the function failed without saying at which.
func (s *Stream) hand(ctx context.Context, batch []Record) (handled int, all bool) {
	records := make([]any, len(batch))
	for i, r := range batch {
		records[i] = map[string]any{
			"eventSource": "aws:kinesis", "eventSourceARN": s.ARN, "eventVersion": "1.0", "eventName": "aws:kinesis:record",
			"eventID": "shardId-000000000000:" + r.SequenceNumber,
			"kinesis": map[string]any{
				"sequenceNumber": r.SequenceNumber, "partitionKey": r.PartitionKey, "data": r.Data, "kinesisSchemaVersion": "1.0",
				"approximateArrivalTimestamp": float64(r.ArrivedAt.UnixMilli()) / 1000,
			},
		}
	}
	items, all := failed(ctx, s.Invoke, records)
	if all {
		return 0, true
	}
	for i, r := range batch {
		if items[r.SequenceNumber] {
			return i, false
		}
	}
	return len(batch), false
}

type putInput struct {
	StreamName, StreamARN string
	Data                  []byte
	PartitionKey          string
}

type putOutput struct {
	ShardID        string `json:"ShardId"`
	SequenceNumber string
}

// Handler answers PutRecord of the Kinesis JSON protocol.
func (s *Stream) Handler() http.Handler {
	return &wire.JSONService{Version: "1.1", Operations: map[string]wire.Operation{
		"PutRecord": wire.Op(func(_ context.Context, in putInput) (putOutput, error) {
			if in.StreamName != s.Name && in.StreamARN != s.ARN {
				return putOutput{}, wire.Errorf("ResourceNotFoundException", "the local stack has no stream %s%s; it has %s", in.StreamName, in.StreamARN, s.Name)
			}
			return putOutput{ShardID: "shardId-000000000000", SequenceNumber: s.Put(in.PartitionKey, in.Data)}, nil
		}),
	}}
}
