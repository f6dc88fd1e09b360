package rulematch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// Repository stores rule matches and their windows; it decides nothing. All reads are
// consistent. A write that another process has made void does nothing.
type Repository interface {
	// RecordMatch stores a match of a rule of that type, and counts one that names no
	// call in its group. It is idempotent.
	RecordMatch(ctx context.Context, ev *chime.Event, ruleType string) error
	// CallOf returns the newest pipeline of a call; an error of class NotFound where none
	// is known yet.
	CallOf(context.Context, chime.CallFields) (pipeline.State, error)

	// CountMatches returns how many matches of a key other than a group are stored, and the
	// body of the newest; nil where there is none.
	CountMatches(context.Context, Key) (n int, newest []byte, err error)
	// CountDay returns how many matches of a group were stored on a day, NewestOfDay the
	// body of the newest of them that was not erased; nil where there is none.
	CountDay(ctx context.Context, group Key, day string) (int, error)
	NewestOfDay(ctx context.Context, group Key, day string) ([]byte, error)

	// Window returns the window of a key; only the key is set before its first notification.
	Window(context.Context, Key) (Window, error)
	// OpenWindows returns the windows that are open and whose last notification was sent
	// before a time, or a moment ago. Where some cannot be read, it returns the others and
	// the error.
	OpenWindows(ctx context.Context, before time.Time) ([]Window, error)
	// SetSent changes was to is and opens the window, unless another process has sent a
	// notification since. Of a group, days are only set to nothing held back where that
	// was not changed since.
	SetSent(ctx context.Context, was, is Window) error
	// HoldBack counts in w, and of a group in its day, that a stored match is held back.
	// held is false where the window has ended since w was read, or another notification
	// was sent.
	HoldBack(ctx context.Context, w Window, day string) (held bool, err error)
	// EndWindow ends a window, unless a match was held back since w was read, or another
	// notification was sent.
	EndWindow(context.Context, Window) error
}

// Notification is what a notification about a rule match says.
type Notification struct {
	// Event is the match; its RulesMatched is set.
	Event *chime.Event
	// Call is what is known of the call's pipeline; nil where that is nothing.
	Call *pipeline.State
	// Severity is that of the rule's route; empty means medium. Topic is the ARN of the
	// route's topic; empty means the alert topic.
	Severity incident.Severity
	Topic    string
	// Held counts the other matches of the key that no notification has counted.
	Held int
	// DeduplicationID names the notification; empty where each match is notified.
	DeduplicationID string
	// Key and Tally are recorded with the notification.
	Key   Key
	Tally Tally
}

// Sent is what the record of a notification says.
type Sent struct {
	// At is zero while another process is sending it.
	At time.Time
	Tally
}

// Notifier sends a notification once, however often and by however many processes it is
// called. It returns what was sent, perhaps by another process.
type Notifier interface {
	Notify(context.Context, Notification) (Sent, error)
}

// Service stores rule matches, finds their calls and notifies people: at most once a
// window for each key, with the count of what was held back. A match whose call is not
// known yet is notified too.
type Service struct {
	Repo     Repository
	Notifier Notifier
	Routes   Routes
	// Window is the least time between two notifications about a key; zero sends one for
	// every match.
	Window time.Duration
	Counts pipeline.Counter
	Now    func() time.Time
	// Wait waits before Handle looks again whether another process has sent; in tests no
	// time passes. It returns an error when the context is done.
	Wait func(context.Context, time.Duration) error
}

// pollInterval is how often Handle looks whether another process has sent.
const pollInterval = 200 * time.Millisecond

// Handle stores one rule match, and notifies people or holds it back. It is idempotent.
//
// While another process sends the same notification it waits, as neither the window is
// open then, nor is known whether that one counts this match, or dies. It lasts less
// than the lease of the notification; an error instead would make Lambda retry only after
// a minute, and count as one.
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
	key := KeyOf(ev, s.Window > 0)
	for {
		done, err := s.notifyOrHold(ctx, key, ev)
		if err != nil {
			return err
		}
		if done {
			s.Counts.Count("RuleMatches", 1)
			return nil
		}
		if err := s.Wait(ctx, pollInterval); err != nil {
			return apperr.Wrap(err, apperr.Conflict, "rule "+key.Rule,
				"another invocation is sending its notification", "it is tried again")
		}
	}
}

// notifyOrHold notifies of all unsent matches of a key, with the text of ev, which is
// stored, or holds ev back while a window is open. done is false while another process is
// sending.
func (s *Service) notifyOrHold(ctx context.Context, key Key, ev *chime.Event) (done bool, err error) {
	if s.Window <= 0 {
		n, err := s.notification(ctx, key, ev)
		if err != nil {
			return false, err
		}
		sent, err := s.Notifier.Notify(ctx, n)
		return !sent.At.IsZero(), err
	}
	for {
		w, err := s.Repo.Window(ctx, key)
		if err != nil {
			return false, err
		}
		step, all, err := s.next(ctx, w, ev)
		switch {
		case err != nil:
			return false, err
		case step == Notify:
			return s.send(ctx, w, all.Tally, ev)
		case step == Nothing:
			return true, nil
		}
		held, err := s.Repo.HoldBack(ctx, w, dayOf(ev))
		if err != nil {
			return false, err
		}
		if held {
			s.Counts.Count("RuleMatchesHeldBack", 1)
			return true, nil // the next notification counts it, or Run does
		}
	} // the window has just ended, whatever the clock here says
}

// Run ends the windows that are over, and notifies of what was held back in them.
func (s *Service) Run(ctx context.Context) error {
	windows, err := s.Repo.OpenWindows(ctx, s.Now().Add(-max(s.Window, 0)))
	errs := []error{err}
	for _, w := range windows {
		if err := s.end(ctx, w); err != nil {
			errs = append(errs, fmt.Errorf("rule %s: %w", redact.Text(w.Rule), err))
		}
	}
	return errors.Join(errs...)
}

// end ends a window, or notifies of what was held back in it, with the text of the newest
// match. Where all of it was erased, the next notification counts it.
func (s *Service) end(ctx context.Context, w Window) error {
	step, all, err := s.next(ctx, w, nil)
	if err != nil || step == Nothing {
		return err
	}
	if step == Notify && all.newestDay != "" {
		if all.newest, err = s.Repo.NewestOfDay(ctx, w.Key, all.newestDay); err != nil {
			return err
		}
	}
	if step == End || all.newest == nil {
		return s.Repo.EndWindow(ctx, w)
	}
	ev, err := chime.Parse(all.newest)
	if err != nil {
		return err
	}
	_, err = s.send(ctx, w, all.Tally, ev)
	return err
}

// stored are the matches of a key, of which some may be unsent: no notification has
// counted them.
type stored struct {
	Tally
	// newest is the body of the newest match; of a group newestDay is its day instead.
	newest    []byte
	newestDay string
}

// next returns the next step in a window, and what is stored unless the window lasts:
// counting costs reads. ev is the match that arrived; nil in a scheduled run.
func (s *Service) next(ctx context.Context, w Window, ev *chime.Event) (step Step, all stored, err error) {
	now := s.Now()
	switch {
	case w.lasts(now, s.Window):
	case w.Scope == Group:
		all, err = s.countGroup(ctx, w, ev)
	default:
		all.Matches, all.newest, err = s.Repo.CountMatches(ctx, w.Key)
	}
	return w.Next(now, s.Window, ev != nil, all.Matches-w.Matches), all, err
}

// countGroup counts the matches of the days of which some are held back, and of the day
// of ev.
func (s *Service) countGroup(ctx context.Context, w Window, ev *chime.Event) (stored, error) {
	all := stored{Tally: Tally{Matches: w.Matches, Days: DayCounts{}}}
	var days []string
	for name, day := range w.Days {
		if day.Held > 0 {
			days = append(days, name)
		}
	}
	if ev != nil {
		days = append(days, dayOf(ev))
	}
	slices.Sort(days)
	for _, day := range slices.Compact(days) {
		n, err := s.Repo.CountDay(ctx, w.Key, day)
		if err != nil {
			return all, err
		}
		all.Days[day] = n
		if unsent := n - w.Days[day].Sent; unsent > 0 {
			all.Matches += unsent
			all.newestDay = day
		}
	}
	return all, nil
}

// send notifies of what is unsent, with the text of ev, and records it in the window.
// done is false while another process is sending, or when another has sent and counted
// fewer matches.
func (s *Service) send(ctx context.Context, w Window, all Tally, ev *chime.Event) (done bool, err error) {
	n, err := s.notification(ctx, w.Key, ev)
	if err != nil {
		return false, err
	}
	n.DeduplicationID = w.Name() + "/" + strconv.Itoa(w.Notifications+1)
	n.Held, n.Tally = all.Matches-w.Matches-1, all
	sent, err := s.Notifier.Notify(ctx, n)
	if err != nil || sent.At.IsZero() {
		return false, err
	}
	return sent.covers(all), s.Repo.SetSent(ctx, w, w.after(sent, all))
}

// notification returns a notification of one match, for the route of its rule and with
// what is known of its call.
func (s *Service) notification(ctx context.Context, key Key, ev *chime.Event) (Notification, error) {
	route := s.Routes.Of(ev.RulesMatched.RuleName)
	n := Notification{Event: ev, Key: key, Severity: route.Severity, Topic: route.Topic}
	call, err := s.Repo.CallOf(ctx, ev.RulesMatched.CallFields)
	if apperr.ClassOf(err) == apperr.NotFound {
		return n, nil
	}
	n.Call = &call
	return n, err
}
