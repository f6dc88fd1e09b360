package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

type consentShowCmd struct {
	ID string `arg:"" help:"A transactionId or a callId."`

	fullNumbersFlag
}

type consentListCmd struct {
	limitFlag
	fullNumbersFlag
}

// consentReport is the JSON form of the consent ledger of a call.
type consentReport struct {
	TransactionID    string `json:"transactionId,omitempty"`
	CallID           string `json:"callId,omitempty"`
	VoiceConnectorID string `json:"voiceConnectorId,omitempty"`
	// Time is the time of the last decision, or when the call became ready for tasks.
	Time  time.Time            `json:"time,omitzero"`
	Tasks []voicetask.Standing `json:"tasks"`
	// Ledger has every decision and task; only in consent show.
	Ledger voicetask.Ledger `json:"ledger,omitempty"`
}

func reportConsent(l voicetask.Ledger, now time.Time) consentReport {
	r := consentReport{Tasks: l.Standings(now), Ledger: l.InOrder()}
	for _, e := range r.Ledger {
		if e.Kind == voicetask.Ready && r.VoiceConnectorID == "" {
			r.TransactionID, r.CallID, r.VoiceConnectorID = e.TransactionID, e.CallID, e.VoiceConnectorID
		}
		if e.Scope != "" || e.Kind == voicetask.Ready {
			r.Time = e.At
		}
	}
	for _, e := range r.Ledger {
		r.TransactionID, r.CallID = cmp.Or(r.TransactionID, e.TransactionID), cmp.Or(r.CallID, e.CallID)
	}
	return r
}

// masked masks phone numbers in texts and ids, unless fullNumbers is set.
func (r consentReport) masked(fullNumbers bool) consentReport {
	if fullNumbers {
		return r
	}
	mask := func(fields ...*string) {
		for _, field := range fields {
			*field = redact.Text(*field)
		}
	}
	mask(&r.TransactionID, &r.CallID, &r.VoiceConnectorID)
	r.Tasks, r.Ledger = slices.Clone(r.Tasks), slices.Clone(r.Ledger)
	for i := range r.Tasks {
		t := &r.Tasks[i]
		mask((*string)(&t.Task), (*string)(&t.State), &t.By, &t.TaskID, &t.Detail)
	}
	for i := range r.Ledger {
		e := &r.Ledger[i]
		mask((*string)(&e.Kind), &e.Event, &e.By, &e.TransactionID, &e.CallID, &e.VoiceConnectorID, (*string)(&e.Scope),
			(*string)(&e.Task), &e.Consent, &e.Token, &e.Try, &e.TaskID, &e.Code, &e.Detail)
	}
	return r
}

// Run prints the ledger of one call.
func (c *consentShowCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		ledger, others, err := findLedger(a.ctx, s, c.ID)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			a.noteMasked(c.FullNumbers, "%s belongs to more than one transaction; the others: %s", c.ID, joined(others))
		}
		r := reportConsent(ledger, a.now()).masked(c.FullNumbers)
		if a.asJSON() {
			return a.printJSON(r)
		}
		return a.printConsent(r)
	})
}

// findLedger reads the ledger of a transaction, or of the last transaction of a call; others are
// the ids of the call's other transactions. If there is none, id may be that of a rehearsal.
func findLedger(ctx context.Context, s *dynamo.Store, id string) (ledger voicetask.Ledger, others []string, err error) {
	for _, id := range []string{id, chime.RehearsalPrefix + id} {
		if ledger, err = readLedger(ctx, s, id); err != nil || len(ledger) > 0 {
			return ledger, nil, err
		}
		if ledger, others, err = readCallLedger(ctx, s, id); err != nil || len(ledger) > 0 {
			return ledger, others, err
		}
	}
	return nil, nil, apperr.New(apperr.NotFound, "consent", "no transaction or call has the id "+id,
		"list what is there with: chimewatch consent list")
}

// readCallLedger reads the ledger of the last transaction of a call; if no transaction was ready yet, that of the call.
func readCallLedger(ctx context.Context, s *dynamo.Store, callID string) (voicetask.Ledger, []string, error) {
	ledger, err := s.CallLedger(ctx, callID)
	if err != nil {
		return nil, nil, err
	}
	last := ""
	for _, e := range ledger.InOrder() {
		if e.Kind == voicetask.Ready {
			last = e.TransactionID
		}
	}
	if last == "" {
		return ledger, nil, nil
	}
	others := slices.DeleteFunc(ledger.TransactionIDs(), func(id string) bool { return id == last })
	ledger, err = readLedger(ctx, s, last)
	return ledger, others, err
}

// readLedger reads a transaction's ledger, and adds the end of its pipeline.
func readLedger(ctx context.Context, s *dynamo.Store, transactionID string) (voicetask.Ledger, error) {
	ledger, err := s.Ledger(ctx, transactionID)
	if err != nil || len(ledger) == 0 {
		return ledger, err
	}
	id, at, ended, err := s.PipelineEnd(ctx, transactionID)
	if ended {
		ledger = append(ledger, voicetask.Entry{
			Kind: voicetask.Ended, At: at, By: voicetask.System, TransactionID: transactionID,
			Detail: "pipeline " + id + " stopped",
		})
	}
	return ledger, err
}

func (a *app) printConsent(r consentReport) error {
	a.printFields("", [][2]string{
		{"transaction", r.TransactionID}, {"call", r.CallID}, {"voice connector", r.VoiceConnectorID},
	})
	return a.printSections([]section{
		consentSection("tasks", r.Tasks),
		{"audit", []string{"time", "what", "of", "who", "event", "because"},
			mapped(r.Ledger, func(e voicetask.Entry) []string {
				return []string{at(e.At), string(e.Kind), subject(e), e.By, e.Event, reason(e)}
			})},
	})
}

// consentSection shows for each task whether it has consent.
func consentSection(title string, standings []voicetask.Standing) section {
	return section{title, []string{"task", "state", "by", "until", "id", "detail"},
		mapped(standings, func(s voicetask.Standing) []string {
			return []string{string(s.Task), string(s.State), s.By, at(s.Until), s.TaskID, s.Detail}
		})}
}

// subject says which task an entry is about.
func subject(e voicetask.Entry) string {
	switch {
	case e.TaskID != "":
		return string(e.Task) + " " + e.TaskID
	case e.Task != "":
		return string(e.Task)
	case !e.Until.IsZero():
		return string(e.Scope) + " until " + at(e.Until)
	}
	return string(e.Scope)
}

// reason says why an entry was written.
func reason(e voicetask.Entry) string {
	words := e.Code
	if e.Consent != "" {
		words += " by event " + e.Consent
	}
	return strings.TrimSpace(words + " " + e.Detail)
}

// Run prints the newest calls.
func (c *consentListCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		found, err := s.Ledgers(a.ctx, c.Limit+1)
		if err != nil {
			return err
		}
		reports := []consentReport{}
		for _, f := range found[:min(c.Limit, len(found))] {
			ledger, _, err := findLedger(a.ctx, s, cmp.Or(f.TransactionID, f.CallID))
			if err != nil {
				return err
			}
			r := reportConsent(ledger, a.now())
			r.Ledger = nil
			// A decision about a callId may belong to a transaction that is in the list already.
			listed := func(other consentReport) bool { return other.TransactionID == r.TransactionID }
			if r.TransactionID == "" || !slices.ContainsFunc(reports, listed) {
				reports = append(reports, r)
			}
		}
		for i, r := range reports {
			reports[i] = r.masked(c.FullNumbers)
		}
		a.noteMore(len(found) > c.Limit)
		return printList(a, reports, consentColumns)
	})
}

var consentColumns = columns[consentReport]{
	[]string{"time", "transaction", "call", string(voicetask.SpeakerSearch), string(voicetask.VoiceTone)},
	func(r consentReport) []string {
		state := map[voicetask.Task]string{}
		for _, t := range r.Tasks {
			state[t.Task] = string(t.State)
		}
		return []string{at(r.Time), r.TransactionID, r.CallID, state[voicetask.SpeakerSearch], state[voicetask.VoiceTone]}
	},
}
