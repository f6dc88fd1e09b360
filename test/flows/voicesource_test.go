package flows_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// voiceSource is one way in which voice notifications arrive: the payload of Lambda, and
// how often Lambda retries before a dead-letter queue receives what failed.
type voiceSource struct {
	name   string
	source string // in the table
	record func(id string, body []byte) string
	// whole is set if Lambda retries the whole payload, not single records.
	whole bool
}

var voiceSources = []voiceSource{
	{name: "queue", source: "SQS", record: func(id string, body []byte) string {
		return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, quoted(body))
	}},
	{name: "queue of a topic", source: "SQS", record: func(id string, body []byte) string {
		envelope := fmt.Appendf(nil, `{"Type":"Notification","MessageId":"m",`+
			`"TopicArn":"arn:aws:sns:us-east-1:111122223333:t","Message":%s}`, quoted(body))
		return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, quoted(envelope))
	}},
	{name: "topic", source: "SNS", whole: true, record: func(id string, body []byte) string {
		return fmt.Sprintf(`{"EventSource":"aws:sns","Sns":{"MessageId":%q,"Message":%s}}`, id, quoted(body))
	}},
	{name: "stream", source: "KINESIS", record: func(id string, body []byte) string {
		data := base64.StdEncoding.EncodeToString(body)
		return fmt.Sprintf(`{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":%q,"data":%q}}`, id, data)
	}},
	{name: "direct", source: "LAMBDA", whole: true},
}

func quoted(body []byte) string {
	text, err := json.Marshal(string(body))
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(text)
}

// payload wraps bodies as Lambda does; the id of each is its index.
func (s voiceSource) payload(bodies map[int][]byte) []byte {
	var records []string
	for _, i := range slices.Sorted(maps.Keys(bodies)) {
		if s.record == nil {
			records = append(records, string(bodies[i]))
		} else {
			records = append(records, s.record(fmt.Sprint(i), bodies[i]))
		}
	}
	if s.record == nil {
		return []byte("[" + strings.Join(records, ",") + "]")
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// deliver invokes the function as Lambda does, with two retries, and returns what is left
// for the dead-letter queue.
func (s voiceSource) deliver(t *testing.T, handle lambdafn.Handler, bodies map[int][]byte) (dead map[int][]byte) {
	t.Helper()
	for range 3 {
		reply, err := lambdafn.Handle(t.Context(), s.payload(bodies), handle)
		if s.whole {
			if err == nil {
				return nil
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		failed := map[int][]byte{}
		for _, i := range failedIn(t, reply) {
			failed[i] = bodies[i]
		}
		if bodies = failed; len(bodies) == 0 {
			return nil
		}
	}
	return bodies
}

// failedIn returns the records that a reply names, sorted.
func failedIn(t interface{ Fatal(...any) }, reply []byte) (failed []int) {
	var answer struct {
		Failures []struct {
			ID int `json:"itemIdentifier,string"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatal(err)
	}
	for _, f := range answer.Failures {
		failed = append(failed, f.ID)
	}
	slices.Sort(failed)
	return failed
}

// voiceHandler is the handler of the function voice; calls is nil where no task is turned on.
func voiceHandler(
	table voicetask.Notifications, calls voicetask.Reconciler, counts pipeline.Counter,
) lambdafn.Handler {
	service := &voicetask.Service{Notifications: table, Calls: calls, Counts: counts}
	return func(ctx context.Context, messages []lambdafn.Message) []error {
		deliveries := make([]voicetask.Delivery, len(messages))
		for i, m := range messages {
			deliveries[i] = voicetask.Delivery{Body: m.Body, By: m.Source.Voice()}
		}
		return service.HandleNotifications(ctx, deliveries)
	}
}

// messagesOf returns a message for each body.
func messagesOf(bodies ...[]byte) (all []lambdafn.Message) {
	for _, body := range bodies {
		all = append(all, lambdafn.Message{Body: body})
	}
	return all
}

// voiceTable returns a store on an empty table of its own, and a client of that table.
func voiceTable(t *testing.T) (*dynamo.Store, *dynamodb.Client, string) {
	t.Helper()
	world := faultinject.NewWorld(t, faultinject.Server(t))
	return world.Process().Store(dynamo.Options{}), world.DB, world.Table
}

// storedIDs returns the ids of the voice notifications of a call in the table, in order.
func storedIDs(t *testing.T, s *dynamo.Store, transaction string) (ids []string) {
	t.Helper()
	for _, n := range storedVoice(t, s, transaction) {
		ids = append(ids, n.ID)
	}
	return ids
}

func storedVoice(t *testing.T, s *dynamo.Store, transaction string) []chime.VoiceNotification {
	t.Helper()
	found, err := s.VoiceOf(t.Context(), chime.CallFields{TransactionID: transaction}, "")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// voiceEvent returns a voice notification.
func voiceEvent(id, detailType, detail string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"time":"2026-03-11T08:15:04Z","detail":%s}`, id, detailType, detail)
}

// searchResult returns the i-th voice notification of a call.
func searchResult(i int, transaction string) []byte {
	return fmt.Appendf(nil, `{"id":"n-%d","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:%02dZ",`+
		`"detail":{"taskId":"k-%d","transactionId":%q,"detailStatus":"IdentificationFailure"}}`, i, i, i, transaction)
}

// refusing is a table that stores all notifications but some.
type refusing struct{ ids []string }

func (r refusing) RecordVoice(_ context.Context, notes []chime.VoiceNotification) []error {
	errs := make([]error, len(notes))
	for i, n := range notes {
		if slices.Contains(r.ids, n.ID) {
			errs[i] = apperr.New(apperr.Throttled, "table", n.ID, "")
		}
	}
	return errs
}

// reconciler stores which calls it is asked to reconcile, and fails for some transactions.
type reconciler struct {
	mu       sync.Mutex
	triggers []voicetask.Trigger
	fails    []string
}

func (r *reconciler) Reconcile(_ context.Context, t voicetask.Trigger) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.triggers = append(r.triggers, t)
	if slices.Contains(r.fails, t.TransactionID) {
		return apperr.New(apperr.Unavailable, "service", t.TransactionID, "")
	}
	return nil
}
