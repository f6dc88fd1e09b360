package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/schemas"
)

// malformer makes malformed payloads of every kind, the same for the same seed. Each has
// ids of its own, so that what was stored of one is never taken for another.
type malformer struct {
	*rand.Rand
	events [][]byte
}

// newMalformer returns a malformer of all examples, which uses those whose detail type is
// one of often most.
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

// identities are the fields by which events are stored, without their last twelve
// characters.
var identities = regexp.MustCompile(`("(?:id|callId|transactionId|taskId|` +
	`mediaInsightsPipelineArn|mediaInsightsPipelineId)": "[^"]*)[^"]{12}"`)

// own returns a text that no other payload has.
func (m *malformer) own() string { return fmt.Sprintf("%012x", m.Int63n(1<<48)) }

// event returns an example as the event of another call.
func (m *malformer) event() []byte {
	return identities.ReplaceAll(m.events[m.Intn(len(m.events))], []byte("${1}"+m.own()+`"`))
}

// payload returns the next payload. One in a hundred has a string of a mebibyte.
func (m *malformer) payload() []byte {
	if m.Intn(100) == 0 {
		return m.long()
	}
	return []func() []byte{
		m.truncated, m.flipped, m.retyped, m.retyped, m.nested, m.invalidUTF8, m.hugeNumber, m.duplicateKey, m.wrapped,
		m.rubbish,
	}[m.Intn(10)]()
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
	odd := []any{
		nil, true, -1, 1e300, "", "\u0000\u202e" + m.own(), []any{}, map[string]any{},
		[]any{map[string]any{"status": "Failed"}}, strings.Repeat("9", 40) + m.own(),
	}[m.Intn(10)]
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

// into inserts text after the opening brace of the event's detail.
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
	number := []string{
		"1e999999", "-1e-999999", strings.Repeat("7", 1000), "0." + strings.Repeat("3", 1000), "-0", "1E400",
	}[m.Intn(6)]
	if m.Intn(2) == 0 {
		return m.into(`"big":` + number + ",")
	}
	return bytes.Replace(m.event(), []byte(`"updatedOn":`), []byte(`"updatedOn":`+number+`,"was":`), 1)
}

func (m *malformer) duplicateKey() []byte {
	return m.into([]string{
		`"eventType":"chime:MediaInsightsStopped",`, `"mediaInsightsPipelineArn":7,`, `"callId":null,`,
		`"version":"9","version":"9",`, `"ruleName":"twice",`,
	}[m.Intn(5)])
}

func (m *malformer) long() []byte { return m.into(`"long":"` + strings.Repeat("x", 1<<20) + `",`) }

// wrapped puts an event or rubbish into the envelope of a queue, topic or stream.
func (m *malformer) wrapped() []byte {
	body := m.event()
	if m.Intn(2) == 0 {
		body = m.rubbish()
	}
	type object = map[string]any
	sns := object{
		"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": string(body),
	}
	records := func(all ...any) []byte { return m.write(object{"Records": all}) }
	switch m.Intn(5) {
	case 0:
		return records(object{"eventSource": "aws:sqs", "messageId": "1", "body": string(body)})
	case 1:
		return records(object{"EventSource": "aws:sns", "Sns": sns})
	case 2:
		data := base64.StdEncoding.EncodeToString(body) + strings.Repeat("!", m.Intn(2))
		return records(object{"eventSource": "aws:kinesis", "kinesis": object{"sequenceNumber": "7", "data": data}})
	case 3:
		return records(object{"eventSource": "aws:sqs", "messageId": "1", "body": string(m.write(sns))}, nil, 7)
	}
	return m.write(object{
		"version": "1.0", "requestPayload": json.RawMessage(m.event()),
		"requestContext": object{"condition": "RetriesExhausted"},
	})
}

func (m *malformer) rubbish() []byte {
	switch m.Intn(6) {
	case 0:
		return []byte([]string{
			"", "null", "[]", "{}", `""`, "0", "true", `{"Records":[]}`, `{"Records":null}`, "\ufeff{}", "{}{}", "nul",
		}[m.Intn(12)])
	case 1:
		b := make([]byte, m.Intn(300))
		m.Read(b)
		return b
	}
	e := m.event()
	m.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
	return e
}
