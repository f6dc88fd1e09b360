package dynamo_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// What the table answers is said with its class, the table's name, and what can
// be done, by whatever asked.
func TestTroubleWithTheTableIsNamed(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	p := world.Process()
	s := at(p, noon)
	i := mustJoin(t, s, failureOf(0, incident.Quota, noon))
	ev := example(t, "in-progress")
	if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
		t.Fatal(err)
	}
	st, err := s.Find(t.Context(), ev.StateChange.CallID)
	if err != nil {
		t.Fatal(err)
	}
	belongings, err := s.Belongings(t.Context(), ev.StateChange.CallID)
	if err != nil {
		t.Fatal(err)
	}
	asks := map[string]func(context.Context) error{
		"record": func(ctx context.Context) error { return pipeline.RecordEvent(ctx, s, ev) },
		"match": func(ctx context.Context) error {
			return s.RecordMatch(ctx, example(t, "rule-sentiment"),
				"Sentiment")
		},
		"call of":  func(ctx context.Context) error { _, err := s.CallOf(ctx, ev.StateChange.CallFields); return err },
		"pipeline": func(ctx context.Context) error { _, err := s.Pipeline(ctx, st[0].ID); return err },
		"find":     func(ctx context.Context) error { _, err := s.Find(ctx, st[0].ID); return err },
		"history":  func(ctx context.Context) error { _, err := s.History(ctx, st[0].ID); return err },
		"matches":  func(ctx context.Context) error { _, err := s.Matches(ctx, st[0]); return err },
		"notifications": func(ctx context.Context) error {
			_, err := s.MatchNotifications(ctx,
				st[0].CallFields)
			return err
		},
		"list":       func(ctx context.Context) error { _, err := s.List(ctx, pipeline.Query{}); return err },
		"open":       func(ctx context.Context) error { _, err := s.Open(ctx); return err },
		"mark asked": func(ctx context.Context) error { return s.MarkAsked(ctx, st[0].ID, noon) },
		"once":       func(ctx context.Context) error { return publishing(p, s, "one")(ctx) },
		"join": func(ctx context.Context) error {
			_, err := join(ctx, s, failureOf(0, incident.Quota, noon))
			return err
		},
		"incident":     func(ctx context.Context) error { _, err := s.Incident(ctx, i.ID); return err },
		"incidents":    func(ctx context.Context) error { _, _, err := s.Incidents(ctx, dynamo.IncidentQuery{}); return err },
		"incidents of": func(ctx context.Context) error { _, err := s.IncidentsOf(ctx, "pipeline-0000"); return err },
		"newest":       func(ctx context.Context) error { _, err := s.NewestOccurrence(ctx, i.ID); return err },
		"tally":        func(ctx context.Context) error { _, err := s.CountOccurrences(ctx, i.ID); return err },
		"close":        func(ctx context.Context) error { _, err := closeIncident(ctx, s, i); return err },
		"announced": func(ctx context.Context) error {
			return s.SetAnnounced(ctx, i, incident.Announced{At: noon, Openings: 1})
		},
		"raise":      func(ctx context.Context) error { _, err := s.SetCondition(ctx, "quota"); return err },
		"belongings": func(ctx context.Context) error { _, err := s.Belongings(ctx, st[0].ID); return err },
		"erase":      func(ctx context.Context) error { _, err := s.Erase(ctx, belongings, "e", "me"); return err },
		"erasures":   func(ctx context.Context) error { _, err := s.Erasures(ctx, 1); return err },
		"raised":     func(ctx context.Context) error { _, err := s.ConditionSince(ctx, "quota"); return err },
		"clear":      func(ctx context.Context) error { return s.ClearCondition(ctx, "quota", noon) },
	}
	answers := []struct {
		code   string
		status int
		want   apperr.Class
		fix    string
	}{
		{"ProvisionedThroughputExceededException", 400, apperr.Throttled, "see the table's throttle metrics"},
		{"ThrottlingException", 400, apperr.Throttled, "see the table's throttle metrics"},
		{"RequestLimitExceeded", 400, apperr.Throttled, "see the table's throttle metrics"},
		{"InternalServerError", 500, apperr.Unavailable, "it is tried again"},
		{"ServiceUnavailable", 503, apperr.Unavailable, "it is tried again"},
		{"AccessDeniedException", 400, apperr.Internal, "grant the role that action on this table"},
		{"ResourceNotFoundException", 400, apperr.NotFound, "check the table's name, the Region and the endpoint"},
		{"ValidationException", 400, apperr.Invalid, ""},
	}
	before := world.Dump(t)
	for name, ask := range asks {
		for _, answer := range answers {
			for _, call := range []string{"GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem", "BatchWriteItem"} {
				p.Injector.Refuse(call, answer.status, answer.code)
			}
			err := ask(t.Context())
			p.Injector.Allow()
			if apperr.ClassOf(err) != answer.want {
				t.Errorf("%s, answered %s: got %v, want class %q", name, answer.code, err, answer.want)
				continue
			}
			for _, word := range []string{"table " + world.Table, answer.code, answer.fix} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s, answered %s: got %q, want it to say %q", name, answer.code, err, word)
				}
			}
		}
	}
	if after := world.Dump(t); len(after) != len(before) {
		t.Errorf("got %d items, want the %d from before", len(after), len(before))
	}
}

func TestNotReachedIsUnavailable(t *testing.T) {
	p := faultinject.NewWorld(t, faultinject.Server(t)).Process()
	p.Injector.InjectAt(1, faultinject.Before) // the connection breaks
	_, err := at(p, noon).Pipeline(t.Context(), "p1")
	if apperr.ClassOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), "it is tried again") {
		t.Errorf("got %v, want class %q", err, apperr.Unavailable)
	}
}

func TestWrongKindIsRefused(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	match, change := example(t, "rule-sentiment"), example(t, "in-progress")
	for name, err := range map[string]error{
		"a match as a state change": pipeline.RecordEvent(t.Context(), s,
			match), "a state change as a match": s.RecordMatch(t.Context(), change, ""),
	} {
		if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(),
			chime.DetailRulesMatched) && !strings.Contains(err.Error(), chime.DetailStateChange) {
			t.Errorf("%s: got %v, want it refused with its type", name, err)
		}
	}
}
