package flows_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// origin is one way in which notifications come: how Lambda is handed them, and
// how often it tries again before a dead-letter queue gets what failed.
type origin struct {
	name   string
	spelt  string
	record func(id string, body []byte) string
	// whole tells that Lambda tries the whole payload again, not single records.
	whole bool
}

var origins = []origin{
	{"queue", "SQS", func(id string, body []byte) string {
		return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, quoted(body))
	}, false},
	{"queue of a topic", "SQS", func(id string, body []byte) string {
		envelope := fmt.Appendf(nil, `{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:us-east-1:111122223333:t","Message":%s}`, quoted(body))
		return fmt.Sprintf(`{"messageId":%q,"eventSource":"aws:sqs","body":%s}`, id, quoted(envelope))
	}, false},
	{"topic", "SNS", func(id string, body []byte) string {
		return fmt.Sprintf(`{"EventSource":"aws:sns","Sns":{"MessageId":%q,"Message":%s}}`, id, quoted(body))
	}, true},
	{"stream", "KINESIS", func(id string, body []byte) string {
		return fmt.Sprintf(`{"eventSource":"aws:kinesis","kinesis":{"sequenceNumber":%q,"data":%q}}`, id, base64.StdEncoding.EncodeToString(body))
	}, false},
	{"direct", "LAMBDA", nil, true},
}

func quoted(body []byte) string {
	text, err := json.Marshal(string(body))
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(text)
}

// payload wraps bodies as Lambda gets them; the id of each is its index.
func (o origin) payload(bodies map[int][]byte) []byte {
	var records []string
	for _, i := range sortedKeys(bodies) {
		if o.record == nil {
			records = append(records, string(bodies[i]))
		} else {
			records = append(records, o.record(fmt.Sprint(i), bodies[i]))
		}
	}
	if o.record == nil {
		return []byte("[" + strings.Join(records, ",") + "]")
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

func sortedKeys(bodies map[int][]byte) []int {
	var keys []int
	for i := range bodies {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	return keys
}

// deliver hands the bodies to the function as Lambda does, with two retries, and
// gives what is left for the dead-letter queue.
func (o origin) deliver(t *testing.T, handle batchHandler, bodies map[int][]byte) (dead map[int][]byte) {
	t.Helper()
	for range 3 {
		reply, err := lambdafn.Handle(t.Context(), o.payload(bodies), handle)
		if o.whole {
			if err == nil {
				return nil
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if bodies = o.failed(t, reply, bodies); len(bodies) == 0 {
			return nil
		}
	}
	return bodies
}

func (o origin) failed(t *testing.T, reply []byte, bodies map[int][]byte) map[int][]byte {
	t.Helper()
	var answer struct {
		Failures []struct {
			ID int `json:"itemIdentifier,string"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatal(err)
	}
	failed := map[int][]byte{}
	for _, f := range answer.Failures {
		failed[f.ID] = bodies[f.ID]
	}
	return failed
}

// count stands for the metrics.
type count map[string]int

func (c count) Count(name string, n int) { c[name] += n }

func silenceLog(t testing.TB) {
	t.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

func table(t *testing.T) *dynamo.Store {
	t.Helper()
	s, _ := tableWithClient(t)
	return s
}

// tableWithClient returns a store on an empty table of its own, named calls, and
// a client of that table.
func tableWithClient(t *testing.T) (*dynamo.Store, *dynamodb.Client) {
	t.Helper()
	server, err := dynalite.Start(t.Context(), need.Dynalite(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	db := dynalite.Client(server.URL(), "us-east-1")
	if err := dynalite.EnsureTable(t.Context(), db, "calls", dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	return dynamo.New(db, "calls", dynamo.Options{}), db
}

func notification(i int, transaction string) []byte {
	return fmt.Appendf(nil, `{"id":"n-%d","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:%02dZ","detail":{"taskId":"k-%d","transactionId":%q,"detailStatus":"IdentificationFailure"}}`,
		i, i, i, transaction)
}

func TestVoiceStoresAllButInvalidRecords(t *testing.T) {
	silenceLog(t)
	s := table(t)
	for _, o := range origins {
		for name, poison := range map[string][]byte{
			"no event":  []byte(`{"this":"is none"}`),
			"bad time":  []byte(`{"id":"n-2","detail-type":"SpeakerSearchStatus","time":"soon","detail":{"taskId":"k"}}`),
			"no detail": []byte(`{"id":"n-2","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z"}`),
		} {
			t.Run(o.name+", "+name, func(t *testing.T) {
				transaction := o.name + name
				bodies := map[int][]byte{}
				for i := range 5 {
					bodies[i] = notification(i, transaction)
				}
				bodies[2] = poison
				counts := count{}
				dead := o.deliver(t, voiceOf(s, nil, counts), bodies)
				if o.whole { // Lambda hands the whole invocation to the OnFailure destination
					if len(dead) != 5 {
						t.Errorf("got %d records in the failed invocation, want all 5", len(dead))
					}
				} else if len(dead) != 1 || string(dead[2]) != string(poison) {
					t.Errorf("got dead letters %v, want only the poisoned record, with its bytes", dead)
				}
				found, err := s.VoiceOf(t.Context(), chime.CallFields{TransactionID: transaction}, "")
				if err != nil {
					t.Fatal(err)
				}
				var ids []string
				for _, n := range found {
					ids = append(ids, n.ID)
					if string(n.By) != o.spelt {
						t.Errorf("%s: got source %s, want %s", n.ID, n.By, o.spelt)
					}
				}
				if got, want := strings.Join(ids, " "), "n-0 n-1 n-3 n-4"; got != want {
					t.Errorf("got %s kept, want %s", got, want)
				}
			})
		}
	}
}

// Wherever the poisoned records are, what is good is kept, and of a queue and a
// stream only what is poisoned is left.
func TestVoiceStoresValidRecordsAtAnyPosition(t *testing.T) {
	silenceLog(t)
	s := table(t)
	for _, o := range origins {
		for _, tt := range []struct {
			name     string
			of       int
			poisoned []int
		}{
			{"the first", 5, []int{0}},
			{"the last", 5, []int{4}},
			{"two beside each other", 5, []int{1, 2}},
			{"all", 3, []int{0, 1, 2}},
			{"the only one", 1, []int{0}},
			{"one of 25", 25, []int{12}},
			{"none", 25, nil},
		} {
			t.Run(o.name+", "+tt.name, func(t *testing.T) {
				transaction := "where " + o.name + tt.name
				bodies := map[int][]byte{}
				var good []string
				for i := range tt.of {
					bodies[i] = notification(i, transaction)
					if slices.Contains(tt.poisoned, i) {
						bodies[i] = fmt.Appendf(nil, `{"poison":%d}`, i)
					} else {
						good = append(good, fmt.Sprint("n-", i))
					}
				}
				left := sortedKeys(o.deliver(t, voiceOf(s, nil, count{}), bodies))
				want := tt.poisoned
				if o.whole && len(want) > 0 {
					want = sortedKeys(bodies)
				}
				if !slices.Equal(left, want) {
					t.Errorf("got %v left for the dead letters, want %v", left, want)
				}
				found, err := s.VoiceOf(t.Context(), chime.CallFields{TransactionID: transaction}, "")
				if err != nil {
					t.Fatal(err)
				}
				var kept []string
				for _, n := range found {
					kept = append(kept, n.ID)
				}
				if !slices.Equal(kept, good) {
					t.Errorf("got %v kept, want %v", kept, good)
				}
			})
		}
	}
}

// refusing is a table that keeps all but some.
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

func TestVoiceReturnsAnErrorPerMessage(t *testing.T) {
	counts := count{}
	errs := voiceOf(refusing{[]string{"n-3"}}, nil, counts)(t.Context(), []lambdafn.Message{
		{Body: notification(1, "t")}, {Body: []byte(`{}`)}, {Body: notification(3, "t")},
		{Body: []byte(`{"id":"n-4","detail-type":"New","time":"2026-03-11T08:15:04Z"}`)},
	})
	var got []apperr.Class
	for _, err := range errs {
		got = append(got, apperr.ClassOf(err))
	}
	if want := []apperr.Class{"", apperr.Invalid, apperr.Throttled, ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var field *chime.FieldError
	if !errors.As(errs[1], &field) || field.Pointer != "/id" {
		t.Errorf("got %v, want the faulty field named", errs[1])
	}
	if counts["VoiceNotifications"] != 2 || counts["UnknownNotifications"] != 1 {
		t.Errorf("got %v, want 2 kept and 1 of an unknown type", counts)
	}
}

// settler keeps what it is asked to settle, and fails for some transactions.
type settler struct {
	mu       sync.Mutex
	triggers []voicetask.Trigger
	fails    []string
}

func (s *settler) Reconcile(_ context.Context, t voicetask.Trigger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triggers = append(s.triggers, t)
	if slices.Contains(s.fails, t.TransactionID) {
		return apperr.New(apperr.Unavailable, "service", t.TransactionID, "")
	}
	return nil
}

// Each call of a batch is settled once, whether another fails or not, and fails
// every notification that is about it.
func TestVoiceReconcilesEachCallOnce(t *testing.T) {
	note := func(id, kind, detail string) lambdafn.Message {
		return lambdafn.Message{Body: fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"time":"2026-03-11T08:15:04Z","detail":%s}`, id, kind, detail)}
	}
	calls := &settler{fails: []string{"b", "c"}}
	errs := voiceOf(refusing{[]string{"7"}}, calls, count{})(t.Context(), []lambdafn.Message{
		note("1", "VoiceAnalyticsStatus", `{"detailStatus":"AnalyticsReady","transactionId":"a","voiceConnectorId":"v"}`),
		note("2", "SpeakerSearchStatus", `{"taskId":"k2","transactionId":"b"}`),
		note("3", "VoiceToneAnalysisStatus", `{"taskId":"k3","transactionId":"b"}`),
		note("4", "VoiceAnalyticsStatus", `{"detailStatus":"PostCallVoiceAnalytics","transactionId":"c"}`),
		note("5", "SpeakerSearchStatus", `{"taskId":"k5"}`),
		note("6", "VoiceAnalyticsStatus", `{"detailStatus":"AnalyticsTired","transactionId":"x"}`),
		note("7", "SpeakerSearchStatus", `{"taskId":"k7","transactionId":"not-kept"}`),
		note("8", "VoiceMoodStatus", `{"taskId":"k8","transactionId":"y"}`),
		note("9", "SpeakerSearchStatus", `{"detailStatus":"IdentificationFailure","transactionId":"d"}`),
	})
	var failed []int
	for i, err := range errs {
		if err != nil {
			failed = append(failed, i+1)
		}
	}
	if diff := cmp.Diff([]int{2, 3, 4, 7}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	want := []voicetask.Trigger{
		{Event: "1", TransactionID: "a"},
		{Event: "2", TransactionID: "b", Observed: []voicetask.ObservedTask{{Task: voicetask.SpeakerSearch, TaskID: "k2"}, {Task: voicetask.VoiceTone, TaskID: "k3"}}},
		{Event: "4", TransactionID: "c"},
		{Event: "9", TransactionID: "d"},
	}
	slices.SortFunc(calls.triggers, func(a, b voicetask.Trigger) int { return strings.Compare(a.Event, b.Event) })
	if diff := cmp.Diff(want, calls.triggers); diff != "" {
		t.Errorf("settled (-want +got):\n%s", diff)
	}
}
