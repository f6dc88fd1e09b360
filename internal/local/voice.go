package local

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"

	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Where voice notifications can be sent, besides the function itself.
const (
	VoiceFunction    = "voice"
	VoiceQueue       = "chimewatch-voice"
	VoiceDeadLetters = "chimewatch-voice-dead-letters"
	VoiceTopicARN    = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-voice"
	VoiceStream      = "chimewatch-voice"

	voiceStreamARN = "arn:aws:kinesis:" + Region + ":" + Account + ":stream/" + VoiceStream
)

// voiceSources are the queue and the stream that invoke the function voice.
type voiceSources struct {
	queue  *sqs.Queue
	dead   *sqs.Queue
	stream *eventsource.Stream
}

// newVoiceSources makes them; openMessages opens the queues, and runVoiceSources starts
// to invoke the function.
func (s *Stack) newVoiceSources() {
	s.sources.stream = &eventsource.Stream{
		Name: VoiceStream, ARN: voiceStreamARN, Filter: eventsource.DataFilter(eventrule.VoiceStreamFilters()...),
		OnFailure: func(r eventsource.Record) { s.sources.dead.Send(string(r.Data), nil) },
	}
}

func (s *Stack) runVoiceSources() {
	invoke := func(ctx context.Context, payload []byte) ([]byte, error) {
		return s.host.Invoke(ctx, VoiceFunction, payload)
	}
	var retry eventsource.Retry
	retry.Times, retry.Delay = s.host.Retries()
	stream := s.sources.stream
	stream.Invoke, stream.Retry = invoke, retry
	queue := eventsource.Queue{From: s.sources.queue, Dead: s.sources.dead, ARN: s.queues.ARN(s.sources.queue),
		Invoke: invoke, Retry: retry}
	ctx, cancel := context.WithCancel(context.Background())
	var runs sync.WaitGroup
	runs.Go(func() { queue.Run(ctx) })
	runs.Go(func() { stream.Run(ctx) })
	s.onClose(func() error { cancel(); runs.Wait(); return nil })
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
		s.sources.dead.Send(m.Body, nil)
	}
}
