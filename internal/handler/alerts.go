package handler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// MatchTable is what Alerts needs of the table; *dynamo.Store has it.
type MatchTable interface {
	Sender
	RecordMatch(ctx context.Context, ev *chime.Event, ruleType string) error
	CallOf(context.Context, chime.CallFields) (pipeline.State, error)
	ToldOf(context.Context, dynamo.RuleOnCall) (dynamo.Told, error)
	Untold(ctx context.Context, t dynamo.Told, ev *chime.Event) (dynamo.Untold, error)
	NewestOf(context.Context, dynamo.Told, dynamo.Untold) ([]byte, error)
	MarkMatchesTold(ctx context.Context, was, is dynamo.Told) error
	EndedWindows(ctx context.Context, before time.Time) ([]dynamo.Told, error)
	HoldBack(ctx context.Context, t dynamo.Told, ev *chime.Event) (bool, error)
	EndWindow(context.Context, dynamo.Told) error
	TryOnce(ctx context.Context, partition dynamo.Partition, n notify.Notification, owner string, send func(context.Context) error) (notify.Notification, error)
}

// Alerts stores every rule match, finds its call and sends a notification: at most one
// a window for a rule on a call, with the count of what was held back. A match whose
// call is not known yet is notified all the same. Matches that name no call are held
// back together, by rule and configuration, else by rule, account and Region.
type Alerts struct {
	Table MatchTable
	// Topic is where matches go that no route sends elsewhere, Topics gives the
	// topic of an ARN.
	Topic  Publisher
	Topics func(arn string) Publisher
	Routes rulematch.Routes
	// Window is the least time between two messages about a rule on a call; zero
	// tells of every match.
	Window time.Duration
	Counts Counter
	Words  notify.Options
	// Owner names the invocation.
	Owner func(context.Context) string
	Now   func() time.Time
}

// Handle stores one rule match, and notifies or holds it back. It is idempotent.
func (a Alerts) Handle(ctx context.Context, m intake.Message) error {
	ev, err := chime.Parse(m.Body)
	if err != nil {
		return err
	}
	if ev.RulesMatched == nil {
		return wrongKind(ev, chime.DetailRulesMatched)
	}
	if err := a.Table.RecordMatch(ctx, ev, notify.InferRuleType(ev.RulesMatched)); err != nil {
		return err
	}
	rule, named := dynamo.RuleOnCallOf(ev)
	if a.Window <= 0 {
		err = a.tellAtOnce(ctx, rule, ev)
	} else {
		if !named {
			rule, _ = dynamo.RuleOnGroupOf(ev)
		}
		err = a.tellOnce(ctx, rule, ev)
	}
	if err != nil {
		return err
	}
	a.Counts.Count("RuleMatches", 1)
	return nil
}

// tellAtOnce tells of one match.
func (a Alerts) tellAtOnce(ctx context.Context, rule dynamo.RuleOnCall, ev *chime.Event) error {
	match, err := a.match(ctx, ev)
	if err != nil {
		return err
	}
	return sendOnce(ctx, a.Table, a.topicOf(ev), rule.Call, match.Message(a.Words), a.Owner(ctx))
}

// tellOnce notifies of a rule on a call unless that was done within the window. It
// waits for another invocation that is notifying.
func (a Alerts) tellOnce(ctx context.Context, rule dynamo.RuleOnCall, ev *chime.Event) error {
	for {
		told, err := a.Table.ToldOf(ctx, rule)
		if err != nil {
			return err
		}
		if told.Open && a.Now().Sub(told.At) < a.Window {
			held, err := a.Table.HoldBack(ctx, told, ev)
			if err != nil {
				return err
			}
			if held {
				a.Counts.Count("RuleMatchesHeldBack", 1)
				return nil // the next message tells of it, or the watch does
			}
			continue // the window has just ended, whatever the clock here says
		}
		done, err := a.tell(ctx, told, ev)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Conflict, "rule "+rule.Rule, "is being told of by another invocation", "it is tried again")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tell notifies of all matches that people were not told of, with the words of one;
// done is false while another invocation is at it.
func (a Alerts) tell(ctx context.Context, told dynamo.Told, ev *chime.Event) (done bool, err error) {
	untold, err := a.Table.Untold(ctx, told, ev)
	if err != nil {
		return false, err
	}
	if untold.Count == 0 {
		return true, nil // the same match once more
	}
	return a.send(ctx, told, untold, ev)
}

// send notifies of what is untold, with the words of ev; done is false while another
// invocation is at it, or when another has sent the notification and knew fewer matches.
func (a Alerts) send(ctx context.Context, told dynamo.Told, untold dynamo.Untold, ev *chime.Event) (done bool, err error) {
	match, err := a.match(ctx, ev)
	if err != nil {
		return false, err
	}
	match.Held = untold.Count - 1
	match.Occasion = told.Name() + "/" + strconv.Itoa(told.Notifications+1)
	m := match.Message(a.Words)
	n := notify.Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject, Calls: untold.Calls, Tally: untold.Tally}
	sent, err := a.Table.TryOnce(ctx, told.Call, n, a.Owner(ctx),
		func(ctx context.Context) error { return a.topicOf(ev).Publish(ctx, m) })
	if err != nil || sent.SentAt.IsZero() {
		return false, err
	}
	return untold.ToldBy(sent), a.Table.MarkMatchesTold(ctx, told, told.After(sent, untold))
}

// match finds the call of a match, and its route.
func (a Alerts) match(ctx context.Context, ev *chime.Event) (notify.Match, error) {
	match := notify.Match{Event: ev, Severity: a.Routes.Of(ev.RulesMatched.RuleName).Severity}
	switch call, err := a.Table.CallOf(ctx, ev.RulesMatched.CallFields); {
	case err == nil:
		match.Call = &call
	case apperr.ClassOf(err) != apperr.NotFound:
		return match, err
	}
	return match, nil
}

func (a Alerts) topicOf(ev *chime.Event) Publisher {
	if arn := a.Routes.Of(ev.RulesMatched.RuleName).Topic; arn != "" {
		return a.Topics(arn)
	}
	return a.Topic
}

// HeldBack notifies, at the end of each window, of what was held back in it. Windows
// that are open when windows are switched off end at once.
func (a Alerts) HeldBack(ctx context.Context, _ intake.Message) error {
	ended, err := a.Table.EndedWindows(ctx, a.Now().Add(-max(a.Window, 0)))
	errs := []error{err}
	for _, told := range ended {
		if err := a.end(ctx, told); err != nil {
			errs = append(errs, fmt.Errorf("rule %s: %w", redact.Text(told.Rule), err))
		}
	}
	return errors.Join(errs...)
}

// end ends a window, or notifies of what was held back in it.
func (a Alerts) end(ctx context.Context, told dynamo.Told) error {
	untold, err := a.Table.Untold(ctx, told, nil)
	if err != nil {
		return err
	}
	if untold.Count == 0 {
		return a.Table.EndWindow(ctx, told)
	}
	body, err := a.Table.NewestOf(ctx, told, untold)
	if err != nil {
		return err
	}
	if body == nil {
		return a.Table.EndWindow(ctx, told) // what was held back was erased; the next message counts it
	}
	ev, err := chime.Parse(body)
	if err != nil {
		return err
	}
	_, err = a.send(ctx, told, untold, ev)
	return err
}
