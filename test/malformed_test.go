package test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
)

// malformer makes payloads of every kind of wrong, the same for the same seed.
// What it makes of events has ids of its own in each payload, so that what was
// kept of one never stands for another.
type malformer struct {
	*rand.Rand
	events [][]byte
}

// newMalformer makes payloads of all examples, most often of those whose detail
// type is one of often.
func newMalformer(seed int64, often ...string) *malformer {
	m := &malformer{Rand: rand.New(rand.NewSource(seed))}
	for _, e := range schemas.Examples() {
		m.events = append(m.events, e.Body)
		for _, detailType := range often {
			if bytes.Contains(e.Body, []byte(`"`+detailType+`"`)) {
				m.events = append(m.events, e.Body, e.Body, e.Body)
			}
		}
	}
	return m
}

// identities are the fields by which events are kept, but for their last twelve
// characters.
var identities = regexp.MustCompile(`("(?:id|callId|transactionId|taskId|mediaInsightsPipelineArn|mediaInsightsPipelineId)": "[^"]*)[^"]{12}"`)

// own is a text that no other payload has.
func (m *malformer) own() string { return fmt.Sprintf("%012x", m.Int63n(1<<48)) }

// event gives an example as the event of another call.
func (m *malformer) event() []byte {
	return identities.ReplaceAll(m.events[m.Intn(len(m.events))], []byte("${1}"+m.own()+`"`))
}

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
	odd := []any{nil, true, -1, 1e300, "", "\u0000\u202e" + m.own(), []any{}, map[string]any{}, []any{map[string]any{"status": "Failed"}}, strings.Repeat("9", 40) + m.own()}[m.Intn(10)]
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

// kept is what the table holds: for each function, what it keeps of a message, by
// that message's identity.
type kept map[string]map[string]bool

// scan reads the whole table.
func scan(t *testing.T, s *local.Stack) kept {
	t.Helper()
	k := kept{"status": {}, "failures": {}, "alerts": {}, "consent": {}, "voice": {}}
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
				k["status"][strings.TrimPrefix(pk, "P#")+" "+word(it, "n")] = true
			case strings.HasPrefix(sk, "A#"):
				k["alerts"][word(it, "ti")+" "+word(it, "ci")+" "+word(it, "n")] = true
			case strings.HasPrefix(sk, "F#"):
				k["failures"][strings.TrimPrefix(pk, "P#")] = true
			case strings.HasPrefix(sk, "V#2#"):
				k["consent"][pk+" "+strings.TrimPrefix(sk, "V#2#consent#")] = true
			case word(it, "body") != "":
				if strings.ContainsRune(pk+sk, utf8.RuneError) { // then a hash of the bytes follows
					sk = sk[:strings.LastIndexByte(sk, '#')]
				}
				k["voice"][pk+" "+sk] = true
			}
		}
	}
	return k
}

// identity gives what a function has to keep of a message, empty when that is
// nothing; an error where the function should have refused the message.
func identity(function string, m lambdafn.Message) (string, error) {
	switch function {
	case "consent":
		e, err := voicetask.ParseConsent(m.Body, time.Now())
		if e.TransactionID != "" {
			return "T#" + e.TransactionID + " " + e.Event, err
		}
		return "C#" + e.CallID + " " + e.Event, err
	case "voice":
		n, err := chime.ParseVoice(m.Body, m.Source.Voice())
		if errors.Is(err, chime.ErrForeign) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		// As docs/VOICE.md says.
		name, id := "taskId", n.TaskID
		if n.Analytics == chime.AnalyticsReady || n.Analytics == chime.AnalyticsUnknown {
			name, id = "transactionId", n.TransactionID
		}
		return fmt.Sprintf("%s#%s#notificationType#%s#analyticsType#%s %s", name, cmp.Or(id, "None"), n.By, n.Analytics, n.ID), nil
	}
	parse := chime.Parse
	if function == "failures" { // which must not refuse an event for its time
		parse = func(raw []byte) (*chime.Event, error) { return chime.ParseAt(raw, time.Now()) }
	}
	ev, err := parse(m.Body)
	if err != nil {
		return "", err
	}
	if unknown, ok := chime.AsUnknown(ev); ok && function == "status" {
		ev = unknown
	}
	if function == "alerts" {
		if rm := ev.RulesMatched; rm != nil {
			return rm.TransactionID + " " + rm.CallID + " " + ev.ID, nil
		}
		return "", fmt.Errorf("event %s is of type %s", ev.ID, ev.DetailType)
	}
	st, err := pipeline.FromEvent(ev)
	switch {
	case err != nil || function == "status":
		return st.ID + " " + ev.ID, err
	case st.Status == pipeline.Failed || st.Status == pipeline.CreateFailed || len(pipeline.FailingIn(ev)) > 0:
		return st.ID, err
	}
	return "", err
}

// account is what became of the messages of all payloads.
type account struct {
	kept, passed, refused int
	by                    map[string]int // identity: the payload that has it
}

// enter accounts for a payload that a function took without an error: each of its
// messages is kept, or named in the reply as failed, or there is nothing to keep
// of it.
func (a *account) enter(k kept, function string, n int, payload, reply []byte) error {
	batch, err := lambdafn.Unwrap(payload)
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
		a.refused++
	}
	for _, message := range batch.Messages {
		if refused[message.RecordID] {
			a.refused++
			continue
		}
		id, err := identity(function, message)
		switch other, double := a.by[id]; {
		case err != nil:
			return fmt.Errorf("it cannot be handled (%w), and the function said nothing", err)
		case id == "":
			a.passed++
			continue
		case !k[function][id]:
			return fmt.Errorf("%q is not kept, and the function said nothing", id)
		case double:
			return fmt.Errorf("payload %d is kept as %q, too: one of them could be lost unseen", other, id)
		}
		a.by[id] = n
		a.kept++
	}
	return nil
}

// ofFunction are the detail types that each function is for.
var ofFunction = map[string][]string{
	"status": {chime.DetailStateChange}, "failures": {chime.DetailStateChange}, "alerts": {chime.DetailRulesMatched},
	"consent": {voicetask.DetailType}, "voice": {chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone},
}

// Ten thousand malformed payloads through each function that takes events, as its
// real binary: no crash, no hang, and each is kept, or is an error, or rightly is
// nothing to do.
func TestMalformedPayloadsAreStoredOrRefused(t *testing.T) {
	payloads := 10_000
	if testing.Short() {
		payloads = 300
	}
	for _, function := range slices.Sorted(maps.Keys(ofFunction)) {
		t.Run(function, func(t *testing.T) {
			s := startStack(t, local.Options{Processes: 2})
			m := newMalformer(int64(len(function)), ofFunction[function]...)
			type taken struct{ payload, reply []byte }
			took := make([]taken, payloads)
			var refused atomic.Int64
			group, ctx := errgroup.WithContext(t.Context())
			group.SetLimit(4)
			for n := range payloads {
				payload := m.payload()
				group.Go(func() error {
					reply, err := s.Invoke(ctx, function, payload)
					var failed *lambdahost.FunctionError
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
			k, a := scan(t, s), account{by: map[string]int{}}
			for n, one := range took {
				if one.payload == nil {
					continue
				}
				if err := a.enter(k, function, n, one.payload, one.reply); err != nil {
					t.Errorf("payload %d: %v\n%.300q", n, err, one.payload)
				}
			}
			t.Logf("%d payloads: %d messages kept, %d nothing to keep of, %d refused alone, %d with their payload", payloads, a.kept, a.passed, a.refused, refused.Load())
			if a.kept < payloads/20 || int(refused.Load()) < payloads/20 {
				t.Error("nearly all ended alike: the payloads prove nothing")
			}
		})
	}
}

// What a function refuses, Lambda gives up after its retries: then the record in
// the dead-letter queue has the payload's bytes and the reason.
func TestRefusedPayloadsAreDeadLetters(t *testing.T) {
	s := startStack(t, local.Options{Processes: 2, RetryDelay: time.Millisecond})
	want := map[string]int{}
	for _, function := range slices.Sorted(maps.Keys(ofFunction)) {
		m := newMalformer(99, ofFunction[function]...)
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
