package alert

import (
	"fmt"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The kinds of messages that are about no single call.
const (
	TemporaryFailure Kind = "temporary-failure"
	QuotaNear        Kind = "quota"
	LingeringKind    Kind = "lingering"
	SilenceKind      Kind = "silence"
)

// Quota warns that nearly as many pipelines are active as may be.
type Quota struct {
	Active, Quota   int
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

// Message renders the warning.
func (q Quota) Message(Options) Message {
	var l lines
	l.say(fmt.Sprintf("%d of at most %d media insights pipelines are active. When all are, calls get no analysis.", q.Active, q.Quota))
	l.blank()
	l.tell("Try first", "see which pipelines linger (chimewatch calls list --status InProgress), and ask for a higher quota in time")
	l.tell("Account", place(q.Account, q.Region))
	return occasion(QuotaNear, q.Since, "[high] "+strconv.Itoa(q.Active)+" of "+strconv.Itoa(q.Quota)+" pipelines active", l.String(), q.Account, q.Region)
}

// Lingering names pipelines in which nothing runs any more but a voice-analytics
// processor, and that the service keeps until they are deleted.
type Lingering struct {
	Pipelines       []pipeline.State
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

// mostLingering is how many pipelines the text names.
const mostLingering = 5

// Message renders the list.
func (g Lingering) Message(Options) Message {
	var l lines
	l.say("Calls are over, and their pipelines stay active because voice analytics was never ended. Each counts against the quota until it is deleted.")
	l.blank()
	l.tell("Pipelines", strconv.Itoa(len(g.Pipelines)))
	for i, p := range g.Pipelines {
		if i == mostLingering {
			l.say("…")
			break
		}
		l.tell("Delete with", "aws chime-sdk-media-pipelines delete-media-pipeline --media-pipeline-id "+shellQuote(clean(p.ID, maxID)))
	}
	l.tell("Account", place(g.Account, g.Region))
	return occasion(LingeringKind, g.Since, "[medium] "+strconv.Itoa(len(g.Pipelines))+" pipelines linger after their calls", l.String(), g.Account, g.Region)
}

// Silence says that no event has come for a while, although there usually are some.
type Silence struct {
	LastEventAt     time.Time
	After           time.Duration
	Account, Region string
	// Since is when it was noticed; it tells one occasion from another.
	Since time.Time
}

// Message renders the silence.
func (s Silence) Message(Options) Message {
	var l lines
	l.say("No event of call analytics has come for over " + span(s.After) + ", although there usually are some at this time.")
	l.blank()
	l.tell("Last event", instant(s.LastEventAt, time.Time{}))
	l.tell("Try first", "make a call; if no event comes, check that the rules on the default event bus are enabled and that call analytics is still configured for the Voice Connector")
	l.tell("Account", place(s.Account, s.Region))
	return occasion(SilenceKind, s.Since, "[high] No call analytics events for over "+span(s.After), l.String(), s.Account, s.Region)
}

func occasion(kind Kind, since time.Time, title, body, account, region string) Message {
	id := string(kind) + "/" + since.UTC().Format(time.RFC3339Nano)
	return Message{ID: id, Kind: kind, Subject: subject(title), Body: body,
		Attributes: attributes(map[string]string{"id": id, "kind": string(kind), "account": account, "region": region})}
}
