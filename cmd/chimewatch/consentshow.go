package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

type showConsentCmd struct {
	ID          string `arg:"" help:"A transactionId or a callId."`
	FullNumbers bool   `help:"Print phone numbers whole, not their last four digits."`
}

type listConsentCmd struct {
	Limit       int  `short:"n" default:"50" placeholder:"N" help:"At most this many calls (${default})."`
	FullNumbers bool `help:"Print phone numbers whole, not their last four digits."`
}

// held is the JSON form of a call in the holding area.
type held struct {
	TransactionID    string `json:"transactionId,omitempty"`
	CallID           string `json:"callId,omitempty"`
	VoiceConnectorID string `json:"voiceConnectorId,omitempty"`
	// Time is when the last was said.
	Time  time.Time            `json:"time,omitzero"`
	Tasks []voicetask.Standing `json:"tasks"`
	// Ledger is all that was said, decided and done; only in consent show.
	Ledger voicetask.Ledger `json:"ledger,omitempty"`
}

// newHeld makes the JSON form of a ledger.
func newHeld(l voicetask.Ledger, now time.Time) held {
	h := held{Tasks: l.Standings(now), Ledger: l.InOrder()}
	for _, e := range h.Ledger {
		if e.Kind == voicetask.Ready && h.VoiceConnectorID == "" {
			h.TransactionID, h.CallID, h.VoiceConnectorID = e.TransactionID, e.CallID, e.VoiceConnectorID
		}
		if e.Scope != "" || e.Kind == voicetask.Ready {
			h.Time = e.At
		}
	}
	for _, e := range h.Ledger {
		if h.TransactionID == "" {
			h.TransactionID = e.TransactionID
		}
		if h.CallID == "" {
			h.CallID = e.CallID
		}
	}
	return h
}

// masked masks phone numbers in what people wrote and in ids, unless numbers are to
// be whole.
func (h held) masked(fullNumbers bool) held {
	if fullNumbers {
		return h
	}
	mask := func(fields ...*string) {
		for _, field := range fields {
			*field = redact.Text(*field)
		}
	}
	mask(&h.TransactionID, &h.CallID, &h.VoiceConnectorID)
	h.Tasks, h.Ledger = slices.Clone(h.Tasks), slices.Clone(h.Ledger)
	for i := range h.Tasks {
		mask((*string)(&h.Tasks[i].Task), (*string)(&h.Tasks[i].State), &h.Tasks[i].By, &h.Tasks[i].TaskID,
			&h.Tasks[i].Detail)
	}
	for i := range h.Ledger {
		e := &h.Ledger[i]
		mask((*string)(&e.Kind), &e.Event, &e.By, &e.TransactionID, &e.CallID, &e.VoiceConnectorID, (*string)(&e.Scope),
			(*string)(&e.Task),
			&e.Consent, &e.Token, &e.Try, &e.TaskID, &e.Code, &e.Detail)
	}
	return h
}

// Run prints the ledger of one call.
func (c *showConsentCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		ledger, others, err := findLedger(a.ctx, s, c.ID)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			a.noteNumbers(c.FullNumbers, "%s belongs to more than one transaction; the others: %s",
				c.ID, strings.Join(others, ", "))
		}
		h := newHeld(ledger, a.now()).masked(c.FullNumbers)
		if a.asJSON() {
			return a.printJSON(h)
		}
		return a.printHeld(h)
	})
}

// findLedger reads the ledger that ref names: of a transaction, or of a call's
// last transaction, with the call's other transactions beside it. Where there is
// none, ref may name what was rehearsed.
func findLedger(ctx context.Context, s *dynamo.Store, ref string) (ledger voicetask.Ledger, others []string, err error) {
	for _, id := range []string{ref, chime.RehearsalPrefix + ref} {
		if ledger, others, err = readLedger(ctx, s, id); err != nil || len(ledger) > 0 {
			return ledger, others, err
		}
	}
	return nil, nil, apperr.New(apperr.NotFound, "holding area", "knows no transaction or call "+ref,
		"list what is there with: chimewatch consent list")
}

// readLedger is findLedger for an id as the table has it; the ledger is empty
// where nothing has it.
func readLedger(ctx context.Context, s *dynamo.Store, ref string) (ledger voicetask.Ledger, others []string, err error) {
	if ledger, err = ledgerOf(ctx, s, ref); err != nil || len(ledger) > 0 {
		return ledger, nil, err
	}
	if ledger, err = s.CallLedger(ctx, ref); err != nil || len(ledger) == 0 {
		return nil, nil, err
	}
	var last voicetask.Entry
	for _, e := range ledger.InOrder() {
		if e.Kind == voicetask.Ready {
			last = e
		}
	}
	if last.TransactionID == "" {
		return ledger, nil, nil
	}
	for _, id := range ledger.TransactionIDs() {
		if id != last.TransactionID {
			others = append(others, id)
		}
	}
	ledger, err = ledgerOf(ctx, s, last.TransactionID)
	return ledger, others, err
}

// ledgerOf reads a transaction's ledger and what its pipeline tells of its end.
func ledgerOf(ctx context.Context, s *dynamo.Store, transactionID string) (voicetask.Ledger, error) {
	ledger, err := s.Ledger(ctx, transactionID)
	if err != nil || len(ledger) == 0 {
		return ledger, err
	}
	id, at, ended, err := s.PipelineEnd(ctx, transactionID)
	if ended {
		ledger = append(ledger, voicetask.Entry{Kind: voicetask.Ended, At: at, By: voicetask.System, TransactionID: transactionID, Detail: "pipeline " + id + " stopped"})
	}
	return ledger, err
}

func (a *app) printHeld(h held) error {
	a.printFields("", [][2]string{{"transaction", h.TransactionID}, {"call", h.CallID}, {"voice connector", h.VoiceConnectorID}})
	fmt.Fprintln(a.stdout, "\ntasks")
	if err := a.printIndented("  ", []string{"task", "state", "by", "until", "id", "detail"}, standingRows(h.Tasks)); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "\naudit")
	rows := make([][]string, len(h.Ledger))
	for i, e := range h.Ledger {
		rows[i] = []string{at(e.At), string(e.Kind), about(e), e.By, e.Event, because(e)}
	}
	return a.printIndented("  ", []string{"time", "what", "of", "who", "event", "because"}, rows)
}

func standingRows(standings []voicetask.Standing) (rows [][]string) {
	for _, s := range standings {
		rows = append(rows, []string{string(s.Task), string(s.State), s.By, at(s.Until), s.TaskID, s.Detail})
	}
	return rows
}

// about says which task an entry is about.
func about(e voicetask.Entry) string {
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

// because says why an entry was made.
func because(e voicetask.Entry) string {
	words := e.Code
	if e.Consent != "" {
		words += " by event " + e.Consent
	}
	return strings.TrimSpace(words + " " + e.Detail)
}

// Run prints the newest calls in the holding area.
func (c *listConsentCmd) Run(a *app) error {
	if err := checkLimit(c.Limit, ""); err != nil {
		return err
	}
	return a.withStore(func(s *dynamo.Store) error {
		found, err := s.Held(a.ctx, c.Limit+1)
		if err != nil {
			return err
		}
		if len(found) > c.Limit {
			found = found[:c.Limit]
			a.note("there are more: raise --limit, up to %d, to see them", maxLimit)
		}
		list := []held{}
		for _, f := range found {
			ref := f.TransactionID
			if ref == "" {
				ref = f.CallID
			}
			ledger, _, err := findLedger(a.ctx, s, ref)
			if err != nil {
				return err
			}
			h := newHeld(ledger, a.now())
			h.Ledger = nil
			// Who spoke of a callId may have meant a transaction that is there already.
			if h.TransactionID == "" || !slices.ContainsFunc(list, func(other held) bool { return other.TransactionID == h.TransactionID }) {
				list = append(list, h)
			}
		}
		for i, h := range list {
			list[i] = h.masked(c.FullNumbers)
		}
		if a.asJSON() {
			return a.printJSON(list)
		}
		rows := make([][]string, len(list))
		for i, h := range list {
			rows[i] = []string{at(h.Time), h.TransactionID, h.CallID, stateOf(h, voicetask.SpeakerSearch), stateOf(h, voicetask.VoiceTone)}
		}
		return a.printTable([]string{"time", "transaction", "call", string(voicetask.SpeakerSearch), string(voicetask.VoiceTone)}, rows)
	})
}

func stateOf(h held, task voicetask.Task) string {
	for _, s := range h.Tasks {
		if s.Task == task {
			return string(s.State)
		}
	}
	return ""
}

// addVoice adds to calls what is known of voice analytics on them.
func addVoice(a *app, s *dynamo.Store, states []pipeline.State, calls []callview.Call, o callview.Options) error {
	for i, state := range states {
		notes, err := s.Voice(a.ctx, state)
		if err != nil {
			return err
		}
		var ledger voicetask.Ledger
		if state.TransactionID != "" {
			if ledger, err = ledgerOf(a.ctx, s, state.TransactionID); err != nil {
				return err
			}
		}
		calls[i].AddVoice(state, notes, ledger, a.now(), o)
	}
	return nil
}

// voiceRows are the tasks that the service told of.
func voiceRows(c callview.Call) (rows [][]string) {
	if c.Voice == nil {
		return nil
	}
	for _, t := range c.Voice.Tasks {
		rows = append(rows, []string{at(t.Time), t.Kind, t.Status, t.TaskID, string(t.Result)})
	}
	return rows
}

// consentRows say how the tasks stand with consent.
func consentRows(c callview.Call) (rows [][]string) {
	if c.Voice == nil {
		return nil
	}
	return standingRows(c.Voice.Consent)
}
