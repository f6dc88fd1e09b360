package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/redact"
)

type incidentsShowCmd struct {
	ID     string `arg:"" help:"${incident_id_help}"`
	Calls  bool   `help:"Print every call that failed, with its time and reasons, not only the first ones."`
	Limit  int    `short:"n" placeholder:"N" help:"With --calls, at most this many calls; all without it."`
	Cursor string `placeholder:"CURSOR" help:"${cursor_help}"`
}

// incidentReport is the JSON form of an incident. Times are RFC 3339 in UTC.
type incidentReport struct {
	ID    string         `json:"id"`
	Class incident.Class `json:"class"`
	// Target is what has to be repaired; empty if the failures do not say it.
	Target string `json:"target,omitempty"`
	// Scope is what the failed calls have in common: voice-connector/ID, configuration/ARN
	// or region/ACCOUNT/REGION, after rehearsal/ in a rehearsal.
	Scope   string `json:"scope"`
	Element string `json:"element,omitempty"`
	// Rehearsal reports whether the calls were rehearsed.
	Rehearsal bool              `json:"rehearsal,omitempty"`
	State     string            `json:"state"` // open or closed
	Severity  incident.Severity `json:"severity"`
	Losses    []incident.Loss   `json:"losses"`
	// Reason is the text that class and target were derived from, Reasons are all.
	Reason  string         `json:"reason,omitempty"`
	Reasons []reasonReport `json:"reasons"`
	// Calls is the number of pipelines that failed.
	Calls    int       `json:"calls"`
	OpenedAt time.Time `json:"openedAt"`
	LastAt   time.Time `json:"lastAt,omitzero"`
	ClosedAt time.Time `json:"closedAt,omitzero"`
	Reopened int       `json:"reopened,omitempty"`
	// Examples are the ids of the first pipelines, for calls show.
	Examples []string `json:"examples"`
	// FailedCalls are the calls that failed, by time; absent without --calls.
	FailedCalls   []failedCall         `json:"failedCalls,omitzero"`
	Notifications []notificationReport `json:"notifications,omitempty"`
}

// reasonReport is a distinct reason of an incident, and how many calls failed for it.
type reasonReport struct {
	// Reason is one of its texts; empty if the events had none.
	Reason string         `json:"reason"`
	Class  incident.Class `json:"class,omitempty"`
	Target string         `json:"target,omitempty"`
	Count  int            `json:"count"`
	First  time.Time      `json:"first,omitzero"`
	Last   time.Time      `json:"last,omitzero"`
	// Others reports whether it stands for all reasons that are not stored.
	Others bool `json:"others,omitempty"`
}

// failedCall is one call of an incident.
type failedCall struct {
	// PipelineID is empty for a call that was erased.
	PipelineID string    `json:"pipelineId,omitempty"`
	CallID     string    `json:"callId,omitempty"`
	At         time.Time `json:"at"`
	Reasons    []string  `json:"reasons"` // those that are stored
	Erased     bool      `json:"erased,omitempty"`
}

// notificationReport is one notification about an incident.
type notificationReport struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	Calls   int       `json:"calls,omitempty"`
	SentAt  time.Time `json:"sentAt,omitzero"`
}

// Run prints the incident.
func (c *incidentsShowCmd) Run(a *app) error {
	from, err := c.firstCall()
	if err != nil {
		return err
	}
	return a.withStore(func(s *dynamo.Store) error {
		i, err := findIncident(a.ctx, s, c.ID)
		if err != nil {
			return hintOtherKind(err, c.ID, "a call", "an incident", "calls show", func() bool {
				_, err := s.Find(a.ctx, c.ID)
				return err == nil
			})
		}
		tally, err := s.CountOccurrences(a.ctx, i.ID)
		if err != nil {
			return err
		}
		report, next := reportIncident(i, tally), ""
		if c.Calls {
			calls := failedCalls(i, tally)
			calls = calls[min(from, len(calls)):]
			if c.Limit > 0 && len(calls) > c.Limit {
				calls, next = calls[:c.Limit], strconv.Itoa(from+c.Limit)
			}
			report.FailedCalls = calls
		}
		notifications, err := s.IncidentNotifications(a.ctx, i)
		if err != nil {
			return err
		}
		report.Notifications = mapped(notifications, func(n notify.Notification) notificationReport {
			return notificationReport{n.ID, n.Kind, redact.Text(n.Subject), n.Calls, n.SentAt.UTC()}
		})
		if a.asJSON() {
			err = a.printJSON(report)
		} else {
			err = a.printIncident(report)
		}
		if err == nil {
			a.noteCursor(next)
		}
		return err
	})
}

// firstCall checks the flags of the list of calls, and returns the position of its first call.
func (c *incidentsShowCmd) firstCall() (from int, err error) {
	if c.Limit != 0 {
		if err := checkLimit(c.Limit, ", and --cursor for more"); err != nil {
			return 0, err
		}
	}
	if (c.Limit != 0 || c.Cursor != "") && !c.Calls {
		return 0, usage("incidents show", "--limit and --cursor page the list of calls", "give --calls with them")
	}
	if c.Cursor != "" {
		if from, err = strconv.Atoi(c.Cursor); err != nil || from < 0 {
			return 0, usage("--cursor", "it was not printed by this command", "leave it out to start with the first call")
		}
	}
	return from, nil
}

// findIncident returns the incident with an id. An id may also be the end of one, after a dash: of
// an open incident, else of the newest.
func findIncident(ctx context.Context, s *dynamo.Store, id string) (incident.Incident, error) {
	const newest = 1000
	i, notFound := s.Incident(ctx, id)
	isEnd := strings.TrimLeft(id, "0123456789abcdef.") == "" && len(id) >= len("0123456789ab.1")
	if apperr.ClassOf(notFound) != apperr.NotFound || !isEnd {
		return i, notFound
	}
	for _, query := range []dynamo.IncidentQuery{{Due: true, Limit: newest}, {Limit: newest}} {
		list, _, err := s.Incidents(ctx, query)
		if err != nil {
			return incident.Incident{}, errors.Join(notFound, err)
		}
		for _, i := range list {
			if strings.HasSuffix(i.ID, "-"+id) {
				return i, nil
			}
		}
	}
	return incident.Incident{}, notFound
}

// reportIncident masks phone numbers in everything that comes from events. Ids of incidents have none.
func reportIncident(i incident.Incident, tally incident.OccurrenceCounts) incidentReport {
	r := incidentReport{
		ID: i.ID, Class: i.Class, Target: redact.Text(i.Target), Scope: redact.Text(i.Scope), Element: redact.Text(i.Element),
		Rehearsal: i.Rehearsal(), State: stateOpen, Severity: i.Severity(), Reason: redact.Text(i.Reason),
		Losses: mapped(i.Losses, func(loss incident.Loss) incident.Loss { return incident.Loss(redact.Text(string(loss))) }),
		Calls:  tally.Calls, LastAt: tally.LastAt.UTC(),
		OpenedAt: i.OpenedAt.UTC(), ClosedAt: i.ClosedAt.UTC(), Reopened: i.Reopened,
		Examples: mapped(tally.Examples, func(o incident.Occurrence) string { return redact.Text(o.PipelineID) }),
	}
	if !i.Open() {
		r.State = stateClosed
	}
	given, rest := i.CountReasons(tally)
	r.Reasons = mapped(given, func(g incident.ReasonCount) reasonReport {
		return reasonReport{
			Reason: redact.Text(g.Text), Class: g.Class, Target: redact.Text(g.Target),
			Count: g.Calls, First: g.First.UTC(), Last: g.Last.UTC(),
		}
	})
	if rest.Calls > 0 {
		r.Reasons = append(r.Reasons,
			reasonReport{Count: rest.Calls, First: rest.First.UTC(), Last: rest.Last.UTC(), Others: true})
	}
	return r
}

const (
	noReason    = "none given"
	otherReason = "another"
)

// failedCalls returns each call of an incident once, by the time of its first failure.
func failedCalls(i incident.Incident, tally incident.OccurrenceCounts) []failedCall {
	texts := map[string]string{}
	for _, r := range i.Reasons {
		texts[r.ID] = cmp.Or(redact.Text(r.Text), noReason)
	}
	list, index := []failedCall{}, map[string]int{}
	for _, o := range tally.Occurrences {
		n, known := index[o.PipelineID]
		if erased := o.PipelineID == ""; erased || !known {
			n, index[o.PipelineID] = len(list), len(list)
			list = append(list, failedCall{
				PipelineID: redact.Text(o.PipelineID), CallID: redact.Text(o.CallID), At: o.At.UTC(),
				Reasons: []string{}, Erased: erased,
			})
		}
		for _, id := range o.Reasons {
			if text := cmp.Or(texts[id], otherReason); !slices.Contains(list[n].Reasons, text) {
				list[n].Reasons = append(list[n].Reasons, text)
			}
		}
	}
	return list
}

// causeText is a class with what has to be repaired, if that is known.
func causeText(class incident.Class, target string) string {
	if target == "" {
		return string(class)
	}
	return string(class) + ": " + target
}

func (a *app) printIncident(r incidentReport) error {
	reopened := ""
	if r.Reopened > 0 {
		reopened = count(r.Reopened, "time")
	}
	a.printFields("", [][2]string{
		{"id", r.ID}, {stateColumn, r.State}, {severityColumn, string(r.Severity)}, {"calls", strconv.Itoa(r.Calls)},
		{"lost", cmp.Or(joined(r.Losses), "everything, or not known")}, {"scope", r.Scope}, {"element", r.Element},
		{"opened", at(r.OpenedAt)}, {"last", at(r.LastAt)}, {"closed", at(r.ClosedAt)}, {"reopened", reopened},
	})
	a.printFields("cause", [][2]string{
		{"class", r.Class.Title() + " (" + causeText(r.Class, r.Target) + ")"}, {"reason", spaced(r.Reason)},
		{"what to do", r.Class.Remedy()},
	})
	examples := r.Examples
	if r.FailedCalls != nil {
		examples = nil
	}
	return a.printSections([]section{
		{"reasons", []string{"calls", "first", "last", "cause", "reason"},
			mapped(r.Reasons, func(g reasonReport) []string {
				text, cause := cmp.Or(spaced(g.Reason), noReason), causeText(g.Class, g.Target)
				if g.Others {
					text, cause = "all others", ""
				}
				return []string{strconv.Itoa(g.Count), at(g.First), at(g.Last), cause, text}
			})},
		{"first calls", []string{"pipeline"}, mapped(examples, func(id string) []string { return []string{id} })},
		{"calls", []string{"failed", "pipeline", "call", "reason"},
			mapped(r.FailedCalls, func(c failedCall) []string {
				id := c.PipelineID
				if c.Erased {
					id = "erased"
				}
				return []string{at(c.At), id, c.CallID, spaced(strings.Join(c.Reasons, "; "))}
			})},
		{"notifications", []string{"sent", "kind", "subject"},
			mapped(r.Notifications, func(n notificationReport) []string {
				return []string{at(n.SentAt), n.Kind, n.Subject}
			})},
	})
}
