package incident_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// memory is an incident.Repository in memory: each method is atomic, as one request to
// the table is, and may be disturbed. TestMemoryBehavesAsTheTable compares the two.
type memory struct {
	faultinject.Injector
	mu          sync.Mutex
	pipelines   map[string]pipeline.State
	incidents   map[string]incident.Incident
	memberships map[[2]string]incident.Membership
	occurrences map[string]map[string]incident.Occurrence // by incident, then time and pipeline
}

func newMemory() *memory {
	return &memory{
		pipelines: map[string]pipeline.State{}, incidents: map[string]incident.Incident{},
		memberships: map[[2]string]incident.Membership{},
		occurrences: map[string]map[string]incident.Occurrence{},
	}
}

// do makes one call.
func (m *memory) do(name string, call func() error) error {
	return m.Do(name, nil, func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		return call()
	})
}

func get[K comparable, V any](m *memory, name string, of map[K]V, key K) (v V, err error) {
	err = m.do(name, func() error {
		found := false
		if v, found = of[key]; !found {
			return apperr.New(apperr.NotFound, "memory", "has no such thing", "")
		}
		return nil
	})
	return v, err
}

func (m *memory) Pipeline(_ context.Context, id string) (pipeline.State, error) {
	return get(m, "Pipeline", m.pipelines, id)
}

func (m *memory) EachPipeline(_ context.Context, q pipeline.Query, limit int, do func(pipeline.State) bool) error {
	var list []pipeline.State
	err := m.do("EachPipeline", func() error { list = slices.Collect(maps.Values(m.pipelines)); return nil })
	list = slices.DeleteFunc(list, func(st pipeline.State) bool {
		return q.NoRehearsals && st.Rehearsal() || st.CreatedAt.Before(q.From) || st.CreatedAt.After(q.To)
	})
	slices.SortFunc(list, func(a, b pipeline.State) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, st := range list[:min(len(list), limit)] {
		if do(st) {
			break
		}
	}
	return err
}

func (m *memory) GroupIncidents(
	_ context.Context, g incident.Group, _ func([]incident.Incident) bool,
) (list []incident.Incident, err error) {
	err = m.do("GroupIncidents", func() error {
		for _, i := range m.incidents {
			if i.Group == g {
				list = append(list, i)
			}
		}
		slices.SortFunc(list, func(a, b incident.Incident) int { // .10 is newer than .9
			if len(a.ID) != len(b.ID) {
				return len(b.ID) - len(a.ID)
			}
			return strings.Compare(b.ID, a.ID)
		})
		return nil
	})
	return list, err
}

func (m *memory) Incident(_ context.Context, id string) (incident.Incident, error) {
	return get(m, "Incident", m.incidents, id)
}

func (m *memory) DueIncidents(_ context.Context, do func(incident.Incident) error) error {
	var due []incident.Incident
	err := m.do("DueIncidents", func() error {
		for _, id := range slices.Sorted(maps.Keys(m.incidents)) {
			if i := m.incidents[id]; i.Open() || i.Announced.Closings <= i.Reopened {
				due = append(due, i)
			}
		}
		return nil
	})
	for _, i := range due {
		err = errors.Join(err, do(i))
	}
	return err
}

func (m *memory) PutIncident(_ context.Context, i incident.Incident) error {
	return m.do("PutIncident", func() error {
		if _, taken := m.incidents[i.ID]; taken {
			return retry.ErrChanged
		}
		m.incidents[i.ID] = i
		return nil
	})
}

func (m *memory) Membership(_ context.Context, pipelineID, element string) (incident.Membership, error) {
	found, err := get(m, "Membership", m.memberships, [2]string{pipelineID, element})
	if apperr.ClassOf(err) == apperr.NotFound {
		err = nil
	}
	return found, err
}

func (m *memory) PutMembership(_ context.Context, is, was incident.Membership) error {
	return m.do("PutMembership", func() error {
		key := [2]string{is.PipelineID, is.Element}
		if now := m.memberships[key]; now.IncidentID != was.IncidentID || !now.Seen.Equal(was.Seen) {
			return retry.ErrChanged
		}
		m.memberships[key] = is
		return nil
	})
}

func (m *memory) PutOccurrence(_ context.Context, id string, o incident.Occurrence) error {
	return m.do("PutOccurrence", func() error {
		if m.occurrences[id] == nil {
			m.occurrences[id] = map[string]incident.Occurrence{}
		}
		key := o.Seen.Format(time.RFC3339Nano) + o.PipelineID
		o.Reasons = slices.Concat(o.Reasons, m.occurrences[id][key].Reasons)
		slices.Sort(o.Reasons)
		o.Reasons = slices.Compact(o.Reasons)
		m.occurrences[id][key] = o
		return nil
	})
}

func (m *memory) NewestOccurrence(_ context.Context, id string) (newest incident.Occurrence, err error) {
	err = m.do("NewestOccurrence", func() error {
		for _, o := range m.occurrences[id] {
			newest.Seen = pipeline.Later(newest.Seen, o.Seen)
			if !o.At.After(o.Seen) {
				newest.At = pipeline.Later(newest.At, o.At)
			}
		}
		return nil
	})
	return newest, err
}

func (m *memory) CountOccurrences(_ context.Context, id string) (counts incident.OccurrenceCounts, err error) {
	err = m.do("CountOccurrences", func() error {
		counts = incident.CountOccurrences(slices.Collect(maps.Values(m.occurrences[id])))
		return nil
	})
	return counts, err
}

// update changes an incident on a condition.
func (m *memory) update(name, id string, holds func(incident.Incident) bool, change func(*incident.Incident)) error {
	return m.do(name, func() error {
		i, found := m.incidents[id]
		if !found || !holds(i) {
			return retry.ErrChanged
		}
		change(&i)
		m.incidents[id] = i
		return nil
	})
}

func (m *memory) SetCause(_ context.Context, i incident.Incident, c incident.Cause, reason string) error {
	return m.update("SetCause", i.ID, func(is incident.Incident) bool { return is.Cause() == i.Cause() },
		func(is *incident.Incident) {
			if is.Class = c.Class; c.Target != "" {
				is.Target = c.Target
			}
			if reason != "" {
				is.Reason = reason
			}
		})
}

func (m *memory) AddReason(_ context.Context, i incident.Incident, r incident.Reason, room int) error {
	same := func(k incident.Reason) bool { return k.ID == r.ID }
	holds := func(is incident.Incident) bool {
		return len(is.Reasons) < room && !slices.ContainsFunc(is.Reasons, same)
	}
	return m.update("AddReason", i.ID, holds, func(is *incident.Incident) {
		is.Reasons = append(slices.Clone(is.Reasons), r)
		slices.SortFunc(is.Reasons, func(a, b incident.Reason) int { return strings.Compare(a.ID, b.ID) })
	})
}

func (m *memory) AddLosses(_ context.Context, i incident.Incident, added []incident.Loss) error {
	return m.update("AddLosses", i.ID, func(incident.Incident) bool { return true },
		func(is *incident.Incident) { is.Losses = incident.UnionOfLosses(is.Losses, added) })
}

func (m *memory) Close(_ context.Context, i incident.Incident, at time.Time) error {
	return m.update("Close", i.ID, func(is incident.Incident) bool { return is.Open() && is.Reopened == i.Reopened },
		func(is *incident.Incident) { is.ClosedAt = at })
}

func (m *memory) Discard(_ context.Context, i incident.Incident, at time.Time) error {
	holds := func(is incident.Incident) bool {
		return is.Open() && is.Announced.Openings == 0 && is.Reopened == i.Reopened
	}
	return m.update("Discard", i.ID, holds,
		func(is *incident.Incident) { is.ClosedAt, is.Announced.Closings = at, 1 })
}

func (m *memory) CancelClosing(_ context.Context, i incident.Incident) error {
	holds := func(is incident.Incident) bool {
		return !is.Open() && is.ClosedAt.Equal(i.ClosedAt) && is.Announced.Closings == i.Announced.Closings
	}
	return m.update("CancelClosing", i.ID, holds, func(is *incident.Incident) { is.ClosedAt = time.Time{} })
}

func (m *memory) Reopen(_ context.Context, i incident.Incident, failed time.Time) error {
	holds := func(is incident.Incident) bool { return !is.Open() && is.ClosedAt.Equal(i.ClosedAt) }
	return m.update("Reopen", i.ID, holds, func(is *incident.Incident) {
		is.ClosedAt, is.Reopened, is.ActiveAt = time.Time{}, i.Reopened+1, i.ActiveAt
		if failed.After(i.ActiveAt) {
			is.ActiveAt = failed
		}
	})
}

func (m *memory) SetActive(_ context.Context, i incident.Incident, failed time.Time) error {
	return m.update("SetActive", i.ID, func(is incident.Incident) bool { return is.ActiveAt.Equal(i.ActiveAt) },
		func(is *incident.Incident) { is.ActiveAt = failed })
}

func (m *memory) SetAnnounced(_ context.Context, i incident.Incident, a incident.Announced) error {
	sent := func(a incident.Announced) [4]int { return [...]int{a.Openings, a.Additions, a.Summaries, a.Closings} }
	holds := func(is incident.Incident) bool {
		return sent(is.Announced) == sent(i.Announced) && (a.Closings <= i.Reopened || !is.Open())
	}
	return m.update("SetAnnounced", i.ID, holds, func(is *incident.Incident) { is.Announced = a })
}

var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)
