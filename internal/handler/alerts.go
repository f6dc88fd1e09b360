package handler

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/store"
)

// MatchTable is what Alerts needs of the table; *store.Store has it.
type MatchTable interface {
	Sender
	RecordMatch(ctx context.Context, ev *chime.Event, ruleType string) error
	CallOf(context.Context, chime.CallFields) (pipeline.State, error)
}

// Alerts keeps every rule match, finds its call and tells people once. A match
// whose call is not known yet is sent all the same.
func Alerts(table MatchTable, topic Publisher, counts Counter, words alert.Options, owner func(context.Context) string) Handler {
	return func(ctx context.Context, m intake.Message) error {
		ev, err := chime.Parse(m.Body)
		if err != nil {
			return err
		}
		if ev.RulesMatched == nil {
			return wrongKind(ev, chime.DetailRulesMatched)
		}
		if err := table.RecordMatch(ctx, ev, alert.InferRuleType(ev.RulesMatched)); err != nil {
			return err
		}
		match := alert.Match{Event: ev}
		switch call, err := table.CallOf(ctx, ev.RulesMatched.CallFields); {
		case err == nil:
			match.Call = &call
		case fault.ClassOf(err) != fault.NotFound:
			return err
		}
		if err := sendOnce(ctx, table, topic, store.PartitionOfMatch(ev.ID), match.Message(words), owner(ctx)); err != nil {
			return err
		}
		counts.Count("RuleMatches", 1)
		return nil
	}
}
