package incident

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Repository stores incidents. Each method is one read or one conditional write; it
// decides nothing. A write whose condition does not hold returns retry.ErrChanged.
// All reads are consistent.
type Repository interface {
	// Pipeline returns what is known of a pipeline; an error of class NotFound when
	// that is nothing.
	Pipeline(ctx context.Context, id string) (pipeline.State, error)
	// EachPipeline calls do with what is known of each pipeline of a query, newest first,
	// until do returns true or limit were read. Events from the future are left out.
	EachPipeline(ctx context.Context, q pipeline.Query, limit int, do func(pipeline.State) bool) error

	// GroupIncidents returns the incidents of a group, newest first. It reads page by
	// page until enough returns true.
	GroupIncidents(ctx context.Context, g Group, enough func([]Incident) bool) ([]Incident, error)
	// Incident returns an incident by its id; an error of class NotFound when there is none.
	Incident(ctx context.Context, id string) (Incident, error)
	// DueIncidents calls do with each incident that is open, or whose closing was not
	// announced. An error of do does not stop it; all errors are joined.
	DueIncidents(ctx context.Context, do func(Incident) error) error
	// PutIncident stores a new incident, on condition that its number is free.
	PutIncident(ctx context.Context, i Incident) error

	// Membership returns the incident that a pipeline's failure of an element belongs
	// to; the zero Membership when it belongs to none.
	Membership(ctx context.Context, pipelineID, element string) (Membership, error)
	// PutMembership stores m, on condition that the membership still is was.
	PutMembership(ctx context.Context, m, was Membership) error
	// PutOccurrence adds o, with its reasons, to an incident. It is idempotent.
	PutOccurrence(ctx context.Context, incidentID string, o Occurrence) error
	// NewestOccurrence returns the newest times of an incident's occurrences: when one
	// was handled, and when one happened. Both are zero where there is none.
	NewestOccurrence(ctx context.Context, incidentID string) (Occurrence, error)
	// CountOccurrences counts an incident's calls by reading all occurrences.
	CountOccurrences(ctx context.Context, incidentID string) (OccurrenceCounts, error)

	// SetCause makes the cause better known, on condition that it is as i has it.
	SetCause(ctx context.Context, i Incident, c Cause, reason string) error
	// AddReason adds r, on condition that it is not there and that the incident has
	// fewer than room reasons.
	AddReason(ctx context.Context, i Incident, r Reason, room int) error
	// AddLosses adds losses, on condition that there is room for those of unknown
	// elements; no losses means that calls may lose anything.
	AddLosses(ctx context.Context, i Incident, added []Loss) error
	// Close closes i at a time, on condition that it is open and was not reopened
	// since it was read.
	Close(ctx context.Context, i Incident, at time.Time) error
	// Discard closes i, which was never reopened, and counts its closing as announced, on
	// condition that nothing of it was announced, that it is open and still not reopened.
	Discard(ctx context.Context, i Incident, at time.Time) error
	// CancelClosing opens i again as if it had not been closed, on condition that it is
	// closed as i has it and that its closing was not announced.
	CancelClosing(ctx context.Context, i Incident) error
	// Reopen opens i again because of a failure, on condition that it is closed as i has it.
	Reopen(ctx context.Context, i Incident, failed time.Time) error
	// SetActive records when a call last failed, by which i is listed, on condition
	// that the time is as i has it.
	SetActive(ctx context.Context, i Incident, failed time.Time) error
	// SetAnnounced records what was announced, on condition that the counts are as i
	// has them.
	SetAnnounced(ctx context.Context, i Incident, a Announced) error
}

// Membership binds the failure of a pipeline's element to an incident.
type Membership struct {
	PipelineID, Element string
	// IncidentID is empty where there is no membership.
	IncidentID string
	// At and Seen are when the failure happened and was handled.
	At, Seen time.Time
}
