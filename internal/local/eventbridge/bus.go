// Package eventbridge stands in for EventBridge: an event bus that accepts events from
// clients, matches them with the routing table and queues them for functions.
package eventbridge

import (
	"cmp"
	"maps"
	"sync"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// Name is the name of the one bus there is.
const Name = "default"

// Options are the account and Region of a bus, and where its events go.
type Options struct {
	Account, Region string
	Rules           eventrule.Rules
	// Invoke queues an event for a function. An error means that the event can never be
	// delivered; its class is the reason.
	Invoke func(function string, event []byte) error
	// Undeliverable receives what Invoke refused.
	Undeliverable func(DeadLetter)
	// Sent is called with each event that a client puts on the bus, before it is
	// delivered.
	Sent func(event []byte)
}

// DeadLetter is an event that could not be delivered to the target of a rule, with what
// EventBridge adds in a target's dead-letter queue.
type DeadLetter struct {
	Event                                      []byte
	RuleARN, TargetARN, ErrorCode, ErrorDetail string
}

// Bus matches events and delivers each to the function of every rule that matches, once
// for each rule. Its methods may be called from any goroutine.
type Bus struct {
	options Options

	mu      sync.Mutex
	events  int
	matches map[string]int
}

// New makes a bus.
func New(o Options) *Bus {
	b := &Bus{options: o, matches: map[string]int{}}
	for _, rule := range o.Rules {
		b.matches[rule.Name] = 0
	}
	return b
}

// Put puts one whole event, envelope included, on the bus, as a service of AWS does. It
// returns when the event is queued for the function of every rule that matches. An error
// of class Invalid means that it is not an event.
func (b *Bus) Put(event []byte) error {
	if !utf8.Valid(event) {
		return apperr.New(apperr.Invalid, "event", "it is not UTF-8", "send JSON text in UTF-8")
	}
	matched, err := b.options.Rules.Match(event)
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.events++
	for _, rule := range matched {
		b.matches[rule.Name]++
	}
	b.mu.Unlock()
	for _, rule := range matched {
		if err := b.options.Invoke(rule.Function, event); err != nil {
			b.options.Undeliverable(DeadLetter{
				Event:       event,
				RuleARN:     "arn:aws:events:" + b.options.Region + ":" + b.options.Account + ":rule/" + rule.Name,
				TargetARN:   "arn:aws:lambda:" + b.options.Region + ":" + b.options.Account + ":function:" + rule.Function,
				ErrorCode:   cmp.Or(errorCodes[apperr.ClassOf(err)], "ERROR_FROM_TARGET"),
				ErrorDetail: err.Error(),
			})
		}
	}
	return nil
}

// errorCodes are EventBridge's codes for the reasons; any other is an ERROR_FROM_TARGET.
var errorCodes = map[apperr.Class]string{
	apperr.NotFound: "NO_RESOURCE", apperr.Invalid: "INVALID_PARAMETER", apperr.Throttled: "THROTTLING",
}

// Counts returns how many events were put so far and how often each rule matched.
func (b *Bus) Counts() (events int, matches map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events, maps.Clone(b.matches)
}
