package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/journal"
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
	// OnFailure receives a record that was given up.
	OnFailure func(Record)

	disk    *journal.Journal
	failed  func(error)
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

// Open goes on with the records on disk that were not done, and keeps there what comes
// from then on. failed is called when the disk fails. It is not for concurrent use, and
// is called before Run. The error is of class Invalid for an entry that is no record.
func (s *Stream) Open(disk *journal.Journal, entries []journal.Entry, failed func(error)) error {
	for _, e := range entries {
		var r Record
		err := json.Unmarshal(e.Value, &r)
		n, notNumber := strconv.Atoi(r.SequenceNumber)
		if err = errors.Join(err, notNumber); err != nil {
			return apperr.Wrap(err, apperr.Invalid, "record "+e.ID+" of stream "+s.Name, "cannot be read from the disk",
				"delete its line from the file")
		}
		s.waiting, s.last = append(s.waiting, r), max(s.last, n)
	}
	// Sequence numbers go on rising, also where nothing is left of the last run.
	s.last = max(s.last, int(time.Now().UnixMicro()))
	s.disk, s.failed = disk, failed
	return nil
}

// Put puts a record at the end and returns its sequence number. The error is that of the
// disk; the record is then not in the stream.
func (s *Stream) Put(partitionKey string, data []byte) (string, error) {
	s.mu.Lock()
	r := Record{SequenceNumber: fmt.Sprintf("%056d", s.last+1), PartitionKey: partitionKey, Data: data,
		ArrivedAt: time.Now()}
	if err := s.disk.Put(r.SequenceNumber, r); err != nil {
		s.mu.Unlock()
		s.failed(err)
		return "", err
	}
	s.last++
	s.waiting = append(s.waiting, r)
	s.mu.Unlock()
	select {
	case s.signal() <- struct{}{}:
	default: // it will look anyway
	}
	return r.SequenceNumber, nil
}

// forget removes records that are done from the disk.
func (s *Stream) forget(records []Record) {
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.SequenceNumber
	}
	if err := s.disk.Remove(ids...); err != nil {
		s.failed(err) // they come again with the next start, as a stream may bring them
	}
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
		var dropped []Record
		batch = slices.DeleteFunc(slices.Clone(batch), func(r Record) bool {
			matches := s.Filter(r.Data)
			if !matches {
				dropped = append(dropped, r)
			}
			return !matches
		})
		if len(dropped) > 0 {
			slog.Debug("records do not match the filter and are dropped", "stream", s.Name, "records", len(dropped))
			s.forget(dropped)
		}
	}
	s.busy = len(batch)
	return batch
}

// done counts records that were handled or given up.
func (s *Stream) done(records []Record) {
	s.forget(records)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy -= len(records)
}

// process hands a batch over until each record of it is handled or given up. A
// batch that failed as a whole is bisected.
func (s *Stream) process(ctx context.Context, batch []Record) {
	for attempts := 0; len(batch) > 0 && ctx.Err() == nil; {
		n, all := s.hand(ctx, batch)
		if n > 0 {
			s.done(batch[:n])
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
			s.done(batch[:1])
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
