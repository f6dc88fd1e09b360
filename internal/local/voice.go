package local

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Where voice-analytics notifications are taken, beside the function itself.
const (
	VoiceFunction    = "voice"
	VoiceQueue       = "chimewatch-voice"
	VoiceDeadLetters = "chimewatch-voice-dead-letters"
	VoiceTopicARN    = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-voice"
	VoiceStream      = "chimewatch-voice"

	voiceStreamARN = "arn:aws:kinesis:" + Region + ":" + Account + ":stream/" + VoiceStream
	// VoiceDomainARN is the voice profile domain that speakers are searched in.
	VoiceDomainARN = "arn:aws:chime:" + Region + ":" + Account + ":voice-profile-domain/local"
	// VoiceTasks are turned on here, where the service that runs them is a stand-in.
	VoiceTasks = "speaker-search,voice-tone"
)

// voiceSources hand notifications to the function voice.
type voiceSources struct {
	queue  *sqs.Queue
	dead   *sqs.Queue
	stream *eventsource.Stream
	stop   context.CancelFunc
	done   chan struct{}
}

// newVoiceSources makes them; openMessages opens the queues, and they run from
// runVoiceSources on.
func (s *Stack) newVoiceSources() error {
	filter, err := eventsource.DataFilter(eventrule.VoiceStreamFilters()...)
	if err != nil {
		return err
	}
	s.sources = &voiceSources{done: make(chan struct{})}
	s.sources.stream = &eventsource.Stream{
		Name: VoiceStream, ARN: voiceStreamARN, Invoke: s.invokeVoice, Retry: s.retry(), Filter: filter,
		OnFailure: func(r eventsource.Record) { s.sources.dead.Send(string(r.Data), nil) },
	}
	return nil
}

func (s *Stack) invokeVoice(ctx context.Context, payload []byte) ([]byte, error) {
	return s.host.Invoke(ctx, VoiceFunction, payload)
}

// retry is what the host does for asynchronous invocations.
func (s *Stack) retry() eventsource.Retry {
	r := eventsource.Retry{Times: s.options.Retries, Delay: s.options.RetryDelay}
	if r.Times == 0 {
		r.Times = lambdahost.DefaultRetries
	}
	if r.Delay == 0 {
		r.Delay = lambdahost.DefaultRetryDelay
	}
	return r
}

func (s *Stack) runVoiceSources() {
	var ctx context.Context
	ctx, s.sources.stop = context.WithCancel(context.Background())
	queue := eventsource.Queue{From: s.sources.queue, Dead: s.sources.dead, ARN: s.queues.ARN(s.sources.queue), Invoke: s.invokeVoice, Retry: s.retry()}
	go func() {
		defer close(s.sources.done)
		streamed := make(chan struct{})
		go func() { defer close(streamed); s.sources.stream.Run(ctx) }()
		queue.Run(ctx)
		<-streamed
	}()
}

func (s *Stack) stopVoiceSources() {
	if s.sources.stop != nil {
		s.sources.stop()
		<-s.sources.done
	}
}

// backlog is how many notifications wait in the queue and the stream.
func (v *voiceSources) backlog() int { return len(v.queue.Messages()) + v.stream.Backlog() }

// drainVoice waits until queue and stream are empty.
func (s *Stack) drainVoice(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.sources.backlog() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Unavailable, "voice queue and stream", "hold notifications that are not done", "")
		}
	}
	return nil
}

// published hands what the voice topic got to the function, and tells the stack's
// owner of everything else.
func (s *Stack) published(m sns.Message) {
	if m.TopicARN != VoiceTopicARN {
		if s.options.OnNotification != nil {
			s.options.OnNotification(m)
		}
		return
	}
	payload, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": m.TopicARN + ":voice",
		"Sns": map[string]any{"Type": "Notification", "MessageId": m.ID, "TopicArn": m.TopicARN, "Message": m.Body, "Timestamp": m.PublishedAt},
	}}})
	if err == nil {
		err = s.host.Enqueue(VoiceFunction, payload)
	}
	if err != nil { // as SNS does, which has no dead-letter queue of its own here
		slog.Error("notification of the voice topic", "error", err)
		s.sources.dead.Send(m.Body, nil)
	}
}

// serveVoice answers the requests that are about voice analytics: the voice API,
// the stream, and invocations of functions. False when the request is not.
func (s *Stack) serveVoice(w http.ResponseWriter, r *http.Request) bool {
	target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case strings.HasPrefix(r.URL.Path, chimesdk.VoicePath+"/"):
		s.voice.ServeHTTP(w, r)
	case r.Method == http.MethodGet && r.URL.Path == chimesdk.VoicePath:
		awsprotocol.WriteJSON(w, http.StatusOK, map[string]any{"tasks": s.voice.Tasks(), "calls": s.voice.Calls()})
	case target == "Kinesis_20131202":
		s.sources.stream.Handler().ServeHTTP(w, r)
	case isInvocation(r):
		s.serveLambda(w, r)
	default:
		return false
	}
	return true
}
