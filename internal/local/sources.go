package local

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Where voice notifications can be sent, besides the function itself.
const (
	VoiceFunction    = "voice"
	VoiceQueue       = "chimewatch-voice"
	VoiceDeadLetters = "chimewatch-voice-dead-letters"
	VoiceTopicARN    = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-voice"
	VoiceStream      = "chimewatch-voice"
)

// newVoiceStream makes the stream, which openMessages opens.
func (s *Stack) newVoiceStream() *eventsource.Stream {
	return &eventsource.Stream{
		Name: VoiceStream, ARN: "arn:aws:kinesis:" + Region + ":" + Account + ":stream/" + VoiceStream,
		Filter:    eventsource.DataFilter(eventrule.VoiceStreamFilters()...),
		OnFailure: func(r eventsource.Record) { s.queue[VoiceDeadLetters].Send(string(r.Data), nil) },
	}
}

// runVoiceSources invokes the function voice with what is in the queue and the stream.
func (s *Stack) runVoiceSources() {
	invoke := func(ctx context.Context, payload []byte) ([]byte, error) {
		return s.host.Invoke(ctx, VoiceFunction, payload)
	}
	var retry eventsource.Retry
	retry.Times, retry.Delay = s.host.Retries()
	s.stream.Invoke, s.stream.Retry = invoke, retry
	queue := eventsource.Queue{From: s.queue[VoiceQueue], Dead: s.queue[VoiceDeadLetters],
		ARN: s.queues.ARN(s.queue[VoiceQueue]), Invoke: invoke, Retry: retry}
	s.background(queue.Run, s.stream.Run)
}

// published invokes the function voice with what was published to the voice topic, and
// calls OnNotification for everything else.
func (s *Stack) published(m sns.Message) {
	if m.TopicARN != VoiceTopicARN {
		if s.options.OnNotification != nil {
			s.options.OnNotification(m)
		}
		return
	}
	payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": m.TopicARN + ":voice",
		"Sns": map[string]any{"Type": "Notification", "MessageId": m.ID, "TopicArn": m.TopicARN, "Message": m.Body,
			"Timestamp": m.PublishedAt},
	}}})
	if err == nil {
		err = s.host.Enqueue(VoiceFunction, payload)
	}
	if err != nil { // as SNS does, which has no dead-letter queue of its own here
		slog.Error("notification of the voice topic", "error", err)
		s.queue[VoiceDeadLetters].Send(m.Body, nil)
	}
}

// learn makes the Chime API know what an event from a client says of a pipeline: there is
// no service behind it that would know the pipeline otherwise.
func (s *Stack) learn(event []byte) {
	ev, err := chime.Parse(event)
	if err != nil || ev.StateChange == nil {
		return // the functions report what is wrong with it
	}
	if st, err := pipeline.FromEvent(ev); err == nil && !st.Rehearsal() { // the service knows no rehearsals
		s.pipelines.Learn(st)
	}
}

// StartSchedules runs every schedule in its time from now on, until Close. Call it once.
func (s *Stack) StartSchedules() {
	for _, schedule := range eventrule.Schedules() {
		s.background(func(ctx context.Context) {
			tick := time.NewTicker(schedule.Every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if err := s.run(schedule); err != nil {
						slog.Error("schedule", "name", schedule.Name, "error", err)
					}
				}
			}
		})
	}
}

// RunSchedules runs every schedule once, now.
func (s *Stack) RunSchedules() error {
	var errs []error
	for _, schedule := range eventrule.Schedules() {
		errs = append(errs, s.run(schedule))
	}
	return errors.Join(errs...)
}

// run invokes the function as a scheduled rule does.
func (s *Stack) run(schedule eventrule.Schedule) error {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": awsprotocol.NewID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": Account, "region": Region, "time": time.Now().UTC().Format(time.RFC3339),
		"resources": []string{"arn:aws:events:" + Region + ":" + Account + ":rule/" + schedule.Name},
		"detail":    map[string]any{},
	})
	if err != nil {
		return err
	}
	return s.host.Enqueue(schedule.Function, event)
}
