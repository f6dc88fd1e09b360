package notify

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Warning renders a warning of the watchdog. Its id names the condition, and when that
// was noticed.
func Warning(w watchdog.Warning, o Options) Message {
	switch w := (warning{w}); w.Condition {
	case watchdog.QuotaNear:
		return w.quota(o)
	case watchdog.PipelinesLinger:
		return w.lingering(o)
	default:
		return w.silence(o)
	}
}

// warning has the methods that render a watchdog.Warning.
type warning struct{ watchdog.Warning }

const (
	// maxLingering is how many pipelines the text names, maxListed how many the message
	// for machines does.
	maxLingering = 5
	maxListed    = 100

	// listActive lists the active pipelines, and so those that linger.
	listActive    = "chimewatch calls list --status InProgress"
	deleteCommand = "aws chime-sdk-media-pipelines delete-media-pipeline --media-pipeline-id "

	quotaRemedy   = "See which pipelines linger (" + listActive + "), and ask for a higher quota in time"
	silenceRemedy = "Make a call; if no event comes, check that the rules on the default event bus are enabled " +
		"and that call analytics is still configured for the Voice Connector"
)

// quota warns that nearly as many pipelines are active as may be.
func (w warning) quota(o Options) Message {
	var l lines
	l.line(fmt.Sprintf("%d of at most %d media insights pipelines are active. When all are, calls get no analysis.",
		w.Active, w.Quota))
	l.blank()
	l.field("Try first", quotaRemedy)
	d := data{Severity: string(incident.High), Remedy: quotaRemedy, Active: w.Active, Quota: w.Quota}
	return w.message(fmt.Sprintf("%d of %d pipelines active", w.Active, w.Quota), l, d, o,
		"Try: delete what lingers.", "See: "+listActive)
}

// lingering names pipelines in which nothing runs any more but a voice-analytics
// processor, and that the service keeps until they are deleted.
func (w warning) lingering(o Options) Message {
	var l lines
	mask := o.masker(pipeline.State{})
	l.line("Calls are over, and their pipelines stay active because voice analytics was never ended. " +
		"Each counts against the quota until it is deleted.")
	l.blank()
	l.field("Pipelines", strconv.Itoa(len(w.Pipelines)))
	d := data{Severity: string(incident.Medium), Remedy: "Delete each with " + deleteCommand + "ID"}
	for i, p := range w.Pipelines[:min(len(w.Pipelines), maxListed)] {
		id := clean(mask.text(p.ID), maxID)
		d.Pipelines = append(d.Pipelines, id)
		switch {
		case i < maxLingering:
			l.field("Delete with", deleteCommand+shellQuote(id))
		case i == maxLingering:
			l.field("All of them", listActive)
		}
	}
	return w.message(strconv.Itoa(len(w.Pipelines))+" pipelines linger after their calls", l, d, o,
		"Try: delete them.", "See: "+listActive)
}

// silence warns that no event has come for a while, although there usually are some.
func (w warning) silence(o Options) Message {
	var l lines
	l.line("No event of call analytics has come for over " + formatDuration(w.After) +
		", although there usually are some at this time.")
	l.blank()
	last := instant(w.LastEventAt, time.Time{})
	if w.Zone != nil && w.Zone.String() != watchdog.DefaultTimeZone {
		last += " (" + w.LastEventAt.In(w.Zone).Format("Mon 15:04") + " in " + w.Zone.String() + ")"
	}
	l.field("Last event", last)
	l.field("Compared", w.compared())
	l.field("Try first", silenceRemedy)
	d := data{Severity: string(incident.High), Remedy: silenceRemedy, LastEventAt: w.LastEventAt.UTC()}
	return w.message("No call analytics events for over "+formatDuration(w.After), l, d, o,
		"The last was at "+w.LastEventAt.UTC().Format("2 Jan 15:04")+" UTC.", "Try: make a call, check the rules.",
		"See: chimewatch calls list")
}

// numerals are small numerals as words.
var numerals = []string{"", "one", "two", "three", "four"}

// compared says when calls came on earlier days.
func (w warning) compared() string {
	if len(w.Compared) == 0 {
		return ""
	}
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	newest := w.Compared[0]
	from, to := newest.From.In(zone), newest.To.In(zone)
	days := make([]string, len(w.Compared))
	inRow := w.Weekly
	for i, day := range w.Compared {
		days[i] = day.To.In(zone).Format("Mon 2 Jan")
		inRow = inRow && daysBetween(day.To.In(zone), w.Since.In(zone)) == 7*(i+1)
	}
	on := "on " + list(days)
	switch {
	case inRow && len(days) == 1:
		on = "last " + to.Weekday().String()
	case inRow && len(days) < len(numerals):
		on = "on the last " + numerals[len(days)] + " " + to.Weekday().String() + "s"
	}
	begin := from.Format("15:04")
	if from.YearDay() != to.YearDay() {
		begin += " the day before"
	}
	return "calls came between " + begin + " and " + to.Format("15:04") + " " + on + " (times of " + zone.String() + ")"
}

// daysBetween counts the midnights between two times in their time zone.
func daysBetween(a, b time.Time) int {
	date := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	return int(date(b).Sub(date(a)).Hours() / 24)
}

// message makes the message of a warning. short is what a text message says after the
// title.
func (w warning) message(title string, l lines, d data, o Options, short ...string) Message {
	kind := string(w.Condition)
	id := kind + "/" + w.Since.UTC().Format(time.RFC3339Nano)
	d.ID, d.Kind, d.Account, d.Region, d.Runbook = id, Kind(kind), w.Account, w.Region, o.runbook(kind)
	l.field("Account", place(w.Account, w.Region))
	title = "[" + d.Severity + "] " + title
	parts := [][]string{{title + "."}}
	for _, part := range short {
		parts = append(parts, []string{part})
	}
	return Message{ID: id, Title: clean(title, maxTitle), Subject: fit(title), Body: l.text}.complete(extras{
		thread: id, short: parts, steps: []string{d.Remedy}, keywords: []string{d.Severity, kind}, data: d,
	}, o)
}
