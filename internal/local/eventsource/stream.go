package eventsource

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

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

// Stream is a stream of one shard, with the event source mapping that invokes a function
// with its records, in order. Its methods may be called from any goroutine.
type Stream struct {
	Name, ARN string
	Invoke    Invoke
	Retry     Retry
	// Filter reports whether the function receives a record of that data; the others
	// are dropped.
	Filter func(data []byte) bool
	// OnFailure receives a record that failed for good.
	OnFailure func(Record)

	disk   *journal.Journal
	failed func(error)

	mu      sync.Mutex
	last    int           // the last sequence number
	waiting []Record      // neither handled nor given up, oldest first
	arrived chan struct{} // closed by the next Put, if not nil
}

// Open reads the records on disk that are not done, and stores there what is put from
// then on. failed is called when the disk fails. It is not for concurrent use, and is
// called before Run. The error is of class Invalid for an entry that is not a record.
func (s *Stream) Open(disk *journal.Journal, entries []journal.Entry, failed func(error)) (err error) {
	s.disk, s.failed = disk, failed
	s.waiting, err = journal.Decode[Record](entries, "stream "+s.Name+", record")
	// Sequence numbers keep rising, also where no record of the last run is left.
	s.last = int(time.Now().UnixMicro())
	for _, r := range s.waiting {
		n, _ := strconv.Atoi(r.SequenceNumber) // the clock may have been set back
		s.last = max(s.last, n)
	}
	return err
}

// Put puts a record at the end, unless the filter drops it, and returns its sequence
// number. The error is that of the disk; the record is then not in the stream.
func (s *Stream) Put(partitionKey string, data []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	r := Record{fmt.Sprintf("%056d", s.last), partitionKey, data, time.Now()}
	if !s.Filter(data) {
		slog.Debug("a record does not match the filter and is dropped", "stream", s.Name)
		return r.SequenceNumber, nil
	}
	if err := s.disk.Put(r.SequenceNumber, r); err != nil {
		s.failed(err)
		return "", err
	}
	s.waiting = append(s.waiting, r)
	if s.arrived != nil {
		close(s.arrived)
		s.arrived = nil
	}
	return r.SequenceNumber, nil
}

// Backlog returns how many records are waiting.
func (s *Stream) Backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Run invokes the function until ctx ends.
func (s *Stream) Run(ctx context.Context) {
	for ctx.Err() == nil {
		batch, arrived := s.first()
		if len(batch) > 0 {
			s.process(ctx, batch)
			continue
		}
		select {
		case <-arrived:
		case <-ctx.Done():
		}
	}
}

// first returns the first waiting records, and a channel that is closed when another
// one arrives.
func (s *Stream) first() ([]Record, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arrived == nil {
		s.arrived = make(chan struct{})
	}
	return slices.Clone(s.waiting[:min(streamBatch, len(s.waiting))]), s.arrived
}

// done removes the first n waiting records, which were handled or given up.
func (s *Stream) done(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, n)
	for i, r := range s.waiting[:n] {
		ids[i] = r.SequenceNumber
	}
	s.waiting = s.waiting[n:]
	if err := s.disk.Remove(ids...); err != nil {
		s.failed(err) // they come again after the next start, as records of a stream may
	}
}

// process invokes the function with a batch, the first waiting records, until each of
// them is handled or given up. A batch that failed as a whole is bisected.
func (s *Stream) process(ctx context.Context, batch []Record) {
	for attempts := 0; len(batch) > 0 && ctx.Err() == nil; {
		n, all := s.invoke(ctx, batch)
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
		case attempts == s.Retry.Times:
			s.OnFailure(batch[0])
			s.done(1)
			batch, attempts = batch[1:], 0
		default:
			attempts++
			select {
			case <-time.After(s.Retry.Delay):
			case <-ctx.Done():
			}
		}
	}
}

// invoke returns how many records from the first on were handled; all reports that the
// function failed without naming a record.
func (s *Stream) invoke(ctx context.Context, batch []Record) (handled int, all bool) {
	records := make([]any, len(batch))
	for i, r := range batch {
		records[i] = map[string]any{
			"eventSource": "aws:kinesis", "eventSourceARN": s.ARN, "eventVersion": "1.0", "eventName": "aws:kinesis:record",
			"eventID": shard + ":" + r.SequenceNumber,
			"kinesis": map[string]any{
				"sequenceNumber": r.SequenceNumber, "partitionKey": r.PartitionKey, "data": r.Data, "kinesisSchemaVersion": "1.0",
				"approximateArrivalTimestamp": float64(r.ArrivedAt.UnixMilli()) / 1000,
			},
		}
	}
	failed, all := s.Invoke.batch(ctx, records)
	if all {
		return 0, true
	}
	first := slices.IndexFunc(batch, func(r Record) bool { return failed[r.SequenceNumber] })
	if first < 0 {
		first = len(batch)
	}
	return first, false
}
