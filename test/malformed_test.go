package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/intake"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/host"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/schemas"
)

// malformer makes payloads of every kind of wrong, the same for the same seed.
type malformer struct {
	*rand.Rand
	events [][]byte
}

func newMalformer(seed int64) *malformer {
	m := &malformer{Rand: rand.New(rand.NewSource(seed))}
	for _, e := range schemas.Examples() {
		m.events = append(m.events, e.Body)
	}
	return m
}

func (m *malformer) event() []byte { return bytes.Clone(m.events[m.Intn(len(m.events))]) }

// payload gives the next one. One in a hundred bears a string of a mebibyte.
func (m *malformer) payload() []byte {
	if m.Intn(100) == 0 {
		return m.long()
	}
	return []func() []byte{m.truncated, m.flipped, m.retyped, m.retyped, m.nested, m.invalidUTF8, m.hugeNumber, m.duplicateKey, m.wrapped, m.rubbish}[m.Intn(10)]()
}

func (m *malformer) truncated() []byte {
	e := m.event()
	return e[:m.Intn(len(e))]
}

func (m *malformer) flipped() []byte {
	e := m.event()
	for range 1 + m.Intn(4) {
		e[m.Intn(len(e))] ^= 1 << m.Intn(8)
	}
	return e
}

// retyped puts a value of another type at a random place of the tree.
func (m *malformer) retyped() []byte {
	var tree any
	if err := json.Unmarshal(m.event(), &tree); err != nil {
		panic(err) // examples are JSON
	}
	m.retype(tree)
	return m.write(tree)
}

func (m *malformer) retype(value any) {
	odd := []any{nil, true, -1, 1e300, "", "\u0000\u202e", []any{}, map[string]any{}, []any{map[string]any{"status": "Failed"}}, strings.Repeat("9", 40)}[m.Intn(10)]
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			v["odd"] = odd
			return
		}
		keys := []string{}
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		key := keys[m.Intn(len(keys))]
		switch child := v[key].(type) {
		case map[string]any, []any:
			if m.Intn(3) > 0 {
				m.retype(child)
				return
			}
		}
		if m.Intn(4) == 0 {
			delete(v, key)
			return
		}
		v[key] = odd
	case []any:
		if len(v) > 0 {
			if _, plain := v[0].(map[string]any); plain && m.Intn(2) == 0 {
				m.retype(v[0])
				return
			}
			v[m.Intn(len(v))] = odd
		}
	}
}

func (m *malformer) write(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was made of JSON
	}
	return text
}

// into puts text behind the opening brace of the event's detail.
func (m *malformer) into(text string) []byte {
	e := m.event()
	at := bytes.Index(e, []byte(`"detail"`))
	brace := bytes.IndexByte(e[at:], '{')
	if at < 0 || brace < 0 {
		return append([]byte("{"+text), e[1:]...)
	}
	at += brace + 1
	return append(append(append([]byte{}, e[:at]...), text...), e[at:]...)
}

func (m *malformer) nested() []byte {
	depth := 1 + m.Intn(20_000)
	shut := depth
	if m.Intn(2) == 0 {
		shut = m.Intn(depth + 1)
	}
	open, end := "[", "]"
	if m.Intn(2) == 0 {
		open, end = `{"a":`, "}"
	}
	return m.into(`"deep":` + strings.Repeat(open, depth) + "1" + strings.Repeat(end, shut) + ",")
}

func (m *malformer) invalidUTF8() []byte {
	e := m.event()
	at := m.Intn(len(e))
	bad := []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\x00"}[m.Intn(5)]
	return append(append(append([]byte{}, e[:at]...), bad...), e[at:]...)
}

func (m *malformer) hugeNumber() []byte {
	number := []string{"1e999999", "-1e-999999", strings.Repeat("7", 1000), "0." + strings.Repeat("3", 1000), "-0", "1E400"}[m.Intn(6)]
	if m.Intn(2) == 0 {
		return m.into(`"big":` + number + ",")
	}
	return bytes.Replace(m.event(), []byte(`"updatedOn":`), []byte(`"updatedOn":`+number+`,"was":`), 1)
}

func (m *malformer) duplicateKey() []byte {
	return m.into([]string{
		`"eventType":"chime:MediaInsightsStopped",`, `"mediaInsightsPipelineArn":7,`, `"callId":null,`, `"version":"9","version":"9",`, `"ruleName":"twice",`,
	}[m.Intn(5)])
}

func (m *malformer) long() []byte { return m.into(`"long":"` + strings.Repeat("x", 1<<20) + `",`) }

// wrapped puts an event or rubbish into the envelope of a queue, topic or stream.
func (m *malformer) wrapped() []byte {
	body := m.event()
	if m.Intn(2) == 0 {
		body = m.rubbish()
	}
	sns := map[string]any{"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": string(body)}
	switch m.Intn(5) {
	case 0:
		return m.write(map[string]any{"Records": []any{map[string]any{"eventSource": "aws:sqs", "messageId": "1", "body": string(body)}}})
	case 1:
		return m.write(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": sns}}})
	case 2:
		return m.write(map[string]any{"Records": []any{map[string]any{"eventSource": "aws:kinesis", "kinesis": map[string]any{
			"sequenceNumber": "7", "data": base64.StdEncoding.EncodeToString(body) + strings.Repeat("!", m.Intn(2))}}}})
	case 3:
		return m.write(map[string]any{"Records": []any{map[string]any{"eventSource": "aws:sqs", "messageId": "1", "body": string(m.write(sns))}, nil, 7}})
	}
	return m.write(map[string]any{"version": "1.0", "requestPayload": json.RawMessage(m.event()), "requestContext": map[string]any{"condition": "RetriesExhausted"}})
}

func (m *malformer) rubbish() []byte {
	switch m.Intn(6) {
	case 0:
		return []byte([]string{"", "null", "[]", "{}", `""`, "0", "true", `{"Records":[]}`, `{"Records":null}`, "\ufeff{}", "{}{}", "nul"}[m.Intn(12)])
	case 1:
		b := make([]byte, m.Intn(300))
		m.Read(b)
		return b
	}
	e := m.event()
	m.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
	return e
}

// kept is what the table holds, by what tests ask for.
type kept struct{ events, matches, joined map[string]bool }

// scan reads the whole table.
func scan(t *testing.T, s *local.Stack) kept {
	t.Helper()
	k := kept{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	db := s.DynamoDB()
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	word := func(it map[string]types.AttributeValue, name string) string {
		v, ok := it[name].(*types.AttributeValueMemberS)
		if !ok {
			return ""
		}
		return v.Value
	}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			pk, sk := word(it, "PK"), word(it, "SK")
			switch {
			case strings.HasPrefix(sk, "E#"):
				k.events[strings.TrimPrefix(pk, "P#")+" "+word(it, "n")] = true
			case strings.HasPrefix(sk, "A#"):
				k.matches[word(it, "n")] = true
			case strings.HasPrefix(sk, "F#"):
				k.joined[strings.TrimPrefix(pk, "P#")] = true
			}
		}
	}
	return k
}

// missing tells what of a payload that a function took without an error is
// neither kept nor rightly passed over.
func (k kept) missing(function string, payload, reply []byte) error {
	batch, err := intake.Read(payload)
	if err != nil {
		return fmt.Errorf("it is no payload (%w), and the function said nothing", err)
	}
	var failed struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if len(reply) > 0 {
		if err := json.Unmarshal(reply, &failed); err != nil {
			return fmt.Errorf("the reply %q is none: %w", reply, err)
		}
	}
	refused := map[string]bool{}
	for _, f := range failed.BatchItemFailures {
		refused[f.ItemIdentifier] = true
	}
	for _, f := range batch.Failures {
		if !refused[f.RecordID] {
			return fmt.Errorf("record %q is no record (%w), and the function said nothing", f.RecordID, f.Err)
		}
	}
	for _, message := range batch.Messages {
		if !refused[message.RecordID] {
			if err := k.holds(function, message.Body); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds tells why the table should hold a message, and does not.
func (k kept) holds(function string, body []byte) error {
	ev, err := chime.Parse(body)
	switch {
	case err != nil:
		return fmt.Errorf("it is no event (%w), and the function said nothing", err)
	case function == "alerts" && ev.RulesMatched != nil && k.matches[ev.ID]:
		return nil
	case function == "alerts" || ev.StateChange == nil:
		return fmt.Errorf("event %s of type %s is not kept, and the function said nothing", ev.ID, ev.DetailType)
	}
	st, err := pipeline.FromEvent(ev)
	if err != nil {
		return err
	}
	if function == "status" {
		if !k.events[st.ID+" "+ev.ID] {
			return fmt.Errorf("event %s of pipeline %s is not in its history, and the function said nothing", ev.ID, st.ID)
		}
		return nil
	}
	fails := st.Status == pipeline.Failed || st.Status == pipeline.CreateFailed || len(st.FailingElements()) > 0
	if fails && !k.joined[st.ID] {
		return fmt.Errorf("pipeline %s failed and is in no incident, and the function said nothing", st.ID)
	}
	return nil
}

// Ten thousand malformed payloads through each function, as its real binary: no
// crash, no hang, and each is kept, or is an error, or rightly is nothing to do.
func TestMalformedPayloadsAreKeptOrRefused(t *testing.T) {
	payloads := 10_000
	if testing.Short() {
		payloads = 300
	}
	for _, function := range []string{"status", "failures", "alerts"} {
		t.Run(function, func(t *testing.T) {
			s := startStack(t, local.Options{Processes: 2, Timeout: 30 * time.Second})
			m := newMalformer(int64(len(function)))
			type taken struct{ payload, reply []byte }
			took := make([]taken, payloads)
			var refused atomic.Int64
			group, ctx := errgroup.WithContext(t.Context())
			group.SetLimit(4)
			for n := range payloads {
				payload := m.payload()
				group.Go(func() error {
					reply, err := s.Invoke(ctx, function, payload)
					var failed *host.FunctionError
					switch {
					case errors.As(err, &failed):
						if strings.HasPrefix(failed.Type, "Runtime.") || strings.HasPrefix(failed.Type, "Sandbox.") || strings.Contains(failed.Message, "panic") {
							return fmt.Errorf("payload %d: %w\n%.300q", n, err, payload)
						}
						refused.Add(1)
					case err != nil:
						return err
					default:
						took[n] = taken{payload, reply}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			k := scan(t, s)
			count := 0
			for n, one := range took {
				if one.payload == nil {
					continue
				}
				count++
				if err := k.missing(function, one.payload, one.reply); err != nil {
					t.Errorf("payload %d: %v\n%.300q", n, err, one.payload)
				}
			}
			t.Logf("%d payloads: %d taken, %d refused", payloads, count, refused.Load())
			if count == 0 || refused.Load() == 0 {
				t.Error("all ended alike: the payloads prove nothing")
			}
		})
	}
}

// What a function refuses, Lambda gives up after its retries: then the record in
// the dead-letter queue has the payload's bytes and the reason.
func TestRefusedPayloadsAreDeadLetters(t *testing.T) {
	s := startStack(t, local.Options{Processes: 2, RetryDelay: time.Millisecond})
	m := newMalformer(99)
	want := map[string]int{}
	for _, function := range []string{"status", "failures", "alerts"} {
		for range 60 {
			payload := m.payload()
			if len(payload) > 1<<18 || !json.Valid(payload) {
				continue // EventBridge delivers JSON of up to 256 KB
			}
			if _, err := s.Invoke(t.Context(), function, payload); err == nil {
				continue
			}
			want[function+" "+compact(t, payload)]++
			if err := s.InvokeAsync(function, payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, letter := range s.DeadLetters() {
		var record struct {
			RequestContext  struct{ FunctionArn, Condition string }
			RequestPayload  json.RawMessage
			ResponsePayload struct{ ErrorMessage string }
		}
		if err := json.Unmarshal([]byte(letter.Body), &record); err != nil {
			t.Fatalf("%v: %s", err, letter.Body)
		}
		function := strings.TrimSuffix(record.RequestContext.FunctionArn, ":$LATEST")
		function = function[strings.LastIndexByte(function, ':')+1:]
		want[function+" "+compact(t, record.RequestPayload)]--
		if record.ResponsePayload.ErrorMessage == "" {
			t.Errorf("a dead letter of %s tells no reason: %s", function, letter.Body)
		}
	}
	if len(want) < 30 {
		t.Errorf("got %d refused payloads, too few to prove anything", len(want))
	}
	for payload, n := range want {
		if n != 0 {
			t.Errorf("%d dead letters are missing of %.300s", n, payload)
		}
	}
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
