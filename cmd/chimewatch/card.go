package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/call"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// printCalls writes a line for each call.
func (a *app) printCalls(calls []call.Call) error {
	rows := make([][]string, len(calls))
	for i, c := range calls {
		rows[i] = []string{at(c.CreatedAt), status(c), c.ID, c.CallID, c.FromNumber, c.ToNumber, shortFailure(c)}
	}
	return a.printTable([]string{"created", statusColumn, "id", "call", "from", "to", "failure"}, rows)
}

// printCards writes all that is known of each call, for a reader.
func (a *app) printCards(calls []call.Call) error {
	for i, c := range calls {
		if i > 0 {
			fmt.Fprint(a.stdout, "\n────\n\n")
		}
		if err := a.printCard(c); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printCard(c call.Call) error {
	a.printFields("", [][2]string{
		{"id", c.ID}, {statusColumn, status(c)}, {"lost", losses(c)},
		{"call", c.CallID}, {"transaction", c.TransactionID}, {"voice connector", c.VoiceConnectorID},
		{"direction", c.Direction}, {"from", c.FromNumber}, {"to", c.ToNumber},
		{"created", at(c.CreatedAt)}, {"started", at(c.StartedAt)}, {"updated", at(c.UpdatedAt)}, {"ended", at(c.EndedAt)},
		{"reconciled", reconciled(c)}, {"incidents", strings.Join(c.Incidents, ", ")},
		{"pipeline", c.PipelineARN}, {"configuration", c.ConfigurationARN}, {"account", c.Account}, {"region", c.Region},
	})
	if c.Failure != nil {
		a.printFields("failure", [][2]string{
			{"cause", fmt.Sprintf("%s (%s)", c.Failure.Class.Title(), c.Failure.Class)},
			{"reason", spaced(c.Failure.Reason)}, {"origin", c.Failure.Origin}, {"HTTP status", c.Failure.HTTPStatusCode},
			{"what to do", c.Failure.Class.Remedy()},
		})
	}
	metadata := make([][2]string, 0, len(c.Metadata))
	for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
		metadata = append(metadata, [2]string{name, string(c.Metadata[name])})
	}
	a.printFields("metadata", metadata)
	for _, part := range []struct {
		title  string
		header []string
		rows   [][]string
	}{
		{"elements", []string{"element", statusColumn, "updated", "detail"}, elementRows(c)},
		{"events", []string{"time", "event", "id"}, eventRows(c)},
		{"alerts", []string{"time", "rule", "type", "id"}, alertRows(c)},
		{"voice tasks", []string{"time", "task", statusColumn, "id", "result"}, voiceRows(c)},
		{"consent", []string{"task", "state", "by", "until", "id", "detail"}, consentRows(c)},
		{"notifications", []string{"sent", "kind", "subject"}, notificationRows(c)},
	} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "\n%s\n", part.title)
		if err := a.printIndented("  ", part.header, part.rows); err != nil {
			return err
		}
	}
	return nil
}

// status writes the status with its blemish.
func status(c call.Call) string {
	if c.Degraded {
		return string(c.Status) + " (degraded)"
	}
	return string(c.Status)
}

// reconciled says where the state was completed from.
func reconciled(c call.Call) string {
	if c.Reconciled == nil {
		return ""
	}
	told := fmt.Sprintf("%s, from %s, which told %s", at(c.Reconciled.At), c.Reconciled.From, c.Reconciled.Status)
	if c.Reconciled.Because != "" {
		told += "; asked as it was " + c.Reconciled.Because
	}
	return told
}

// losses says what the customer does not get because elements failed.
func losses(c call.Call) string {
	var failed []pipeline.Element
	for _, e := range c.Elements {
		if element := (pipeline.Element{Type: e.Type, Status: e.Status}); element.Failing() {
			failed = append(failed, element)
		}
	}
	var words []string
	for _, loss := range incident.Losses(failed) {
		words = append(words, string(loss))
	}
	return strings.Join(words, ", ")
}

func elementRows(c call.Call) (rows [][]string) {
	for _, e := range c.Elements {
		var updated time.Time
		if e.UpdatedOn != 0 {
			updated = time.UnixMilli(e.UpdatedOn)
		}
		rows = append(rows, []string{e.Type, e.Status, at(updated), e.StatusDetail})
	}
	return rows
}

func eventRows(c call.Call) (rows [][]string) {
	for _, e := range c.Events {
		rows = append(rows, []string{at(e.Time), e.EventType, e.ID})
	}
	return rows
}

func alertRows(c call.Call) (rows [][]string) {
	for _, e := range c.Alerts {
		rows = append(rows, []string{at(e.Time), e.RuleName, e.Type, e.ID})
	}
	return rows
}

func notificationRows(c call.Call) (rows [][]string) {
	for _, n := range c.Notifications {
		rows = append(rows, []string{at(n.SentAt), n.Kind, n.Subject})
	}
	return rows
}

// shortFailure gives the class and as much of the reason as a column bears.
func shortFailure(c call.Call) string {
	if c.Failure == nil {
		return ""
	}
	const most = 48
	words := string(c.Failure.Class)
	if c.Failure.Reason != "" {
		words += ": " + spaced(c.Failure.Reason)
	}
	return text.Snip(words, most, "…")
}

// spaced writes free text on one line.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

// at writes a time in UTC, and nothing for none.
func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
