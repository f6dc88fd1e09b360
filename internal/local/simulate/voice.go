package simulate

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// VoiceScenario is one way in which a call with voice analytics can go.
type VoiceScenario struct {
	Name string
	// first and then are decisions, or empty.
	first, then voicetask.Kind
	scope       voicetask.Scope
	// Started is how many tasks should have been started, Running how many of them should
	// run at the end.
	Started, Running int
}

// VoiceCall is a call with voice analytics by the voice API: no pipeline, but voice
// notifications, and people who consent or do not.
type VoiceCall struct {
	Scenario      VoiceScenario
	TransactionID string

	first []voiceEvent // in any order
	then  []voiceEvent // after these were handled
}

// voiceEvent is a voice notification, or an event of consent.
type voiceEvent struct {
	body    []byte
	consent bool
}

var voiceScenarios = []VoiceScenario{
	{"consent to both tasks", voicetask.Granted, "", voicetask.ScopeBoth, 2, 2},
	{"consent to voice tone", voicetask.Granted, "", voicetask.ScopeVoiceTone, 1, 1},
	{"consent denied", voicetask.Denied, "", voicetask.ScopeBoth, 0, 0},
	{"no consent", "", "", voicetask.ScopeBoth, 0, 0},
	{"consent withdrawn", voicetask.Granted, voicetask.Withdrawn, voicetask.ScopeBoth, 2, 0},
	{"consent after a denial", voicetask.Denied, voicetask.Granted, voicetask.ScopeSpeakerSearch, 1, 1},
}

// PlanVoice plans calls with voice analytics; equal options give equal calls.
func PlanVoice(o Options) []VoiceCall {
	choice := rand.New(rand.NewPCG(o.Seed, 1))
	ids := rand.New(rand.NewPCG(o.Seed, uint64(o.End.Unix())+1))
	calls := make([]VoiceCall, o.Calls)
	for i := range calls {
		s := voiceScenarios[i%len(voiceScenarios)]
		c := newCall(choice, ids)
		c.now = o.End.Add(-time.Duration(1+choice.IntN(20)) * time.Minute).Truncate(time.Second)
		v := VoiceCall{Scenario: s, TransactionID: c.fields["transactionId"].(string)}
		v.first = append(v.first, c.voice(chime.DetailVoiceStatus, map[string]any{
			"detailStatus": "AnalyticsReady", "transactionId": v.TransactionID, "callId": c.fields["callId"],
			"voiceConnectorId": c.fields["voiceConnectorId"],
		}))
		if s.first != "" {
			v.first = append(v.first, c.consent(s.first, s.scope))
		}
		if s.then != "" {
			v.then = append(v.then, c.consent(s.then, s.scope))
		}
		choice.Shuffle(len(v.first), func(a, b int) { v.first[a], v.first[b] = v.first[b], v.first[a] })
		calls[i] = v
	}
	return calls
}

// voice returns a voice notification.
func (c *call) voice(detailType string, detail map[string]any) voiceEvent {
	return voiceEvent{body: c.envelope("Id-"+c.uuid(), detailType, detail, map[string]any{
		"service-type": "VoiceAnalytics", "time": c.now.UTC().Format("2006-01-02T15:04:05.000000Z"),
	})}
}

// consent returns a consent event, a while after the last event.
func (c *call) consent(decision voicetask.Kind, scope voicetask.Scope) voiceEvent {
	byCall := c.choice.IntN(2) == 0
	c.wait(1, 9)
	d := voicetask.ConsentDetail{Scope: scope, Decision: decision, By: "agent-" + c.uuid()[:4], At: c.now}
	if byCall {
		d.CallID, _ = c.fields["callId"].(string)
	} else {
		d.TransactionID, _ = c.fields["transactionId"].(string)
	}
	body := c.envelope(c.uuid(), voicetask.DetailType, d, map[string]any{"source": voicetask.ConsentSource})
	return voiceEvent{body, true}
}

// PlayVoice plays the calls: what comes first in any order, then the rest, then what the
// tasks send, and all of it once more, as queues and buses may.
func PlayVoice(ctx context.Context, stack *local.Stack, calls []VoiceCall) error {
	var first, then []voiceEvent
	for _, c := range calls {
		first, then = append(first, c.first...), append(then, c.then...)
	}
	play := func(events []voiceEvent) error {
		for _, event := range events {
			if !event.consent {
				stack.SendVoice(event.body)
			} else if err := stack.Put(event.body); err != nil {
				return err
			}
		}
		return stack.Drain(ctx)
	}
	for _, part := range [][]voiceEvent{first, then} {
		if err := play(part); err != nil {
			return err
		}
	}
	if err := play(results(stack)); err != nil {
		return err
	}
	return play(append(first, then...))
}

// results returns what the running tasks send.
func results(stack *local.Stack) []voiceEvent {
	var events []voiceEvent
	for _, task := range stack.Voice().Tasks() {
		if !task.StoppedAt.IsZero() {
			continue
		}
		detailType, detail := chime.DetailSpeakerSearch, map[string]any{"detailStatus": "IdentificationNoMatchesFound"}
		if task.Kind == string(voicetask.VoiceTone) {
			detailType, detail = chime.DetailVoiceTone, map[string]any{"detailStatus": "VoiceToneAnalysisSuccessful",
				"voiceToneAnalysisDetails": map[string]any{"currentAverageVoiceTone": map[string]any{
					"voiceToneLabel": "neutral",
					"voiceToneScore": map[string]string{"neutral": "0.83", "positive": "0.13", "negative": "0.04"},
				}}}
		}
		detail["taskId"], detail["transactionId"] = task.ID, task.TransactionID
		detail["voiceConnectorId"] = task.VoiceConnectorID
		sender := &call{now: task.StartedAt.Add(30 * time.Second), ids: rand.New(rand.NewPCG(1, uint64(len(events))))}
		events = append(events, sender.voice(detailType, detail))
	}
	return events
}

// CompareVoice adds to the report what became of the calls.
func (r *Report) CompareVoice(stack *local.Stack, calls []VoiceCall) {
	started, running := map[string]int{}, map[string]int{}
	for _, task := range stack.Voice().Tasks() {
		started[task.TransactionID]++
		if task.StoppedAt.IsZero() {
			running[task.TransactionID]++
		}
	}
	var want, got struct{ started, running int }
	before := len(r.Differences)
	for _, c := range calls {
		isStarted, isRunning := started[c.TransactionID], running[c.TransactionID]
		if isStarted != c.Scenario.Started || isRunning != c.Scenario.Running {
			r.differ("transaction %s (%s): got %d voice tasks started and %d running, want %d and %d",
				c.TransactionID, c.Scenario.Name, isStarted, isRunning, c.Scenario.Started, c.Scenario.Running)
		}
		want.started, want.running = want.started+c.Scenario.Started, want.running+c.Scenario.Running
		got.started, got.running = got.started+isStarted, got.running+isRunning
	}
	r.line("voice tasks started", want.started, got.started, len(r.Differences) == before)
	r.line("voice tasks running", want.running, got.running, len(r.Differences) == before)
}
