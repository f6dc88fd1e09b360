// Package watchdog runs the scheduled checks, which find what no event reports: pipelines
// whose end was missed, failures that last, pipelines that linger, and silence. Each check
// has a file: a pure rule, what it reads and stores, and what it does.
package watchdog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Service runs the checks. A run may be cut short anywhere: what it has done is in the
// table, and the next run continues. Two runs at once do the same work twice and nothing
// else.
type Service struct {
	Repo      Repository
	Incidents Incidents
	API       API
	Notifier  Notifier
	Limits    Limits
	Counts    pipeline.Counter
	// Account and Region say which pipelines are ours, see ours, and are named in
	// warnings. Either may be empty.
	Account, Region string
	Now             func() time.Time
	// Wait waits between two requests to the API; in tests no time passes.
	Wait func(context.Context, time.Duration) error
}

// Repository is what the checks read and store; *dynamo.Store implements it.
type Repository interface {
	// Open returns all open pipelines: those about which the API was not asked for the
	// longest first.
	Open(context.Context) ([]pipeline.OpenPipeline, error)
	AnswerStore
	EventReader
	ConditionStore
}

// Incidents records failures and reviews incidents; *incident.Service does.
type Incidents interface {
	RecordFailure(context.Context, incident.Failure) error
	Review(context.Context) error
}

// Run runs all checks once: first what people wait for, last what needs long. A check
// that fails does not keep the others from running.
func (s Service) Run(ctx context.Context) error {
	open, err := s.Repo.Open(ctx)
	if err != nil {
		return errors.Join(err, s.Incidents.Review(ctx))
	}
	// Pipelines of other places and rehearsals have events, and nothing else to check.
	ours := slices.DeleteFunc(slices.Clone(open), func(p pipeline.OpenPipeline) bool { return !s.ours(p.State) })
	return errors.Join(
		s.checkRecovery(ctx, open),
		s.Incidents.Review(ctx),
		s.checkQuota(ctx, ours),
		s.checkLingering(ctx, ours),
		s.checkSilence(ctx, ours),
		s.checkStalePipelines(ctx, ours),
	)
}

// ours reports whether a pipeline is no rehearsal, and is in the account and Region of the
// watchdog. Its API can be asked only about these, and only these count against its quota.
// A pipeline that does not name one of them is ours; an empty account or Region is not
// compared.
func (s Service) ours(st pipeline.State) bool {
	account, region := st.Place()
	same := func(its, ours string) bool { return its == "" || ours == "" || its == ours }
	return !st.Rehearsal() && same(account, s.Account) && same(region, s.Region)
}
