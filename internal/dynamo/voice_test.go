package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/schemas"
)

// writes is a client that counts requests and can stand in the way of batches.
type writes struct {
	*dynamodb.Client
	requests int
	batch    func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) // nil, nil: let it pass
}

func (w *writes) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	w.requests++
	if w.batch != nil {
		if out, err := w.batch(in); out != nil || err != nil {
			return out, err
		}
	}
	return w.Client.BatchWriteItem(ctx, in, opts...)
}

func (w *writes) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	w.requests++
	return w.Client.PutItem(ctx, in, opts...)
}

var voiceTables int

// newVoiceTable makes an empty table of its own on the server.
func newVoiceTable(t interface{ Fatal(...any) }, db *dynamodb.Client) (name string) {
	voiceTables++
	name = fmt.Sprintf("voice-%d", voiceTables)
	if err := dynalite.EnsureTable(context.Background(), db, name, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	return name
}

func voiceStore(t *testing.T) (*dynamo.Store, *writes, string) {
	t.Helper()
	db := &writes{Client: table(t)}
	name := newVoiceTable(t, db.Client)
	return dynamo.New(db, name, dynamo.Options{Retention: time.Hour}), db, name
}

// voiceBodies are the examples that are voice-analytics notifications, and one
// of a type that nobody knows.
func voiceBodies(t *testing.T) [][]byte {
	t.Helper()
	var bodies [][]byte
	for _, e := range schemas.Examples() {
		if ev, err := chime.Parse(e.Body); err == nil && ev.Voice != nil {
			bodies = append(bodies, e.Body)
		}
	}
	return append(bodies, []byte(`{"id":"new-1","detail-type":"VoiceMoodStatus","time":"2026-03-11T08:15:04.118999Z","detail":{"transactionId":"t-1","taskId":"k-1"}}`),
		[]byte(`{"id":"new-2","detail-type":"VoiceMoodStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":"k-1"}}`))
}

var everySource = map[lambdafn.Source]string{lambdafn.Direct: "LAMBDA", lambdafn.SQS: "SQS", lambdafn.SNS: "SNS",
	lambdafn.Kinesis: "KINESIS"}

func note(t testing.TB, source lambdafn.Source, body []byte) chime.VoiceNotification {
	t.Helper()
	n, err := chime.ParseVoice(body, source.Voice())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sampleKeys are the keys that the developer guide's Python sample makes of a
// notification: by the task, or for a readiness and for what it does not know by
// the transaction. A field that is absent is written as Python writes nothing.
func sampleKeys(t *testing.T, body []byte, source string) (pk, sk string) {
	t.Helper()
	var event struct {
		ID         string         `json:"id"`
		DetailType string         `json:"detail-type"`
		Detail     map[string]any `json:"detail"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{"SpeakerSearchStatus": "SpeakerSearch", "VoiceToneAnalysisStatus": "VoiceToneAnalysis",
		"VoiceAnalyticsStatus": "AnalyticsReady"}
	kind, known := kinds[event.DetailType]
	if !known {
		kind = "UNKNOWN"
	}
	field := "taskId"
	if kind == "AnalyticsReady" || kind == "UNKNOWN" {
		field = "transactionId"
	}
	id := event.Detail[field]
	if id == nil {
		id = "None"
	}
	return fmt.Sprintf("%s#%v#notificationType#%s#analyticsType#%s", field, id, source, kind), event.ID
}

// scan reads a whole table: attributes by key, without the key's own order.
func scan(t interface{ Fatal(...any) }, db *dynamodb.Client, name string) map[string]map[string]string {
	all := map[string]map[string]string{}
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &name, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			attributes := map[string]string{}
			flatten(t, "", it, attributes)
			all[attributes["PK"]+" "+attributes["SK"]] = attributes
		}
	}
	return all
}

// flatten writes attributes as texts, those of a map with a dot before their names.
func flatten(t interface{ Fatal(...any) }, prefix string, it map[string]types.AttributeValue, into map[string]string) {
	for attr, value := range it {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			into[prefix+attr] = v.Value
		case *types.AttributeValueMemberN:
			into[prefix+attr] = v.Value
		case *types.AttributeValueMemberB:
			into[prefix+attr] = "bytes " + string(v.Value)
		case *types.AttributeValueMemberSS:
			into[prefix+attr] = strings.Join(slices.Sorted(slices.Values(v.Value)), " ")
		case *types.AttributeValueMemberM:
			flatten(t, prefix+attr+".", v.Value, into)
		default:
			t.Fatal(fmt.Sprintf("attribute %s%s is %T", prefix, attr, value))
		}
	}
}

func TestVoiceItemsAreThoseOfTheSample(t *testing.T) {
	s, db, name := voiceStore(t)
	want := map[string]string{} // body by key
	var notes []chime.VoiceNotification
	for source, spelt := range everySource {
		for _, body := range voiceBodies(t) {
			pk, sk := sampleKeys(t, body, spelt)
			want[pk+" "+sk] = string(body)
			notes = append(notes, note(t, source, body))
		}
	}
	for i, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Errorf("%s: %v", notes[i].ID, err)
		}
	}
	items := scan(t, db.Client, name)
	for key, body := range want {
		if got := items[key]["body"]; got != body {
			t.Errorf("%s: got body %q, want the notification's bytes", key, got)
		}
	}
	key := "taskId#4ac3799b-e2d6-4805-a28c-4fababb1b60c#notificationType#SQS#analyticsType#VoiceToneAnalysis Id-8148ae78-ca5c-4a8d-89ce-b4e775df9adb"
	if got, want := items[key]["createdOn"], "2026-03-11T08:15:49.905Z"; got != want {
		t.Errorf("createdOn: got %q, want %q: milliseconds, cut and not rounded", got, want)
	}
	if got, want := items[key]["x"], fmt.Sprint(time.Date(2026, 3, 11, 9, 15, 49, 0, time.UTC).Unix()); got != want {
		t.Errorf("expiry: got %q, want %s", got, want)
	}
}

func TestVoiceInAnyOrderAnyNumberOfTimes(t *testing.T) {
	db := table(t)
	bodies := voiceBodies(t)
	deliver := func(t interface{ Fatal(...any) }, notes []chime.VoiceNotification,
		batch int) map[string]map[string]string {
		name := newVoiceTable(t, db)
		s := dynamo.New(db, name, dynamo.Options{Retention: time.Hour})
		for part := range slices.Chunk(notes, batch) {
			for _, err := range s.RecordVoice(context.Background(), part) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		return scan(t, db, name)
	}
	var all []chime.VoiceNotification
	for _, body := range bodies {
		all = append(all, note(t, lambdafn.SQS, body))
	}
	want := deliver(t, all, len(all))
	rapid.Check(t, func(rt *rapid.T) {
		again := rapid.SliceOfN(rapid.SampledFrom(all), 0, 8).Draw(rt, "again")
		order := rapid.Permutation(slices.Concat(all, again)).Draw(rt, "order")
		got := deliver(rt, order, rapid.IntRange(1, 30).Draw(rt, "batch"))
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("the table differs (-in order, +as drawn):\n%s", diff)
		}
	})
}

func TestABatchOf25IsOneRequestOrTwo(t *testing.T) {
	s, db, name := voiceStore(t)
	for _, tt := range []struct{ ready, requests, items int }{
		{0, 1, 25}, {12, 2, 13 + 3*12}, {25, 3, 3 * 25}, // a readiness is entered in two ledgers as well
	} {
		var notes []chime.VoiceNotification
		for i := range 25 {
			body := `{"id":"n-%d","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":"%d-%d"}}`
			if i < tt.ready {
				body = `{"id":"n-%d","detail-type":"VoiceAnalyticsStatus","time":"2026-03-11T08:15:04Z","detail":{"detailStatus":"AnalyticsReady","transactionId":"t-%d-%d","callId":"c-%[2]d-%[3]d","voiceConnectorId":"v"}}`
			}
			notes = append(notes, note(t, lambdafn.SQS, fmt.Appendf(nil, body, i, tt.ready, i)))
		}
		before := len(scan(t, db.Client, name))
		db.requests = 0
		for _, err := range s.RecordVoice(t.Context(), notes) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := len(scan(t, db.Client, name)) - before; db.requests != tt.requests || got != tt.items {
			t.Errorf("%d of 25 ready: got %d items by %d requests, want %d by %d", tt.ready, got, db.requests, tt.items,
				tt.requests)
		}
	}
}

func TestWhatTheTableLeavesUndoneIsPutAgain(t *testing.T) {
	s, db, name := voiceStore(t)
	var notes []chime.VoiceNotification
	for _, body := range voiceBodies(t)[:6] {
		notes = append(notes, note(t, lambdafn.SNS, body))
	}
	db.batch = func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		requests := in.RequestItems[name]
		if len(requests) == 1 {
			return nil, nil // the last of them passes
		}
		rest := *in
		rest.RequestItems = map[string][]types.WriteRequest{name: requests[:1]}
		if _, err := db.Client.BatchWriteItem(t.Context(), &rest); err != nil {
			return nil, err
		}
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{name: requests[1:]}}, nil
	}
	for i, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Errorf("%s: %v", notes[i].ID, err)
		}
	}
	got := map[string]bool{}
	for _, it := range scan(t, db.Client, name) {
		got[it["SK"]] = true
	}
	for _, n := range notes {
		if !got[n.ID] {
			t.Errorf("%s is not in the table", n.ID)
		}
	}
}

func TestWhatStaysUndoneFailsAlone(t *testing.T) {
	s, db, name := voiceStore(t)
	bodies := voiceBodies(t)
	stuck := note(t, lambdafn.SQS, bodies[0])
	db.batch = func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		var undone []types.WriteRequest
		for _, r := range in.RequestItems[name] {
			if id := r.PutRequest.Item["SK"].(*types.AttributeValueMemberS).Value; id == stuck.ID {
				undone = append(undone, r)
			}
		}
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{name: undone}}, nil
	}
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[5]), stuck,
		note(t, lambdafn.SQS, bodies[6])})
	if errs[0] != nil || apperr.ClassOf(errs[1]) != apperr.Throttled || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail, throttled", errs)
	}
}

func TestAnItemThatTheTableRefusesFailsAlone(t *testing.T) {
	s, db, name := voiceStore(t)
	bodies := voiceBodies(t)
	bad := note(t, lambdafn.SQS, []byte(`{"id":"","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":"k"},"id":"x"}`))
	// The store makes no item that the table refuses: the stand-in for one that
	// will be refused some day has an empty key.
	broken := *bad.Event
	broken.ID = ""
	bad.Event = &broken
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[0]), bad,
		note(t, lambdafn.SQS, bodies[1])})
	if errs[0] != nil || apperr.ClassOf(errs[1]) != apperr.Invalid || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail, as invalid", errs)
	}
	if got := len(notesOf(scan(t, db.Client, name))); got != 2 {
		t.Errorf("got %d notifications in the table, want the two good ones", got)
	}
}

// notesOf keeps the items that hold a notification.
func notesOf(items map[string]map[string]string) map[string]map[string]string {
	maps.DeleteFunc(items, func(_ string, it map[string]string) bool { return it["body"] == "" })
	return items
}

func TestVoiceRefusesWhatCannotBeKeptWhole(t *testing.T) {
	s, db, name := voiceStore(t)
	event := func(id, task, more string) []byte {
		return fmt.Appendf(nil, `{"id":%q,"detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":%q,"more":"%s"}}`, id, task, more)
	}
	for _, tt := range []struct {
		name string
		body []byte
		want string // in the error; empty: it is kept
	}{
		{"large", event("large", "k", strings.Repeat("x", 370<<10)), ""},
		{"too large", event("too-large", "k", strings.Repeat("x", 390<<10)), "more than an item has room for"},
		{"long ids", event("long", strings.Repeat("k", 2048), ""), ""},
		{"invalid UTF-8", event("invalid", "k", "\xff\xfe caf\xe9"), ""},
		{"invalid UTF-8 in an id", []byte("{\"id\":\"e\xff\",\"detail-type\":\"SpeakerSearchStatus\",\"time\":\"2026-03-11T08:15:04Z\",\"detail\":{\"taskId\":\"k\"}}"), ""},
		{"invalid UTF-8, too large for both forms", event("both", "k", "\xff"+strings.Repeat("x", 300<<10)), "needs it twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := note(t, lambdafn.Kinesis, tt.body)
			err := s.RecordVoice(t.Context(), []chime.VoiceNotification{n})[0]
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && apperr.ClassOf(err) != apperr.Invalid {
				t.Errorf("got class %s, want invalid", apperr.ClassOf(err))
			}
		})
	}
	invalid := scan(t, db.Client, name)["taskId#k#notificationType#KINESIS#analyticsType#SpeakerSearch invalid"]
	if got, want := invalid["rawBody"], "bytes "+string(event("invalid", "k", "\xff\xfe caf\xe9")); got != want {
		t.Errorf("raw body: got %q, want the bytes as received, %q", got, want)
	}
	if !strings.Contains(invalid["body"], "\uFFFD caf\uFFFD") {
		t.Errorf("body: got %q, want U+FFFD for the invalid bytes", invalid["body"])
	}
	notes, err := s.VoiceOf(t.Context(), chime.CallFields{}, "")
	if err != nil || len(notes) != 0 {
		t.Errorf("of no call: got %d notifications and %v, want none", len(notes), err)
	}
}

func TestVoiceIsFoundByItsCall(t *testing.T) {
	s, _, _ := voiceStore(t)
	event := func(id, detail string) chime.VoiceNotification {
		return note(t, lambdafn.SQS, fmt.Appendf(nil,
			`{"id":%q,"detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:0%dZ","detail":%s}`, id, id[0]-'a', detail))
	}
	notes := []chime.VoiceNotification{
		event("a", `{"taskId":"1","transactionId":"T","callId":"C"}`),
		event("b", `{"taskId":"2","mediaInsightsPipelineId":"P"}`),
		event("c", `{"taskId":"3","callId":"C"}`),
		event("d", `{"taskId":"4","transactionId":"T","mediaInsightsPipelineId":"P","callId":"C"}`),
		event("e", `{"taskId":"5","transactionId":"other","callId":"C"}`),
		event("f", `{"taskId":"6","mediaInsightsPipelineId":"P","callId":"C"}`),
	}
	for _, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name     string
		call     chime.CallFields
		pipeline string
		want     string
	}{
		{"transaction", chime.CallFields{TransactionID: "T"}, "", "ad"},
		{"pipeline", chime.CallFields{}, "P", "bdf"},
		{"call", chime.CallFields{CallID: "C"}, "", "acef"},
		{"all of them", chime.CallFields{TransactionID: "T", CallID: "C"}, "P", "abcdf"},
		{"another", chime.CallFields{TransactionID: "X", CallID: "Y"}, "Z", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := s.VoiceOf(t.Context(), tt.call, tt.pipeline)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, n := range found {
				got += n.ID
				if n.By != chime.BySQS || n.TaskID == "" {
					t.Errorf("%s: got source %s and task %q, want SQS and its task", n.ID, n.By, n.TaskID)
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s, oldest first", got, tt.want)
			}
		})
	}
}

func TestVoiceSaysWhatTheTableSaid(t *testing.T) {
	s, db, _ := voiceStore(t)
	db.batch = func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}
	}
	bodies := voiceBodies(t)
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[0]),
		note(t, lambdafn.SQS, bodies[1])})
	for _, err := range errs {
		if apperr.ClassOf(err) != apperr.Internal || !strings.Contains(err.Error(), "grant the role that action") {
			t.Errorf("got %v, want the refusal and what to do", err)
		}
	}
}
