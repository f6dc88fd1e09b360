package rulematch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// Repository stores rule matches and what was sent of them. Each method is one read or
// one conditional write; a write whose condition does not hold is no error.
type Repository interface {
	// RecordMatch stores a match of a rule of that type, and counts one that names no
	// call in its group. It is idempotent.
	RecordMatch(ctx context.Context, ev *chime.Event, ruleType string) error
	// KeyOf returns what a match is notified by. grouped makes that the group where the
	// match names no call; otherwise such a match stands alone.
	KeyOf(ev *chime.Event, grouped bool) Key
	// CallOf returns the newest pipeline of a call; an error of class NotFound where none
	// is known yet.
	CallOf(context.Context, chime.CallFields) (pipeline.State, error)
	// Window returns what was sent about a key.
	Window(context.Context, Key) (Window, error)
	// EndedWindows returns the open windows whose last notification was sent before a
	// time. Where some cannot be read, it returns the others and the error.
	EndedWindows(ctx context.Context, before time.Time) ([]Window, error)
	// Unsent counts what was not sent. ev is the match at hand; nil at a window's end.
	Unsent(ctx context.Context, w Window, ev *chime.Event) (Unsent, error)
	// NewestUnsent returns the body of the newest match of u; nil where it is gone.
	NewestUnsent(ctx context.Context, w Window, u Unsent) ([]byte, error)
	// SetSent changes was to is, unless another process has sent since, and opens the
	// window.
	SetSent(ctx context.Context, was, is Window) error
	// HoldBack records that a stored match is held back; false where the window has ended
	// since w was read, or another notification was sent.
	HoldBack(ctx context.Context, w Window, ev *chime.Event) (bool, error)
	// EndWindow ends a window, unless something was held back since w was read.
	EndWindow(context.Context, Window) error
}

// Notification is what a notification about a rule match says.
type Notification struct {
	// Event is the match; its RulesMatched is set.
	Event *chime.Event
	// Call is what is known of the call's pipeline; nil where that is nothing.
	Call *pipeline.State
	// Severity and Topic are those of the rule's route.
	Severity incident.Severity
	Topic    string
	// Held counts the other matches of the key that no notification has counted.
	Held int
	// DeduplicationID names the notification; empty where each match is notified.
	DeduplicationID string
	// Key and Unsent are recorded with the notification.
	Key    Key
	Unsent Unsent
}

// Sent is what the record of a notification says.
type Sent struct {
	// At is zero while another process is sending it.
	At    time.Time
	Calls int
	Tally string
}

// Notifier sends a notification once, however often and by however many processes it is
// called, and returns what was sent.
type Notifier interface {
	Notify(context.Context, Notification) (Sent, error)
}

// Counter counts by name, for metrics. It must be safe for concurrent use.
type Counter interface {
	Count(name string, n int)
}

// Service stores rule matches, finds their calls and notifies people: at most once a
// window for a rule on a call, with the count of what was held back. Matches that name
// no call are held back together, by rule and group.
type Service struct {
	Repo     Repository
	Notifier Notifier
	Routes   Routes
	// Window is the least time between two notifications about a key; zero sends one for
	// every match.
	Window time.Duration
	Counts Counter
	Now    func() time.Time
}

// Handle stores one rule match, and notifies people or holds it back. It is idempotent.
func (s *Service) Handle(ctx context.Context, event []byte) error {
	ev, err := chime.Parse(event)
	if err != nil {
		return err
	}
	if ev.RulesMatched == nil {
		return apperr.New(apperr.Invalid, "event "+ev.ID, "is "+ev.DetailType+", not "+chime.DetailRulesMatched,
			"check the rule that routed it here")
	}
	if err := s.Repo.RecordMatch(ctx, ev, InferType(ev.RulesMatched)); err != nil {
		return err
	}
	if err := s.notifyOrHold(ctx, ev); err != nil {
		return err
	}
	s.Counts.Count("RuleMatches", 1)
	return nil
}

// notifyOrHold notifies of all matches of ev's key that were not sent, with the text of
// ev, or holds ev back. It waits while another process is sending: what that one counts
// is not known before.
func (s *Service) notifyOrHold(ctx context.Context, ev *chime.Event) error {
	key := s.Repo.KeyOf(ev, s.Window > 0)
	for {
		var done bool
		w, err := s.window(ctx, key)
		switch {
		case err != nil:
		case s.Window <= 0: // each match is notified
			var sent Sent
			sent, err = s.notify(ctx, Notification{Event: ev, Key: key})
			done = !sent.At.IsZero()
		case w.Holds(s.Now(), s.Window):
			if done, err = s.Repo.HoldBack(ctx, w, ev); done {
				s.Counts.Count("RuleMatchesHeldBack", 1) // the next notification counts it, or Run does
			} else if err == nil {
				continue // the window has just ended, whatever the clock here says
			}
		default:
			var u Unsent
			if u, err = s.Repo.Unsent(ctx, w, ev); err == nil {
				done = true // a duplicate
				if u.Count > 0 {
					done, err = s.send(ctx, w, u, ev)
				}
			}
		}
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Conflict, "rule "+key.Rule,
				"another invocation is sending its notification", "it is tried again")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// window reads what was sent about a key; without windows nothing has to be read.
func (s *Service) window(ctx context.Context, key Key) (Window, error) {
	if s.Window <= 0 {
		return Window{Key: key}, nil
	}
	return s.Repo.Window(ctx, key)
}

// send notifies of what is unsent, with the text of ev. done is false while another
// process is sending, or when another has sent and knew fewer matches.
func (s *Service) send(ctx context.Context, w Window, u Unsent, ev *chime.Event) (done bool, err error) {
	sent, err := s.notify(ctx, Notification{
		Event: ev, Held: u.Count - 1, Key: w.Key, Unsent: u,
		DeduplicationID: w.Name() + "/" + strconv.Itoa(w.Notifications+1),
	})
	if err != nil || sent.At.IsZero() {
		return false, err
	}
	return u.CountedBy(sent), s.Repo.SetSent(ctx, w, w.After(sent, u))
}

// notify sends a notification with the rule's route, and with what is known of the call.
func (s *Service) notify(ctx context.Context, n Notification) (Sent, error) {
	route := s.Routes.Of(n.Event.RulesMatched.RuleName)
	n.Severity, n.Topic = route.Severity, route.Topic
	switch call, err := s.Repo.CallOf(ctx, n.Event.RulesMatched.CallFields); {
	case err == nil:
		n.Call = &call
	case apperr.ClassOf(err) != apperr.NotFound:
		return Sent{}, err
	}
	return s.Notifier.Notify(ctx, n)
}

// Run notifies, at the end of each window, of what was held back in it. Windows that
// are open when windows are switched off end at once.
func (s *Service) Run(ctx context.Context) error {
	ended, err := s.Repo.EndedWindows(ctx, s.Now().Add(-max(s.Window, 0)))
	errs := []error{err}
	for _, w := range ended {
		if err := s.end(ctx, w); err != nil {
			errs = append(errs, fmt.Errorf("rule %s: %w", redact.Text(w.Rule), err))
		}
	}
	return errors.Join(errs...)
}

// end ends a window, or notifies of what was held back in it.
func (s *Service) end(ctx context.Context, w Window) error {
	u, err := s.Repo.Unsent(ctx, w, nil)
	if err != nil {
		return err
	}
	var body []byte
	if u.Count > 0 {
		if body, err = s.Repo.NewestUnsent(ctx, w, u); err != nil {
			return err
		}
	}
	if body == nil { // nothing was held back, or it was erased: the next notification counts it
		return s.Repo.EndWindow(ctx, w)
	}
	ev, err := chime.Parse(body)
	if err != nil {
		return err
	}
	_, err = s.send(ctx, w, u, ev)
	return err
}
