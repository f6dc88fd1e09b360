package voicetask_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// The simulator is one call on one transaction, the workers that handle its events, and
// one scheduler, which lets one worker make one request at a time.
const (
	transaction = "tx"
	callID      = "call"
)

var (
	errKilled = apperr.New(apperr.Unavailable, "worker", "was killed", "")
	errGone   = errors.New("the call is over")
	errTwice  = errors.New("a second task of the kind was asked for while one runs")
	// errLost: the service did it, and its answer was lost.
	errLost      = apperr.New(apperr.Unavailable, "service", "the answer is lost", "")
	errThrottled = errors.New("throttled")
)

// fate is what the scheduler does with a request that a worker wants to make.
type fate int

const (
	pass fate = iota
	killBefore
	killAfter
	refuse // it is not done, and the worker gets an error
	lose   // it is done, and the worker gets no answer
)

// worker is an invocation of a function: it may be killed at any request.
type worker struct {
	name       string
	run        func(context.Context) error
	dead       bool
	asks, ends chan error
	turn       chan fate
	// covered is, for each task, whether consent was in force when this worker
	// read the ledger last; nothing is, once it has called the service since.
	covered map[voicetask.Task]bool
	// ledger is what the worker read last, and pipeline whether it has read since then
	// that the call's pipeline runs.
	ledger   voicetask.Ledger
	pipeline bool
	// next is the request that waits for its turn: read, write, start or stop.
	next string
}

type workerKey struct{}

// gate is where every request of a worker waits for its turn.
func gate(ctx context.Context, what string, do func(*worker) error) error {
	w := ctx.Value(workerKey{}).(*worker)
	if w.dead {
		return errKilled
	}
	w.next = what
	w.asks <- nil
	v := <-w.turn
	switch v {
	case killBefore:
		w.dead = true
		return errKilled
	case refuse:
		return errThrottled
	}
	err := do(w)
	switch v {
	case killAfter:
		w.dead = true
		return errKilled
	case lose:
		return errLost
	}
	return err
}

func (w *worker) start() {
	w.asks, w.ends, w.turn = make(chan error), make(chan error), make(chan fate)
	w.covered = map[voicetask.Task]bool{}
	ctx := context.WithValue(context.Background(), workerKey{}, w)
	go func() { w.ends <- w.run(ctx) }()
}

// step lets the worker go on to its next request; done when it has none.
func (w *worker) step() (err error, done bool) {
	select {
	case <-w.asks:
		return nil, false
	case err := <-w.ends:
		return err, true
	}
}

// simulator holds the ledger, by partition and id, and the service's tasks.
type simulator struct {
	now        time.Time
	partitions map[string]map[string]voicetask.Entry
	tasks      []task
	over       bool
	pipelineAt time.Time // when the pipeline stopped; zero while it runs
	apiErrors  []error   // what the service answers next
	violations []string  // what must never happen and did
	// broken is what the service always answers to a start or a stop of a task on a
	// transaction, such as "start voice-tone tx".
	broken map[string]error
	// asked are the tokens that the service was asked with, starts how often it was.
	asked  map[string]bool
	starts int
}

type task struct {
	id, token, transaction string
	kind                   voicetask.Task
	stopped                bool
}

func newSimulator() *simulator {
	return &simulator{
		now:        time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC),
		partitions: map[string]map[string]voicetask.Entry{},
		asked:      map[string]bool{},
	}
}

func (w *simulator) at(minute int) time.Time {
	return time.Date(2026, 3, 11, 8, minute, 0, 0, time.UTC)
}

// Enter writes each partition with a request of its own, as the table does.
func (w *simulator) Enter(ctx context.Context, e voicetask.Entry) error {
	var partitions []string
	if e.TransactionID != "" {
		partitions = append(partitions, "T"+e.TransactionID)
	}
	if e.CallID != "" && (e.Kind == voicetask.Ready || e.TransactionID == "") {
		partitions = append(partitions, "C"+e.CallID)
	}
	for _, p := range partitions {
		err := gate(ctx, "write", func(worker *worker) error {
			if w.partitions[p] == nil {
				w.partitions[p] = map[string]voicetask.Entry{}
			}
			if e.Kind == voicetask.Starting && !worker.pipeline {
				w.violations = append(w.violations, worker.name+" began a start without a look at the pipeline")
			}
			if _, there := w.partitions[p][e.ID()]; !there {
				w.partitions[p][e.ID()] = e
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *simulator) Ledger(ctx context.Context, id string) (voicetask.Ledger, error) {
	var ledger voicetask.Ledger
	err := gate(ctx, "read", func(worker *worker) error {
		ledger = w.read("T" + id)
		worker.ledger, worker.pipeline = ledger, false
		for _, t := range voicetask.Tasks() {
			worker.covered[t] = w.inForce(t)
		}
		return nil
	})
	for _, c := range ledger.CallIDs() {
		of, err := w.CallLedger(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, e := range of {
			if e.Kind != voicetask.Ready { // the transaction's own is there
				ledger = append(ledger, e)
			}
		}
	}
	return ledger, err
}

func (w *simulator) CallLedger(ctx context.Context, id string) (ledger voicetask.Ledger, err error) {
	err = gate(ctx, "read", func(*worker) error {
		ledger = w.read("C" + id)
		return nil
	})
	return ledger, err
}

func (w *simulator) read(partition string) (ledger voicetask.Ledger) {
	entries := w.partitions[partition]
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		ledger = append(ledger, entries[id])
	}
	return ledger
}

func (w *simulator) PipelineEnd(ctx context.Context, _ string) (id string, at time.Time, ended bool, err error) {
	err = gate(ctx, "read", func(worker *worker) error {
		id, at, ended = "p", w.pipelineAt, !w.pipelineAt.IsZero()
		worker.pipeline = !ended
		return nil
	})
	return id, at, ended, err
}

// all is the whole ledger of the transaction, as chimewatch shows it.
func (w *simulator) all() voicetask.Ledger {
	ledger := w.read("T" + transaction)
	for _, e := range w.read("C" + callID) {
		if e.Kind != voicetask.Ready {
			ledger = append(ledger, e)
		}
	}
	if !w.pipelineAt.IsZero() {
		ledger = append(ledger, voicetask.Entry{Kind: voicetask.Ended, At: w.pipelineAt, TransactionID: transaction})
	}
	return ledger
}

// inForce is what the tests compare with: the last decision on the task that is in the
// ledger is a grant that has not expired. Of decisions of the same moment, any denial
// counts before every grant.
func (w *simulator) inForce(t voicetask.Task) bool {
	var last time.Time
	yes, no := false, false
	for _, partition := range w.partitions {
		for _, e := range partition {
			said := e.Kind == voicetask.Granted || e.Kind == voicetask.Denied || e.Kind == voicetask.Withdrawn
			if !said || e.Scope != voicetask.ScopeBoth && string(e.Scope) != string(t) {
				continue
			}
			if e.At.After(last) {
				last, yes, no = e.At, false, false
			}
			if e.At.Equal(last) {
				no = no || e.Kind != voicetask.Granted
			}
		}
	}
	newest := ""
	for _, partition := range w.partitions { // of several grants of one moment the greatest id counts
		for _, e := range partition {
			if e.Kind == voicetask.Granted && e.At.Equal(last) &&
				(e.Scope == voicetask.ScopeBoth || string(e.Scope) == string(t)) && e.Event > newest {
				newest, yes = e.Event, e.Until.IsZero() || w.now.Before(e.Until)
			}
		}
	}
	return yes && !no
}

func (w *simulator) ready(transaction string) bool {
	for _, e := range w.partitions["T"+transaction] {
		if e.Kind == voicetask.Ready {
			return true
		}
	}
	return false
}

func (w *simulator) running(t voicetask.Task, transaction string) (ids []string) {
	for _, task := range w.tasks {
		if task.kind == t && task.transaction == transaction && !task.stopped {
			ids = append(ids, task.id)
		}
	}
	return ids
}
