package notify

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Notification is the record of a message: sent, or being sent while SentAt is zero.
type Notification struct {
	ID      string
	Kind    string
	Subject string
	// Calls is how many calls it is about, zero where it does not count.
	Calls int
	// Severity and Reasons are those of the incident that it names, the latter by their
	// ids; empty where it is about none.
	Severity incident.Severity
	Reasons  []string
	// Tally is what else has to be known of what it is about.
	Tally  string
	SentAt time.Time
}

// record returns the record of a message that is about nothing countable.
func (m Message) record() Notification {
	return Notification{ID: m.ID, Kind: string(m.Kind), Subject: m.Subject}
}

// Publisher publishes a message. An error means that it may not have been sent.
type Publisher interface {
	Publish(context.Context, Message) error
}

// IncidentOutbox records what is sent about incidents.
type IncidentOutbox interface {
	// TryOnceForIncident calls send once for each id, however often and by however many
	// processes it is called, and returns the record of what was sent, which may have
	// been before and with another text than n has. SentAt is zero while another process
	// is sending it. A process that dies between send and the record makes a later one
	// send again, with the same id. owner names the invocation.
	TryOnceForIncident(ctx context.Context, g incident.Group, n Notification, owner string,
		send func(context.Context) error) (Notification, error)
}

// Incidents sends updates of incidents to a topic. It implements incident.Notifier.
type Incidents struct {
	Outbox  IncidentOutbox
	Topic   Publisher
	Options Options
	// Owner names the invocation.
	Owner func(context.Context) string
}

// Notify sends an update once.
func (n Incidents) Notify(ctx context.Context, u incident.Update) (incident.Sent, error) {
	m := Incident(u, n.Options)
	record := m.record()
	record.Calls, record.Severity = u.Counts.Calls, u.Incident.Severity()
	for _, r := range u.Incident.Reasons {
		record.Reasons = append(record.Reasons, r.ID)
	}
	sent, err := n.Outbox.TryOnceForIncident(ctx, u.Incident.Group, record, n.Owner(ctx),
		func(ctx context.Context) error { return n.Topic.Publish(ctx, m) })
	return incident.Sent{At: sent.SentAt, Calls: sent.Calls, Severity: sent.Severity, Reasons: sent.Reasons}, err
}

// MatchOutbox records what is sent about rule matches; see IncidentOutbox.
type MatchOutbox interface {
	TryOnceForMatch(ctx context.Context, k rulematch.Key, n Notification, owner string,
		send func(context.Context) error) (Notification, error)
}

// Matches sends notifications of rule matches to the topics of their routes. It
// implements rulematch.Notifier.
type Matches struct {
	Outbox MatchOutbox
	// Topic is for matches without a topic of their own; Topics returns that of an ARN.
	Topic   Publisher
	Topics  func(arn string) Publisher
	Options Options
	// Owner names the invocation.
	Owner func(context.Context) string
}

// Notify sends a notification once.
func (m Matches) Notify(ctx context.Context, n rulematch.Notification) (rulematch.Sent, error) {
	message, topic := Match(n, m.Options), m.Topic
	if n.Topic != "" {
		topic = m.Topics(n.Topic)
	}
	record := message.record()
	record.Calls, record.Tally = n.Tally.Matches, n.Tally.Days.String()
	sent, err := m.Outbox.TryOnceForMatch(ctx, n.Key, record, m.Owner(ctx),
		func(ctx context.Context) error { return topic.Publish(ctx, message) })
	return rulematch.Sent{At: sent.SentAt, Tally: rulematch.Tally{
		Matches: sent.Calls, Days: rulematch.ParseDayCounts(sent.Tally),
	}}, err
}

// ConditionOutbox records what is sent about conditions; see IncidentOutbox.
type ConditionOutbox interface {
	TryOnceForCondition(ctx context.Context, name string, n Notification, owner string,
		send func(context.Context) error) (Notification, error)
}

// Warnings sends warnings of the watchdog to a topic. It implements watchdog.Notifier.
type Warnings struct {
	Outbox  ConditionOutbox
	Topic   Publisher
	Options Options
	// Owner names the invocation.
	Owner func(context.Context) string
}

// Warn sends a warning once, unless another process is sending it.
func (w Warnings) Warn(ctx context.Context, warning watchdog.Warning) error {
	m := Warning(warning, w.Options)
	_, err := w.Outbox.TryOnceForCondition(ctx, string(warning.Condition), m.record(), w.Owner(ctx),
		func(ctx context.Context) error { return w.Topic.Publish(ctx, m) })
	return err
}
