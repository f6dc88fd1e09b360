package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// printCalls writes a line for each call. As CSV it has more columns.
func (a *app) printCalls(calls []callview.Call) error {
	if a.Output == outputCSV {
		return a.printTable(callsHeader, callsRows(calls))
	}
	rows := make([][]string, len(calls))
	for i, c := range calls {
		rows[i] = []string{at(c.CreatedAt), status(c), c.ID, c.CallID, c.FromNumber, c.ToNumber, shortFailure(c)}
	}
	return a.printTable([]string{"created", statusColumn, "id", "call", "from", "to", "failure"}, rows)
}

var callsHeader = []string{
	"created", "started", "ended", "seconds", statusColumn, "degraded", "lost", "class", "reason",
	"id", "call", "transaction", "voice connector", "configuration", "direction", "from", "to",
}

func callsRows(calls []callview.Call) [][]string {
	rows := make([][]string, len(calls))
	for i, c := range calls {
		lasted := ""
		if c.DurationSeconds > 0 {
			lasted = strconv.FormatFloat(c.DurationSeconds, 'f', -1, 64)
		}
		class, reason := failure(c)
		rows[i] = []string{
			at(c.CreatedAt), at(c.StartedAt), at(c.EndedAt), lasted, string(c.Status), strconv.FormatBool(c.Degraded), losses(c), class, reason,
			c.ID, c.CallID, c.TransactionID, c.VoiceConnectorID, c.ConfigurationARN, c.Direction, c.FromNumber, c.ToNumber,
		}
	}
	return rows
}

// printCards writes all that is known of each call, for a reader.
func (a *app) printCards(calls []callview.Call) error {
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

func (a *app) printCard(c callview.Call) error {
	a.printFields("", [][2]string{
		{"id", c.ID}, {statusColumn, status(c)}, {"lost", losses(c)},
		{"call", c.CallID}, {"transaction", c.TransactionID}, {"voice connector", c.VoiceConnectorID},
		{"direction", c.Direction}, {"from", c.FromNumber}, {"to", c.ToNumber},
		{"created", at(c.CreatedAt)}, {"started", at(c.StartedAt)}, {"updated", at(c.UpdatedAt)}, {"ended", at(c.EndedAt)},
		{"lasted", seconds(c.DurationSeconds)},
		{"reconciled", reconciled(c)}, {"incidents", strings.Join(c.Incidents, ", ")},
		{"pipeline", c.PipelineARN}, {"configuration", c.ConfigurationARN}, {"account", c.Account}, {"region", c.Region},
	})
	if c.Failure != nil {
		a.printFields("failure", [][2]string{
			{"cause", fmt.Sprintf("%s (%s)", c.Failure.Class.Title(), c.Failure.Class)},
			{"reason", spaced(c.Failure.Reason)}, {"origin", c.Failure.Origin}, {"HTTP status", c.Failure.HTTPStatusCode},
			{"event", source(c.Failure.Source)}, {"what to do", c.Failure.Class.Remedy()},
		})
	}
	if c.Degraded {
		a.printCauses(c)
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
		{"elements", []string{"element", statusColumn, "updated", "event", "detail"}, elementRows(c)},
		{"events", []string{"time", "after", "event", "id", "changed"}, eventRows(c)},
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
	a.printBodies(c)
	return nil
}

// printCauses says of each element that does not deliver why, since when, and what to do.
func (a *app) printCauses(c callview.Call) {
	for _, e := range c.Elements {
		if !failing(e) {
			continue
		}
		a.printFields("cause: "+e.Type, [][2]string{
			{statusColumn, e.Status}, {"cause", fmt.Sprintf("%s (%s)", e.Class.Title(), e.Class)},
			{"reason", cmp.Or(spaced(e.StatusDetail), "the events say none")},
			{"event", source(e.Source)}, {"what to do", e.Class.Remedy()},
		})
	}
}

// printBodies writes the events as they came, where they were asked for.
func (a *app) printBodies(c callview.Call) {
	for _, e := range c.Events {
		a.printBody("event", e.Time, e.ID, e.Body)
	}
	for _, m := range c.Alerts {
		a.printBody("rule match", m.Time, m.ID, m.Body)
	}
}

func (a *app) printBody(what string, came time.Time, id string, body []byte) {
	if body == nil {
		return
	}
	fmt.Fprintf(a.stdout, "\n%s %s of %s\n", what, printable(id), at(came))
	for line := range strings.Lines(string(body)) {
		fmt.Fprintln(a.stdout, printable(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "  ")))
	}
}

// source names the event that brought something, and when.
func source(s callview.Source) string {
	if s.EventID == "" {
		return ""
	}
	return s.EventID + " of " + at(s.EventTime)
}

// seconds writes a length of time, and nothing for none.
func seconds(n float64) string {
	if n == 0 {
		return ""
	}
	return time.Duration(n * float64(time.Second)).Round(time.Millisecond).String()
}

// status writes the status with its blemish.
func status(c callview.Call) string {
	if c.Degraded {
		return string(c.Status) + " (degraded)"
	}
	return string(c.Status)
}

// reconciled says where the state was completed from.
func reconciled(c callview.Call) string {
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
func losses(c callview.Call) string {
	var words []string
	for _, loss := range incident.Losses(failedElements(c)) {
		words = append(words, string(loss))
	}
	return strings.Join(words, ", ")
}

func failing(e callview.Element) bool { return chime.Element{Status: e.Status}.Failing() }

func failedElements(c callview.Call) (failed []chime.Element) {
	for _, e := range c.Elements {
		if failing(e) {
			failed = append(failed, chime.Element{Type: e.Type, Status: e.Status})
		}
	}
	return failed
}

func elementRows(c callview.Call) (rows [][]string) {
	for _, e := range c.Elements {
		rows = append(rows, []string{e.Type, e.Status, at(e.UpdatedAt), e.EventID, spaced(e.StatusDetail)})
	}
	return rows
}

func eventRows(c callview.Call) (rows [][]string) {
	for _, e := range c.Events {
		after := e.Time.Sub(c.Events[0].Time).Round(time.Millisecond).String()
		rows = append(rows, []string{at(e.Time), after, e.EventType, e.ID, changes(e)})
	}
	return rows
}

// changes says which elements an event changed, from what to what.
func changes(e callview.Event) string {
	words := make([]string, len(e.Changes))
	for i, change := range e.Changes {
		words[i] = change.Element + " "
		if change.From != "" && change.From != change.Status {
			words[i] += change.From + "→"
		}
		words[i] += change.Status
	}
	return strings.Join(words, ", ")
}

func alertRows(c callview.Call) (rows [][]string) {
	for _, e := range c.Alerts {
		rows = append(rows, []string{at(e.Time), e.RuleName, e.Type, e.ID})
	}
	return rows
}

func notificationRows(c callview.Call) (rows [][]string) {
	for _, n := range c.Notifications {
		rows = append(rows, []string{at(n.SentAt), n.Kind, n.Subject})
	}
	return rows
}

// shortFailure returns the class and as much of the reason as a column has room for.
func shortFailure(c callview.Call) string {
	const room = 48
	class, reason := failure(c)
	if reason == "" {
		return class
	}
	return text.Snip(class+": "+reason, room, "…")
}

// failure returns the class and the reason of a call's failure: of the pipeline, else of
// its gravest element that does not deliver.
func failure(c callview.Call) (class, reason string) {
	if c.Failure != nil {
		return string(c.Failure.Class), spaced(c.Failure.Reason)
	}
	gravest := incident.MostSevere(failedElements(c))
	for _, e := range c.Elements {
		if failing(e) && e.Type == gravest {
			return string(e.Class), spaced(e.Type + " " + e.Status + " " + e.StatusDetail)
		}
	}
	return "", ""
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
