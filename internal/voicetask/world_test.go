package voicetask_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// The world is one call on one transaction, everybody who works on it, and one
// scheduler, which lets one of them make one call at a time.
const (
	transaction = "tx"
	callID      = "call"
)

var (
	errKilled = apperr.New(apperr.Unavailable, "worker", "was killed", "")
	errGone   = errors.New("the call is over")
	errTwice  = errors.New("a second task of the kind was asked for while one runs")
	// errLost: the service did it, and its answer did not come.
	errLost      = apperr.New(apperr.Unavailable, "service", "the answer is lost", "")
	errThrottled = errors.New("throttled")
)

// verdict is what the scheduler does with a call that a worker wants to make.
type verdict int

const (
	pass verdict = iota
	killBefore
	killAfter
	refuse // it is not done, and the worker hears so
	lose   // it is done, and the worker hears nothing of it
)

// worker is an invocation of a function: it may be killed at any call.
type worker struct {
	name       string
	run        func(context.Context) error
	dead       bool
	asks, ends chan error
	turn       chan verdict
	// covered is, for each task, whether consent was in force when this worker
	// read the ledger last; nothing is, once it has called the service since.
	covered map[voicetask.Task]bool
	// ledger is what the worker read last, and pipeline whether it has read since then
	// that the call's pipeline runs.
	ledger   voicetask.Ledger
	pipeline bool
	// next is what the call that waits for its turn is: of the table or of the service.
	next string
}

type workerKey struct{}

// gate is where every call of a worker waits for its turn.
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
	w.asks, w.ends, w.turn = make(chan error), make(chan error), make(chan verdict)
	w.covered = map[voicetask.Task]bool{}
	ctx := context.WithValue(context.Background(), workerKey{}, w)
	go func() { w.ends <- w.run(ctx) }()
}

// step lets the worker go on to its next call; done when it has none.
func (w *worker) step() (err error, done bool) {
	select {
	case <-w.asks:
		return nil, false
	case err := <-w.ends:
		return err, true
	}
}

// world holds the ledger, by partition and id, and the service's tasks.
type world struct {
	now        time.Time
	partitions map[string]map[string]voicetask.Entry
	tasks      []task
	over       bool
	pipelineAt time.Time // when the pipeline stopped; zero while it runs
	trouble    []error   // what the service answers next
	faults     []string  // what must never happen and did
	// broken is what the service always answers to a start or a stop of a kind on
	// a transaction, as "start voice-tone tx".
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

func newWorld() *world {
	return &world{now: time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC), partitions: map[string]map[string]voicetask.Entry{},
		asked: map[string]bool{}}
}

func (w *world) at(minute int) time.Time {
	return time.Date(2026, 3, 11, 8, minute, 0, 0, time.UTC)
}

// Enter writes each partition by a call of its own, as the table does.
func (w *world) Enter(ctx context.Context, e voicetask.Entry) error {
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
				w.faults = append(w.faults, worker.name+" began a start without a look at the pipeline")
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

func (w *world) Ledger(ctx context.Context, id string) (voicetask.Ledger, error) {
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

func (w *world) CallLedger(ctx context.Context, id string) (ledger voicetask.Ledger, err error) {
	err = gate(ctx, "read", func(*worker) error {
		ledger = w.read("C" + id)
		return nil
	})
	return ledger, err
}

func (w *world) read(partition string) (ledger voicetask.Ledger) {
	entries := w.partitions[partition]
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		ledger = append(ledger, entries[id])
	}
	return ledger
}

func (w *world) PipelineEnd(ctx context.Context, _ string) (id string, at time.Time, ended bool, err error) {
	err = gate(ctx, "read", func(worker *worker) error {
		id, at, ended = "p", w.pipelineAt, !w.pipelineAt.IsZero()
		worker.pipeline = !ended
		return nil
	})
	return id, at, ended, err
}

// all is the whole ledger of the transaction, as chimewatch shows it.
func (w *world) all() voicetask.Ledger {
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

// inForce is what the test holds the decisions against: the last word on the
// task that is in the ledger is a yes whose time is not over. Of words of the
// same moment, any no counts before every yes.
func (w *world) inForce(t voicetask.Task) bool {
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
	for _, partition := range w.partitions { // of several yeses of one moment the greatest id counts
		for _, e := range partition {
			if e.Kind == voicetask.Granted && e.At.Equal(last) &&
				(e.Scope == voicetask.ScopeBoth || string(e.Scope) == string(t)) && e.Event > newest {
				newest, yes = e.Event, e.Until.IsZero() || w.now.Before(e.Until)
			}
		}
	}
	return yes && !no
}

func (w *world) ready(transaction string) bool {
	for _, e := range w.partitions["T"+transaction] {
		if e.Kind == voicetask.Ready {
			return true
		}
	}
	return false
}

func (w *world) running(t voicetask.Task, transaction string) (ids []string) {
	for _, task := range w.tasks {
		if task.kind == t && task.transaction == transaction && !task.stopped {
			ids = append(ids, task.id)
		}
	}
	return ids
}

// nextTrouble gives the error that the service answers an operation with, if any.
func (w *world) nextTrouble(operation string, e voicetask.Entry) error {
	if err := w.broken[fmt.Sprintf("%s %s %s", operation, e.Task, e.TransactionID)]; err != nil || len(w.trouble) == 0 {
		return err
	}
	err := w.trouble[0]
	w.trouble = w.trouble[1:]
	return err
}

// Start is the service's: the same token gives the same task.
func (w *world) Start(ctx context.Context, e voicetask.Entry) (id string, err error) {
	err = gate(ctx, "start", func(worker *worker) error {
		covered := worker.covered[e.Task]
		if needless(worker.ledger, e) && !w.asked[e.Token] {
			w.faults = append(w.faults, worker.name+" asked for a start on a call that is over")
		}
		w.asked[e.Token] = true
		w.starts++
		clear(worker.covered)
		lost := w.nextTrouble("start", e)
		if lost != nil && !errors.Is(lost, errLost) {
			return lost
		}
		if e.Token == "" || e.VoiceConnectorID != "vc" || !w.ready(e.TransactionID) {
			w.faults = append(w.faults, fmt.Sprintf("a start without its call: %+v", e))
		}
		for _, t := range w.tasks {
			if t.kind == e.Task && t.token == e.Token {
				id = t.id
				return lost
			}
		}
		if w.over {
			return errGone
		}
		if !covered {
			w.faults = append(w.faults, fmt.Sprintf("%s started %s without consent", worker.name, e.Task))
		}
		if len(w.running(e.Task, e.TransactionID)) > 0 {
			w.faults = append(w.faults, fmt.Sprintf("%s started %s a second time", worker.name, e.Task))
			return errTwice
		}
		id = fmt.Sprintf("task-%d", len(w.tasks))
		w.tasks = append(w.tasks, task{id: id, token: e.Token, transaction: e.TransactionID, kind: e.Task})
		return lost
	})
	return id, err
}

// needless reports whether a ledger says that the call is over, and that no other run
// can have asked for the start before.
func needless(l voicetask.Ledger, e voicetask.Entry) bool {
	over, done := false, map[string]bool{e.Try: true}
	for _, of := range l {
		over = over || of.Kind == voicetask.Ended
		if of.Kind == voicetask.NotSent && of.Task == e.Task {
			done[of.Try] = true
		}
	}
	return over && !slices.ContainsFunc(l, func(of voicetask.Entry) bool {
		return of.Task == e.Task && (of.Kind == voicetask.Starting || of.Kind == voicetask.Asking) && !done[of.Try]
	})
}

func (w *world) Stop(ctx context.Context, e voicetask.Entry) (ended string, err error) {
	err = gate(ctx, "stop", func(worker *worker) error {
		clear(worker.covered)
		lost := w.nextTrouble("stop", e)
		if lost != nil && !errors.Is(lost, errLost) {
			return lost
		}
		i := slices.IndexFunc(w.tasks, func(t task) bool { return t.id == e.TaskID && t.kind == e.Task })
		if i < 0 || w.tasks[i].stopped {
			ended = "it is over"
			return lost
		}
		w.tasks[i].stopped = true
		return lost
	})
	return ended, err
}

func (w *world) Answer(err error) (code, message string) {
	if errors.Is(err, errGone) {
		return voicetask.CodeGone, err.Error()
	}
	return "", ""
}

func (w *world) Count(string, int) {}

// end is the hang-up.
func (w *world) end() {
	w.over = true
	for i := range w.tasks {
		w.tasks[i].stopped = true
	}
}

func (w *world) keeper(on ...voicetask.Task) *voicetask.TaskRunner {
	settings := voicetask.Settings{}
	for _, t := range on {
		settings[t] = true
	}
	return &voicetask.TaskRunner{Table: w, Service: w, On: settings, Now: func() time.Time { return w.now }, Counts: w}
}
