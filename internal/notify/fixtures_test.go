package notify_test

import (
	"time"
	_ "time/tzdata"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// message is anything that can be rendered.
type message interface {
	Message(notify.Options) notify.Message
}

// testMatch is a rule match that can be rendered.
type testMatch struct{ rulematch.Notification }

func (m testMatch) Message(o notify.Options) notify.Message { return notify.Match(m.Notification, o) }

// testUpdate is an update that can be rendered.
type testUpdate struct{ incident.Update }

func (u testUpdate) Message(o notify.Options) notify.Message { return notify.Incident(u.Update, o) }

var failedAt = time.Date(2026, 3, 9, 15, 20, 27, 0, time.UTC)

// configurationPrefix begins the ARN of each configuration.
const configurationPrefix = "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/"

// inbound is a call of which all is known.
func inbound(change func(*pipeline.State)) pipeline.State {
	s := pipeline.State{
		ID:               "390c229b-3f88-4f5b-8169-99dfd9e1652c",
		PipelineARN:      "arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
		ConfigurationARN: configurationPrefix + "contact-centre-insights",
		Account:          "111122223333", Region: "us-east-1",
		CallFields: chime.CallFields{
			CallID: "4dbb6ce5-85d5-41ac-a9a0-c57d293009c5", TransactionID: "c5dbc041-b2da-45ca-9887-faae186bff33",
			VoiceConnectorID: "c4tq9mzx1bd7ne0rw3yhk8", Direction: "Inbound",
			FromNumber: "+12065550137", ToNumber: "+12065550190",
		},
		Status:    pipeline.Failed,
		CreatedAt: failedAt.Add(-145 * time.Second), StartedAt: failedAt.Add(-143 * time.Second),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func permanent(reason string, elements ...chime.Element) incident.Failure {
	return incident.Failure{Kind: incident.PermanentFailure, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.Elements = elements
		if reason != "" {
			s.Failure = &pipeline.Failure{Reason: reason}
		}
	})}
}

func uncreated(code, reason string) incident.Failure {
	return incident.Failure{Kind: incident.CreateFailed, At: failedAt, State: inbound(func(s *pipeline.State) {
		s.ID, s.PipelineARN = "create-failed."+s.TransactionID, ""
		s.Status, s.CreatedAt, s.StartedAt = pipeline.CreateFailed, time.Time{}, time.Time{}
		s.Failure = &pipeline.Failure{Reason: reason, Origin: "Voice Connector", HTTPStatusCode: code}
	})}
}

func oneElement(status pipeline.Status, failed chime.Element, others ...chime.Element) incident.Failure {
	state := inbound(func(s *pipeline.State) {
		s.Status, s.Elements = status, append([]chime.Element{failed}, others...)
	})
	return incident.Failure{Kind: incident.ElementFailure, At: failedAt, Element: failed, State: state}
}

func element(kind, status, detail string) chime.Element {
	return chime.Element{Type: kind, Status: status, StatusDetail: detail, UpdatedOn: failedAt.UnixMilli()}
}

func matched(call *pipeline.State, rule chime.RulesMatched) testMatch {
	return testMatch{rulematch.Notification{Call: call, Event: &chime.Event{
		ID: "326f820b-85ca-4d27-9d95-bb5705306ecc", DetailType: chime.DetailRulesMatched,
		Account: "111122223333", Region: "us-east-1", Time: failedAt, RulesMatched: &rule,
	}}}
}

// rehearsal makes the state of a rehearsed call of that of a real one.
func rehearsal(s pipeline.State) pipeline.State {
	before, id := chime.SplitPipelineARN(s.PipelineARN)
	s.PipelineARN = before + chime.RehearsalPrefix + id
	for _, id := range []*string{&s.ID, &s.CallID, &s.TransactionID} {
		*id = chime.RehearsalPrefix + *id
	}
	return s
}

func rehearsedMatch(call chime.CallFields) testMatch {
	call.CallID, call.TransactionID = chime.RehearsalPrefix+call.CallID, chime.RehearsalPrefix+call.TransactionID
	m := matched(nil, chime.RulesMatched{RuleName: "cancel-contract", UtteranceID: "u", CallFields: call})
	m.Event.ID, m.Event.Source = chime.RehearsalPrefix+m.Event.ID, chime.RehearsalSource
	return m
}

func rehearsedMatchOf(call pipeline.State) testMatch {
	m := rehearsedMatch(chime.CallFields{})
	m.Call, m.Event.RulesMatched.CallFields = &call, call.CallFields
	return m
}

// heldMatch is a match that counts others that were held back.
func heldMatch(m testMatch) testMatch {
	m.Held, m.DeduplicationID = 58, "region/111122223333/us-east-1/issue_detected/2"
	return m
}

// warning is a warning that can be rendered.
func warning(w watchdog.Warning) message {
	w.Account, w.Region, w.Since = "111122223333", "us-east-1", failedAt
	return testWarning{w}
}

type testWarning struct{ watchdog.Warning }

func (w testWarning) Message(o notify.Options) notify.Message { return notify.Warning(w.Warning, o) }

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err) // time/tzdata is imported
	}
	return zone
}()

// silenceComparedWith is a silence that was compared with days so long ago.
func silenceComparedWith(weekly bool, zone *time.Location, ago ...int) watchdog.Warning {
	w := watchdog.Warning{
		Condition: watchdog.EventsMissing, LastEventAt: failedAt.Add(-2 * time.Hour), After: time.Hour,
		Weekly: weekly, Zone: zone,
	}
	for _, days := range ago {
		then := failedAt.In(zone).AddDate(0, 0, -days)
		w.Compared = append(w.Compared, watchdog.Span{From: then.Add(-time.Hour), To: then})
	}
	return w
}
