// Package eventbridge is the local event bus: it takes events from any EventBridge
// client, matches them with the routing table and hands them to functions.
package eventbridge

import (
	"sync"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// Name is the name of the one bus there is.
const Name = "default"

// Options says where a bus is and where its events go.
type Options struct {
	Account, Region string
	Rules           []eventrule.Rule
	// Invoke queues an event for a function. An error means that the event can
	// never be delivered; its class tells why.
	Invoke func(function string, event []byte) error
	// Undeliverable takes what Invoke refused.
	Undeliverable func(DeadLetter)
	// Sent, where it is not nil, hears of each event that a client puts on the bus,
	// before it is delivered.
	Sent func(event []byte)
}

// DeadLetter is an event that could not be delivered to the target of a rule,
// with what EventBridge tells about it in a target's dead-letter queue.
type DeadLetter struct {
	Event                                      []byte
	RuleARN, TargetARN, ErrorCode, ErrorDetail string
}

// Bus matches events and delivers each to the function of every rule that it
// meets, once for each rule. Its methods may be called from any goroutine.
type Bus struct {
	options Options
	matcher *eventrule.Matcher

	mu      sync.Mutex
	events  int
	matches map[string]int
}

// New makes a bus. The error is of class Invalid and comes from the rules.
func New(o Options) (*Bus, error) {
	matcher, err := eventrule.Compile(o.Rules)
	if err != nil {
		return nil, err
	}
	return &Bus{options: o, matcher: matcher, matches: map[string]int{}}, nil
}

// Put takes one whole event, envelope included, as a service of AWS puts it on
// the bus by itself. It returns when the event is queued for every function
// that it goes to. An error of class Invalid means that it is no event.
func (b *Bus) Put(event []byte) error {
	if !utf8.Valid(event) {
		return apperr.New(apperr.Invalid, "event", "it is not UTF-8", "send JSON text in UTF-8")
	}
	matched, err := b.matcher.Match(event)
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
				ErrorCode:   errorCode(err),
				ErrorDetail: err.Error(),
			})
		}
	}
	return nil
}

// errorCode gives the word that EventBridge has for the reason.
func errorCode(err error) string {
	switch apperr.ClassOf(err) {
	case apperr.NotFound:
		return "NO_RESOURCE"
	case apperr.Invalid:
		return "INVALID_PARAMETER"
	case apperr.Throttled:
		return "THROTTLING"
	default:
		return "ERROR_FROM_TARGET"
	}
}

// Counts gives how many events were put so far and how often each rule matched.
func (b *Bus) Counts() (events int, matches map[string]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	matches = make(map[string]int, len(b.options.Rules))
	for _, rule := range b.options.Rules {
		matches[rule.Name] = b.matches[rule.Name]
	}
	return b.events, matches
}
