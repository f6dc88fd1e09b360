package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

type callsShowCmd struct {
	ID     string `arg:"" help:"Pipeline id or ARN, callId, transactionId, or the id of a failed creation."`
	All    bool   `help:"Show every pipeline of the id, not only the newest. JSON output is an array then."`
	Events bool   `aliases:"raw" help:"Print also each event as it was received: what a support case needs."`

	fullNumbersFlag
}

// Run prints the newest pipeline of the id, or all of them.
func (c *callsShowCmd) Run(a *app) error {
	if strings.TrimSpace(c.ID) == "" {
		return usage("<id>", "it is empty", "give a pipeline id or ARN, a callId or a transactionId")
	}
	return a.withStore(func(s *dynamo.Store) error {
		states, err := s.Find(a.ctx, c.ID)
		if err != nil {
			return hintOtherKind(err, c.ID, "an incident", "a call", "incidents show", func() bool {
				_, err := s.Incident(a.ctx, c.ID)
				return err == nil
			})
		}
		if !c.All && len(states) > 1 {
			others := mapped(states[1:], func(other pipeline.State) string { return other.ID })
			a.noteMasked(c.FullNumbers, "%s belongs to %s; this is the newest. The others: %s (show them with --all)",
				c.ID, count(len(states), "pipeline"), joined(others))
			states = states[:1]
		}
		options := callview.Options{FullNumbers: c.FullNumbers, Bodies: c.Events}
		calls, err := callReader{store: s, options: options, history: true}.all(a.ctx, states)
		if err != nil {
			return err
		}
		if err := addVoice(a, s, states, calls, options); err != nil {
			return err
		}
		switch {
		case !a.asJSON():
			return a.printDetails(calls)
		case c.All:
			return a.printJSON(calls)
		default:
			return a.printJSON(calls[0])
		}
	})
}

// hintOtherKind returns err, the error of an id that was not found; if another command shows the id, an error that
// says so.
func hintOtherKind(err error, id, kind, wanted, command string, isOtherKind func() bool) error {
	if apperr.ClassOf(err) != apperr.NotFound || !isOtherKind() {
		return err
	}
	return apperr.New(apperr.NotFound, "<id>", id+" is "+kind+", not "+wanted, "show it with: chimewatch "+command+" "+id)
}

// printDetails writes everything that is known of each call, for a person.
func (a *app) printDetails(calls []callview.Call) error {
	for i, c := range calls {
		if i > 0 {
			fmt.Fprint(a.stdout, "\n────\n\n")
		}
		if err := a.detailView(c); err != nil {
			return err
		}
	}
	return nil
}

// detailView writes everything that is known of a call.
func (a *app) detailView(c callview.Call) error {
	a.printFields("", [][2]string{
		{"id", c.ID}, {statusColumn, statusText(c)}, {"lost", losses(c)},
		{"call", c.CallID}, {"transaction", c.TransactionID}, {"voice connector", c.VoiceConnectorID},
		{"direction", c.Direction}, {"from", c.FromNumber}, {"to", c.ToNumber},
		{"created", at(c.CreatedAt)}, {"started", at(c.StartedAt)}, {"updated", at(c.UpdatedAt)}, {"ended", at(c.EndedAt)},
		{"lasted", seconds(c.DurationSeconds)},
		{"reconciled", reconciled(c)}, {"incidents", joined(c.Incidents)},
		{"pipeline", c.PipelineARN}, {"configuration", c.ConfigurationARN}, {"account", c.Account}, {"region", c.Region},
	})
	if f := c.Failure; f != nil {
		a.printFields("failure", [][2]string{
			{"cause", causeTitle(f.Class)}, {"reason", spaced(f.Reason)}, {"origin", f.Origin},
			{"HTTP status", f.HTTPStatusCode}, {"event", source(f.Source)}, {"what to do", f.Class.Remedy()},
		})
	}
	if c.Degraded {
		a.printElementCauses(c)
	}
	var metadata [][2]string
	for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
		metadata = append(metadata, [2]string{name, string(c.Metadata[name])})
	}
	a.printFields("metadata", metadata)
	voice := cmp.Or(c.Voice, &callview.Voice{})
	err := a.printSections([]section{
		{"elements", []string{"element", statusColumn, "updated", "event", "detail"},
			mapped(c.Elements, func(e callview.Element) []string {
				return []string{e.Type, e.Status, at(e.UpdatedAt), e.EventID, spaced(e.StatusDetail)}
			})},
		{"events", []string{"time", "after", "event", "id", "changed"},
			mapped(c.Events, func(e callview.Event) []string {
				after := e.Time.Sub(c.Events[0].Time).Round(time.Millisecond).String()
				return []string{at(e.Time), after, e.EventType, e.ID, joined(mapped(e.Changes, change))}
			})},
		{"alerts", []string{"time", "rule", "type", "id"},
			mapped(c.Alerts, func(m callview.Alert) []string {
				return []string{at(m.Time), m.RuleName, m.Type, m.ID}
			})},
		{"voice tasks", []string{"time", "task", statusColumn, "id", "result"},
			mapped(voice.Tasks, func(t callview.VoiceTask) []string {
				return []string{at(t.Time), t.Kind, t.Status, t.TaskID, string(t.Result)}
			})},
		consentSection("consent", voice.Consent),
		{"notifications", []string{"sent", "kind", "subject"},
			mapped(c.Notifications, func(n callview.Notification) []string {
				return []string{at(n.SentAt), n.Kind, n.Subject}
			})},
	})
	for _, e := range c.Events {
		a.printBody("event", e.Time, e.ID, e.Body)
	}
	for _, m := range c.Alerts {
		a.printBody("rule match", m.Time, m.ID, m.Body)
	}
	return err
}

// printElementCauses writes for each failing element why it fails, since when, and what to do.
func (a *app) printElementCauses(c callview.Call) {
	for _, e := range c.Elements {
		if e.Class == "" {
			continue
		}
		a.printFields("cause: "+e.Type, [][2]string{
			{statusColumn, e.Status}, {"cause", causeTitle(e.Class)},
			{"reason", cmp.Or(spaced(e.StatusDetail), "the events say none")},
			{"event", source(e.Source)}, {"what to do", e.Class.Remedy()},
		})
	}
}

// printBody writes an event as it was received, if it was asked for.
func (a *app) printBody(what string, received time.Time, id string, body []byte) {
	if body == nil {
		return
	}
	fmt.Fprintf(a.stdout, "\n%s %s of %s\n", what, printable(id), at(received))
	for line := range strings.Lines(string(body)) {
		fmt.Fprintln(a.stdout, printable(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "  ")))
	}
}

func causeTitle(class incident.Class) string { return fmt.Sprintf("%s (%s)", class.Title(), class) }

// source formats the id and the time of an event.
func source(s callview.Source) string {
	if s.EventID == "" {
		return ""
	}
	return s.EventID + " of " + at(s.EventTime)
}

// seconds formats a duration; 0 is empty text.
func seconds(n float64) string {
	if n == 0 {
		return ""
	}
	return time.Duration(n * float64(time.Second)).Round(time.Millisecond).String()
}

func statusText(c callview.Call) string {
	if c.Degraded {
		return string(c.Status) + " (degraded)"
	}
	return string(c.Status)
}

// reconciled says what the state was completed from.
func reconciled(c callview.Call) string {
	if c.Reconciled == nil {
		return ""
	}
	text := fmt.Sprintf("%s, from %s, which returned %s", at(c.Reconciled.At), c.Reconciled.From, c.Reconciled.Status)
	if c.Reconciled.Because != "" {
		text += "; asked because it was " + c.Reconciled.Because
	}
	return text
}

// losses lists what the customer does not get because elements failed.
func losses(c callview.Call) string { return joined(incident.Losses(failingElements(c))) }

func failingElements(c callview.Call) (elements []chime.Element) {
	for _, e := range c.Elements {
		if e.Class != "" {
			elements = append(elements, chime.Element{Type: e.Type, Status: e.Status})
		}
	}
	return elements
}

// change formats how an event changed an element.
func change(c callview.Change) string {
	if c.From != "" && c.From != c.Status {
		return c.Element + " " + c.From + "→" + c.Status
	}
	return c.Element + " " + c.Status
}

// failure returns class and reason of the failure of a pipeline, else of its most severe failing element.
func failure(c callview.Call) (class, reason string) {
	if c.Failure != nil {
		return string(c.Failure.Class), spaced(c.Failure.Reason)
	}
	mostSevere := incident.MostSevere(failingElements(c))
	for _, e := range c.Elements {
		if e.Class != "" && e.Type == mostSevere {
			return string(e.Class), spaced(e.Type + " " + e.Status + " " + e.StatusDetail)
		}
	}
	return "", ""
}
