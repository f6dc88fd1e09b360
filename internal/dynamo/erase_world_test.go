package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// talk is a call of the tests of erasure. Ids that are empty are not there.
type talk struct {
	n           int
	transaction string
	callID      string
	pipelines   []string
	task        string
	// number is the caller's, which no other call has.
	number string
}

// newTalk makes a call with pipelines; a call without a transaction may have one
// at most.
func newTalk(n int, transaction bool, callID string, pipelines int) talk {
	c := talk{n: n, callID: callID, task: fmt.Sprintf("task-%04d-x", n), number: fmt.Sprintf("+120655%05d", n)}
	if transaction {
		c.transaction = fmt.Sprintf("transaction-%04d-x", n)
	}
	for i := range pipelines {
		c.pipelines = append(c.pipelines, fmt.Sprintf("pipeline-%04d-%d-x", n, i))
	}
	return c
}

const busyLine = "+12065550100" // which all of them call

// fields are the call's as the details of events have them.
func (c talk) fields() map[string]any {
	fields := map[string]any{"voiceConnectorId": "connector", "fromNumber": c.number, "toNumber": busyLine}
	c.identify(fields)
	return fields
}

// identify adds the ids that the call has.
func (c talk) identify(fields map[string]any) {
	if c.transaction != "" {
		fields["transactionId"] = c.transaction
	}
	if c.callID != "" {
		fields["callId"] = c.callID
	}
}

// own are the ids and the number that no other call has; the callId may be one.
func (c talk) own() []string {
	own := append([]string{c.task, c.number[1:]}, c.pipelines...)
	if c.transaction != "" {
		own = append(own, c.transaction)
	}
	return own
}

// refs are what the call may be asked for by.
func (c talk) refs() []string {
	refs := slices.Clone(c.pipelines)
	for _, p := range c.pipelines {
		refs = append(refs, arnOf(p))
	}
	for _, id := range []string{c.transaction, c.callID} {
		if id != "" {
			refs = append(refs, id)
		}
	}
	return refs
}

func arnOf(pipeline string) string {
	return "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + pipeline
}

// deed writes something of a call.
type deed func(context.Context, *dynamo.Store) error

// desk makes deeds, each of which is an event with an id of its own, a second
// after the one before.
type desk struct {
	now    time.Time
	events int
}

func (d *desk) next() (id string, at time.Time) {
	d.events++
	return d.last(), d.now.Add(time.Duration(d.events) * time.Second)
}

// event makes the bytes of an event with these fields in its detail.
func (d *desk) event(detailType string, detail map[string]any) []byte {
	id, at := d.next()
	raw, err := json.Marshal(map[string]any{"version": "0", "id": id, "detail-type": detailType, "source": chime.Source,
		"account": "111122223333", "region": "us-east-1", "time": at.Format(time.RFC3339), "detail": detail})
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return raw
}

func plus(fields map[string]any, more map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, fields)
	maps.Copy(all, more)
	return all
}

// changes are state changes of a pipeline. Only the first names the call, unless
// all are to.
func (d *desk) changes(c talk, id string, all bool, eventTypes ...string) deed {
	var events [][]byte
	for i, eventType := range eventTypes {
		fields := map[string]any{}
		if i == 0 || all {
			fields = c.fields()
		}
		events = append(events, d.event(chime.DetailStateChange, plus(fields, map[string]any{"eventType": eventType,
			"mediaInsightsPipelineArn": arnOf(id)})))
	}
	return func(ctx context.Context, s *dynamo.Store) error {
		for _, raw := range events {
			ev, err := chime.Parse(raw)
			if err != nil {
				return err
			}
			if err := pipeline.RecordEvent(ctx, s, ev); err != nil {
				return err
			}
		}
		return nil
	}
}

// failure makes a pipeline of the call join an incident. Again makes it end, and
// the pipeline fail once more, so that its link to the first one is lost.
func (d *desk) failure(c talk, pipeline, scope, reason string, again bool) deed {
	_, at := d.next()
	f := incident.Report{Group: incident.Group{Scope: scope, Element: "S3RecordingSink"}, Class: incident.Permissions,
		Reason: reason,
		Losses: []incident.Loss{incident.Recording}, Occurrence: incident.Occurrence{PipelineID: pipeline, CallID: c.callID,
			At: at}, Began: at}
	timing := incident.Timing{Window: time.Minute, Reopen: -1} // what is over stays over
	return func(ctx context.Context, s *dynamo.Store) error {
		i, err := joinWith(ctx, s, f, timing)
		if err != nil || !again || !i.Open() {
			return err
		}
		if i, err = closeIncident(ctx, s, i); err != nil {
			return err
		}
		f.Began = i.ClosedAt.Add(time.Hour)
		_, err = joinWith(ctx, s, f, timing)
		return err
	}
}

// match stores a rule match with these fields, and whether a notification of it was sent.
func (d *desk) match(fields map[string]any, sent bool) deed {
	raw := d.event(chime.DetailRulesMatched, map[string]any{"ruleName": "rule", "sourceMetadata": fields})
	return func(ctx context.Context, s *dynamo.Store) error {
		ev, err := chime.Parse(raw)
		if err != nil {
			return err
		}
		if err := s.RecordMatch(ctx, ev, "KeywordMatch"); err != nil || !sent {
			return err
		}
		rule := rulematch.KeyOf(ev, false)
		named := rule.Scope != rulematch.OneMatch
		n := notify.Notification{ID: "rule-match/" + rule.Name() + "/" + ev.ID, Kind: "rule-match",
			Subject: "Rule matched on call " + ev.RulesMatched.CallID}
		if err := once(ctx, s, dynamo.PartitionOfMatches(rule), n, ev.ID,
			func(context.Context) error { return nil }); err != nil || !named {
			return err
		}
		was, err := s.Window(ctx, rule)
		if err != nil {
			return err
		}
		is := was
		is.Notifications, is.Matches, is.SentAt = was.Notifications+1, was.Matches+1, ev.Time
		return s.SetSent(ctx, was, is)
	}
}

// notify keeps a voice notification with these fields.
func (d *desk) notify(source lambdafn.Source, detailType string, fields map[string]any) deed {
	raw := d.event(detailType, fields)
	return func(ctx context.Context, s *dynamo.Store) error {
		n, err := chime.ParseVoice(raw, source.Voice())
		if err != nil {
			return err
		}
		return s.RecordVoice(ctx, []chime.VoiceNotification{n})[0]
	}
}

// enter writes entries into ledgers.
func (d *desk) enter(entries ...voicetask.Entry) deed {
	for i := range entries {
		entries[i].Event, entries[i].At = d.next()
	}
	return func(ctx context.Context, s *dynamo.Store) error {
		for _, e := range entries {
			if err := s.Enter(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// life is what can be in the table of a call that is over, every kind of item.
type life struct {
	// needed are the deeds without which it is not known what is whose.
	needed, others []deed
	// mentioning are the ids of rule matches that name no transaction or no call at
	// all, but mention a pipeline of the call.
	mentioning []string
}

func (l life) all() []deed { return slices.Concat(l.needed, l.others) }

func (d *desk) live(c talk) (l life) {
	need := func(more ...deed) { l.needed = append(l.needed, more...) }
	add := func(more ...deed) { l.others = append(l.others, more...) }
	byTask := func(fields map[string]any) map[string]any { return plus(fields, map[string]any{"taskId": c.task}) }
	ids := map[string]any{}
	c.identify(ids)
	for i, p := range c.pipelines {
		need(d.changes(c, p, i == 0, chime.EventCreated, chime.EventInProgress, chime.EventStopped))
		need(d.notify(lambdafn.SQS, chime.DetailVoiceTone, byTask(map[string]any{"mediaInsightsPipelineId": p})))
		add(d.failure(c, p, "voice-connector/connector", "denied for "+p+" of "+c.number, i == 0))
		add(d.failure(c, p, "region/111122223333/us-east-1", "denied", i == 0))
		add(d.match(map[string]any{"pipeline": arnOf(p)}, true))
		l.mentioning = append(l.mentioning, d.last())
		if c.callID != "" {
			add(d.match(map[string]any{"callId": c.callID, "pipeline": arnOf(p)}, false))
			l.mentioning = append(l.mentioning, d.last())
		}
		add(d.notify(lambdafn.SNS, chime.DetailVoiceTone, map[string]any{"taskId": "other-" + c.task,
			"mediaInsightsPipelineId": p}))
	}
	if len(ids) > 0 {
		add(d.match(ids, true), d.match(ids, false))
	}
	if c.callID != "" {
		add(d.match(map[string]any{"callId": c.callID}, true),
			d.enter(voicetask.Entry{Kind: voicetask.Granted, By: "caller", Scope: voicetask.ScopeBoth, CallID: c.callID,
				Until: d.now.Add(time.Hour)}),
			d.notify(lambdafn.Kinesis, chime.DetailVoiceTone, byTask(map[string]any{"callId": c.callID})))
	}
	if c.transaction != "" {
		ready := d.notify(lambdafn.Direct, chime.DetailVoiceStatus,
			plus(c.fields(), map[string]any{"detailStatus": "AnalyticsReady"}))
		started := d.enter(voicetask.Entry{Kind: voicetask.Starting, TransactionID: c.transaction, Task: voicetask.VoiceTone,
			Number: 1},
			voicetask.Entry{Kind: voicetask.Started, TransactionID: c.transaction, Task: voicetask.VoiceTone, Number: 1,
				TaskID: c.task})
		if len(c.pipelines) == 0 {
			need(ready, started)
		} else {
			add(ready, started, d.notify(lambdafn.Kinesis, chime.DetailSpeakerSearch,
				plus(byTask(ids), map[string]any{"mediaInsightsPipelineId": c.pipelines[0]})))
		}
		add(d.notify(lambdafn.SQS, chime.DetailVoiceStatus,
			plus(c.fields(), map[string]any{"detailStatus": "PostCallVoiceAnalytics"})),
			d.notify(lambdafn.SQS, "VoiceMoodStatus", ids),
			d.notify(lambdafn.SQS, chime.DetailVoiceTone, byTask(ids)),
			d.enter(voicetask.Entry{Kind: voicetask.Granted, By: "caller", Scope: voicetask.ScopeBoth,
				TransactionID: c.transaction,
				CallID:        c.callID, Until: d.now.Add(time.Hour)}))
	}
	add(d.notify(lambdafn.SQS, chime.DetailSpeakerSearch, byTask(nil)),
		d.notify(lambdafn.Direct, chime.DetailVoiceTone, byTask(nil)))
	return l
}

// last is the id of the last event.
func (d *desk) last() string { return fmt.Sprintf("event-%05d", d.events) }
