// Package simulate plays a day of calls on the local stack, and compares what the stack
// made of it with what it should have made.
//
// Simulated are the events that Amazon Chime would send: state changes of pipelines that
// record, transcribe, pause, fail, recover, or end without an event (scenario.go lists
// the ways in which a call can go), rule matches, events that no function can handle, and
// calls with voice analytics, with the consent of the people on them (voice.go). Events
// arrive late, out of order and twice. What the Chime API answers about the pipelines at
// the end of the day is simulated, too. Everything else is real: the functions, the
// rules, the table.
//
// day.go plans a day and the truth about it, and puts its events on the bus; call.go makes
// the events of one call, observe.go reads back what became of them, and compare.go
// compares that with the truth.
package simulate

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
)

// Options describe a day. Equal options give equal days, byte for byte.
type Options struct {
	Seed uint64
	// Calls is how many pipelines there are, including those that could not be created.
	Calls int
	// End is the end of the day; its calls began in the 24 hours before.
	End time.Time
}

// Length is how long a day is in the time of its events.
const Length = 24 * time.Hour

// Day is what arrives, and the truth about it.
type Day struct {
	// Deliveries are in the order in which they arrive.
	Deliveries []Delivery
	Truth      Truth
	// API is what the Chime API knows at the end of the day.
	API []chimesdk.Pipeline
	// Began and End bound the arrivals.
	Began, End time.Time
}

// Delivery is one arrival of one event.
type Delivery struct {
	At    time.Time
	Event []byte
}

// Truth is what a system that works makes of a day. What belongs to a call is in the
// order of the calls.
type Truth struct {
	Pipelines []Pipeline
	// Matches are the ids of rule matches that should be stored and notified once.
	Matches     []string
	DeadLetters []DeadLetter
	// Events counts different events; Duplicates those that arrive once more; Reordered
	// those that arrive after an event of their call that was sent later.
	Events, Duplicates, Reordered int
}

// Kind is a kind of notification.
type Kind string

// The kinds of failures. Each belongs to an incident, whose opening is notified.
const (
	PermanentFailure Kind = "permanent-failure"
	CreateFailed     Kind = "create-failed"
	ElementFailure   Kind = "element-failure"
	TemporaryFailure Kind = "temporary-failure" // one that did not recover
)

// Pipeline is what should be known of one pipeline at the end of the day.
type Pipeline struct {
	// ID is the id under which the table keeps it.
	ID string
	// Scenario names what was played.
	Scenario string
	Status   string
	Degraded bool
	// Failure is the kind of failure that should be notified, if any.
	Failure Kind
	// Incidents are, of a pipeline that was found, its incidents with a notification.
	Incidents []string
	// Missed reports that it has ended without an event that says so.
	Missed bool
}

// DeadLetter is an event that a function cannot handle.
type DeadLetter struct{ EventID, Function string }

func (d DeadLetter) String() string { return d.EventID + " from " + d.Function }

// share is out of how many deliveries one is a duplicate or out of order.
const share = 12

// Plan makes a day, in milliseconds for hundreds of calls.
func Plan(o Options) Day {
	end := o.End.UTC().Truncate(time.Second)
	d := Day{End: end, Began: end.Add(-Length)}
	// What is played depends on the seed alone. Ids depend on the end as well, so that no
	// two days in one table share a pipeline.
	choice := rand.New(rand.NewPCG(o.Seed, 0))
	ids := rand.New(rand.NewPCG(o.Seed, uint64(end.Unix())))
	for _, scenario := range cast(choice, o.Calls) {
		c := newCall(choice, ids)
		first, last := d.Began, end.Add(-longest)
		if slices.Contains([]string{"InProgress", "Paused", "TemporarilyFailed"}, scenario.status) {
			first = end.Add(-maxOpen)
		}
		if scenario.missed {
			last = end.Add(-minMissed)
		}
		c.now = first.Add(time.Duration(choice.Int64N(int64(last.Sub(first))))).Truncate(time.Second)
		all(scenario.steps...)(c)
		c.end(scenario)
		d.add(c, choice)
	}
	d.addBroken(newCall(choice, ids), o.Calls)
	slices.SortStableFunc(d.Deliveries, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return d
}

const (
	// longest is longer than any scenario, arrivals included.
	longest = 40 * time.Minute
	// maxOpen is the greatest age of a call that has not ended: the service itself ends a
	// pipeline that is paused for two hours.
	maxOpen = 100 * time.Minute
	// minMissed is the least age of a call that has ended without an event: old enough for
	// the watchdog to ask about it.
	minMissed = 3 * time.Hour
)

// WatchRuns returns how many runs of the watchdog it takes, at the end of a day, to look
// at every pipeline that is still open: one for each forty, and one to be sure.
func (d Day) WatchRuns() int {
	open := ids(d.Truth.Pipelines, func(p Pipeline) bool {
		return p.Missed || p.Status != "Stopped" && p.Status != "Failed" && p.Status != "CreateFailed"
	})
	return 2 + len(open)/40
}

// Play puts every delivery on a bus, the day compressed into the duration, and calls done
// after each. It returns when all are put, with the first error of put, or with the
// context's when that ends before.
func (d Day) Play(ctx context.Context, duration time.Duration, put func(event []byte) error, done func()) error {
	began := time.Now()
	for _, delivery := range d.Deliveries {
		due := began.Add(time.Duration(float64(delivery.At.Sub(d.Began)) / float64(Length) * float64(duration)))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := put(delivery.Event); err != nil {
			return err
		}
		done()
	}
	return nil
}

// cast returns the scenarios to play, shuffled: each once as far as there are calls, so
// that a day has something of everything, and the rest by their weights.
func cast(choice *rand.Rand, calls int) []scenario {
	var byWeight []scenario
	for _, s := range scenarios {
		byWeight = append(byWeight, slices.Repeat([]scenario{s}, s.weight)...)
	}
	all := slices.Clone(scenarios[:min(calls, len(scenarios))])
	for len(all) < calls {
		all = append(all, byWeight[choice.IntN(len(byWeight))])
	}
	choice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// add adds a call. Each of its events arrives a moment after its time, some after the
// event that was sent next, and some arrive again.
func (d *Day) add(c *call, choice *rand.Rand) {
	d.API = append(d.API, c.api...)
	d.Truth.Pipelines = append(d.Truth.Pipelines, c.truth)
	d.Truth.Matches = append(d.Truth.Matches, c.matches...)
	d.Truth.Events += len(c.events)
	arrivals := make([]time.Time, len(c.events))
	for i, e := range c.events {
		arrivals[i] = e.time.Add(time.Duration(200+choice.IntN(800)) * time.Millisecond)
	}
	for i := 1; i < len(arrivals); i++ {
		early := i+1 < len(arrivals) && c.events[i+1].early // the next swap matters more
		if c.events[i].early || !early && choice.IntN(share) == 0 {
			arrivals[i-1], arrivals[i] = arrivals[i], arrivals[i-1]
			i++
		}
	}
	for i := range arrivals {
		if slices.ContainsFunc(arrivals[i+1:], func(later time.Time) bool { return later.Before(arrivals[i]) }) {
			d.Truth.Reordered++
		}
	}
	for i, e := range c.events {
		d.Deliveries = append(d.Deliveries, Delivery{At: arrivals[i], Event: e.body})
		if choice.IntN(share) == 0 {
			later := time.Duration(1+choice.IntN(90)) * time.Second
			d.Deliveries = append(d.Deliveries, Delivery{At: arrivals[i].Add(later), Event: e.body})
			d.Truth.Duplicates++
		}
	}
}

// addBroken adds events that no function can handle, each once and more often on a
// busier day.
func (d *Day) addBroken(c *call, calls int) {
	for n := range len(broken) * (1 + calls/500) {
		c.now = d.Began.Add(time.Duration(c.choice.Int64N(int64(Length))))
		b := broken[n%len(broken)]
		id := c.uuid()
		d.Deliveries = append(d.Deliveries, Delivery{At: c.now, Event: c.envelope(id, b.detailType, b.detail, b.envelope)})
		d.Truth.Events++
		for _, function := range b.functions {
			d.Truth.DeadLetters = append(d.Truth.DeadLetters, DeadLetter{id, function})
		}
	}
}
