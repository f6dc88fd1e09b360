package notify

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// The kinds of messages that are about no single call.
const (
	QuotaNear     Kind = "quota"
	LingeringKind Kind = "lingering"
	SilenceKind   Kind = "silence"
)

// Quota warns that nearly as many pipelines are active as may be.
type Quota struct {
	Active, Quota   int
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

const quotaRemedy = "See which pipelines linger (" + listActive + "), and ask for a higher quota in time"

// Message renders the warning.
func (q Quota) Message(o Options) Message {
	var l lines
	l.say(fmt.Sprintf("%d of at most %d media insights pipelines are active. When all are, calls get no analysis.", q.Active, q.Quota))
	l.blank()
	l.tell("Try first", quotaRemedy)
	l.tell("Account", place(q.Account, q.Region))
	return occasion(QuotaNear, q.Since, strconv.Itoa(q.Active)+" of "+strconv.Itoa(q.Quota)+" pipelines active", l.String(), data{
		Severity: string(incident.High), Remedy: quotaRemedy, Account: q.Account, Region: q.Region, Active: q.Active, Quota: q.Quota,
	}, []string{"Try: delete what lingers.", "See: " + listActive}, o)
}

// Lingering names pipelines in which nothing runs any more but a voice-analytics
// processor, and that the service keeps until they are deleted.
type Lingering struct {
	Pipelines       []pipeline.State
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

// mostLingering is how many pipelines the text names, mostListed the message for
// machines.
const (
	mostLingering = 5
	mostListed    = 100
)

// listActive lists what is active, and so what lingers.
const listActive = "chimewatch calls list --status InProgress"

const deleteCommand = "aws chime-sdk-media-pipelines delete-media-pipeline --media-pipeline-id "

// Message renders the list.
func (g Lingering) Message(o Options) Message {
	var l lines
	mask := o.masker(pipeline.State{})
	l.say("Calls are over, and their pipelines stay active because voice analytics was never ended. Each counts against the quota until it is deleted.")
	l.blank()
	l.tell("Pipelines", strconv.Itoa(len(g.Pipelines)))
	for i, p := range g.Pipelines {
		if i == mostLingering {
			l.tell("All of them", listActive)
			break
		}
		l.tell("Delete with", deleteCommand+shellQuote(clean(mask.text(p.ID), maxID)))
	}
	l.tell("Account", place(g.Account, g.Region))
	d := data{Severity: string(incident.Medium), Remedy: "Delete each with " + deleteCommand + "ID", Account: g.Account, Region: g.Region}
	for _, p := range g.Pipelines[:min(len(g.Pipelines), mostListed)] {
		d.Pipelines = append(d.Pipelines, clean(mask.text(p.ID), maxID))
	}
	return occasion(LingeringKind, g.Since, strconv.Itoa(len(g.Pipelines))+" pipelines linger after their calls", l.String(), d,
		[]string{"Try: delete them.", "See: " + listActive}, o)
}

// Silence says that no event has come for a while, although there usually are some.
type Silence struct {
	LastEventAt time.Time
	After       time.Duration
	// Compared are the times at which calls came on earlier days, the newest first,
	// Weekly is set where these are the same day of earlier weeks; see
	// watchdog.Verdict. None are known where a message is sent once more.
	Compared []watchdog.Span
	Weekly   bool
	// Zone is the time zone of the business; nil is UTC.
	Zone            *time.Location
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

const silenceRemedy = "Make a call; if no event comes, check that the rules on the default event bus are enabled and that call analytics is still configured for the Voice Connector"

// Message renders the silence.
func (s Silence) Message(o Options) Message {
	var l lines
	l.say("No event of call analytics has come for over " + span(s.After) + ", although there usually are some at this time.")
	l.blank()
	l.tell("Last event", s.at(s.LastEventAt))
	l.tell("Compared", s.compared())
	l.tell("Try first", silenceRemedy)
	l.tell("Account", place(s.Account, s.Region))
	return occasion(SilenceKind, s.Since, "No call analytics events for over "+span(s.After), l.String(), data{
		Severity: string(incident.High), Remedy: silenceRemedy, Account: s.Account, Region: s.Region, LastEventAt: s.LastEventAt.UTC(),
	}, []string{"The last was at " + s.LastEventAt.UTC().Format("2 Jan 15:04") + " UTC.", "Try: make a call, check the rules.", "See: chimewatch calls list"}, o)
}

// at is a time in UTC and, where that is another, in the time zone of the business.
func (s Silence) at(t time.Time) string {
	text := instant(t, time.Time{})
	if s.local() {
		text += " (" + t.In(s.Zone).Format("Mon 15:04") + " in " + s.Zone.String() + ")"
	}
	return text
}

func (s Silence) local() bool { return s.Zone != nil && s.Zone.String() != watchdog.DefaultTimeZone }

// numbers are small numbers in words.
var numbers = []string{"", "one", "two", "three", "four"}

// compared says when calls came on earlier days.
func (s Silence) compared() string {
	if len(s.Compared) == 0 {
		return ""
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	newest := s.Compared[0]
	from, to := newest.From.In(zone), newest.To.In(zone)
	days := make([]string, len(s.Compared))
	inRow := s.Weekly
	for i, day := range s.Compared {
		days[i] = day.To.In(zone).Format("Mon 2 Jan")
		inRow = inRow && daysBetween(day.To.In(zone), s.Since.In(zone)) == 7*(i+1)
	}
	on := "on " + list(days)
	switch {
	case inRow && len(days) == 1:
		on = "last " + to.Weekday().String()
	case inRow && len(days) < len(numbers):
		on = "on the last " + numbers[len(days)] + " " + to.Weekday().String() + "s"
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

// occasion makes the message of something that is so for a while; its id is that
// of the while. more is what a text message says behind the title.
func occasion(kind Kind, since time.Time, title, body string, d data, more []string, o Options) Message {
	id := string(kind) + "/" + since.UTC().Format(time.RFC3339Nano)
	steps := []string{d.Remedy}
	if d.Runbook = o.runbook(string(kind)); d.Runbook != "" {
		steps = append(steps, "Runbook: "+d.Runbook)
		body += "Runbook: " + d.Runbook + "\n"
	}
	title = "[" + d.Severity + "] " + title
	short := [][]string{{title + "."}}
	for _, part := range more {
		short = append(short, []string{part})
	}
	return Message{ID: id, Kind: kind, Title: clean(title, maxTitle), Subject: fit(title), Body: body,
		Attributes: attributes(map[string]string{"id": id, "kind": string(kind), "severity": d.Severity, "account": d.Account, "region": d.Region}),
	}.complete(extras{thread: id, short: short, steps: steps, keywords: []string{d.Severity, string(kind)}, data: d}, o)
}
