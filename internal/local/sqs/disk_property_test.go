package sqs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// modelMessage is a message of the model. What is hidden or delayed is so for longer
// than a test lasts.
type modelMessage struct {
	ID, Body        string
	Receives        int
	Hidden, Delayed bool
	handle          string
}

// machine is a queue on disk and the model of it.
type machine struct {
	path    string
	queue   *sqs.Queue
	handler http.Handler
	model   []*modelMessage
}

// open opens the queue as a process that starts does. The one before is not closed, as
// if it had been killed.
func (m *machine) open(t *rapid.T) {
	j, entries, err := journal.Open(m.path)
	if err != nil {
		t.Fatal(err)
	}
	m.queue, err = sqs.Open("events", j, entries, func(err error) { t.Errorf("the disk fails: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	m.handler = sqs.NewService("123456789012", "us-east-1", m.queue).Handler()
}

// call sends a request of the JSON protocol.
func (m *machine) call(t *rapid.T, operation string, in map[string]any, out any) (status int) {
	in["QueueUrl"] = "http://localhost/123456789012/events"
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", "AmazonSQS."+operation)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	if w.Code == http.StatusOK && out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatal(err)
		}
	}
	return w.Code
}

// check compares what the queue holds, and how it counts it, with the model.
func (m *machine) check(t *rapid.T) {
	var got, want []string
	for _, one := range m.queue.Messages() {
		got = append(got, fmt.Sprintf("%s %q %d", one.ID, one.Body, one.Receives))
	}
	visible, inFlight, delayed := 0, 0, 0
	for _, one := range m.model {
		want = append(want, fmt.Sprintf("%s %q %d", one.ID, one.Body, one.Receives))
		switch {
		case one.Hidden && one.Receives > 0:
			inFlight++
		case one.Hidden || one.Delayed:
			delayed++
		default:
			visible++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("holds (-want +got):\n%s", diff)
	}
	var out struct{ Attributes map[string]string }
	m.call(t, "GetQueueAttributes", map[string]any{"AttributeNames": []string{"All"}}, &out)
	for name, want := range map[string]int{
		"ApproximateNumberOfMessages": visible, "ApproximateNumberOfMessagesNotVisible": inFlight,
		"ApproximateNumberOfMessagesDelayed": delayed,
	} {
		if out.Attributes[name] != strconv.Itoa(want) {
			t.Fatalf("%s: got %s, want %d", name, out.Attributes[name], want)
		}
	}
}

// received returns a message of the model that was received since the last start, or nil.
func (m *machine) received(t *rapid.T) *modelMessage {
	var some []*modelMessage
	for _, one := range m.model {
		if one.handle != "" {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		t.Skip("nothing was received")
	}
	return rapid.SampledFrom(some).Draw(t, "message")
}

func (m *machine) drop(one *modelMessage) {
	m.model = slices.DeleteFunc(m.model, func(o *modelMessage) bool { return o == one })
}

// Whatever is sent, received, hidden and deleted, and however often the process
// is killed in between: the queue holds what the model does. A kill only makes visible
// again what was in flight, and forgets how often it was received.
func TestQueueSurvivesKills(t *testing.T) {
	timeouts := rapid.SampledFrom([]int{0, 43200})
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "queue-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{path: filepath.Join(dir, "q.jsonl")}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"send": func(t *rapid.T) {
				body := rapid.StringMatching(`[ -~ä✓<>&]{1,20}`).Draw(t, "body")
				delay := rapid.SampledFrom([]int{0, 900}).Draw(t, "delay")
				var out struct {
					MessageID string `json:"MessageId"`
				}
				if status := m.call(t, "SendMessage", map[string]any{"MessageBody": body, "DelaySeconds": delay},
					&out); status != 200 {
					t.Fatalf("got status %d", status)
				}
				m.model = append(m.model, &modelMessage{ID: out.MessageID, Body: body, Delayed: delay > 0})
			},
			"send any bytes from within": func(t *rapid.T) {
				body := string(rapid.SliceOf(rapid.Byte()).Draw(t, "body"))
				m.model = append(m.model, &modelMessage{ID: m.queue.Send(body, nil), Body: body})
			},
			"receive": func(t *rapid.T) {
				limit, timeout := rapid.IntRange(1, 10).Draw(t, "limit"), timeouts.Draw(t, "timeout")
				var out struct {
					Messages []struct {
						MessageID     string `json:"MessageId"`
						ReceiptHandle string
					}
				}
				m.call(t, "ReceiveMessage", map[string]any{"MaxNumberOfMessages": limit, "VisibilityTimeout": timeout}, &out)
				var want []*modelMessage
				for _, one := range m.model {
					if !one.Hidden && !one.Delayed && len(want) < limit {
						want = append(want, one)
					}
				}
				if len(want) != len(out.Messages) {
					t.Fatalf("got %d messages, want %d", len(out.Messages), len(want))
				}
				for i, one := range want {
					if out.Messages[i].MessageID != one.ID {
						t.Fatalf("message %d: got %s, want %s", i, out.Messages[i].MessageID, one.ID)
					}
					one.Receives, one.Hidden, one.handle = one.Receives+1, timeout > 0, out.Messages[i].ReceiptHandle
				}
			},
			"change visibility": func(t *rapid.T) {
				one, timeout := m.received(t), timeouts.Draw(t, "timeout")
				want := http.StatusOK
				if !one.Hidden {
					want = http.StatusBadRequest // it is not in flight
				}
				if got := m.call(t, "ChangeMessageVisibility", map[string]any{"ReceiptHandle": one.handle,
					"VisibilityTimeout": timeout}, nil); got != want {
					t.Fatalf("got status %d, want %d", got, want)
				}
				one.Hidden = one.Hidden && timeout > 0
			},
			"delete": func(t *rapid.T) {
				one := m.received(t)
				if status := m.call(t, "DeleteMessage", map[string]any{"ReceiptHandle": one.handle}, nil); status != 200 {
					t.Fatalf("got status %d", status)
				}
				m.drop(one)
			},
			"kill and start": func(t *rapid.T) {
				torn := rapid.SampledFrom([]string{"", `{"id":"x","value":{"bo`, `{"removed`}).Draw(t, "torn")
				file, err := os.OpenFile(m.path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				if _, err := file.WriteString(torn); err != nil {
					t.Fatal(err)
				}
				m.open(t)
				for _, one := range m.model {
					one.Receives, one.Hidden, one.handle = 0, false, ""
				}
			},
		})
	})
}

// A message that is older than the retention period is removed.
func TestOldMessagesAreRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.jsonl")
	j, _, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for id, age := range map[string]time.Duration{"old": 15 * 24 * time.Hour, "new": 13 * 24 * time.Hour} {
		if err := j.Put(id, map[string]any{"body": id, "sentAt": time.Now().Add(-age)}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := journal.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	q, err := sqs.Open("events", j, entries, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Messages(); len(got) != 1 || got[0].ID != "new" {
		t.Errorf("got %+v, want the new one", got)
	}
	if left, err := journal.Read(path); err != nil || len(left) != 1 {
		t.Errorf("on disk: got %v and error %v, want the new one", left, err)
	}
}

// full is a disk that is full.
type full struct{}

func (full) Put(string, any) error  { return errFull }
func (full) Remove(...string) error { return errFull }

var errFull = fmt.Errorf("no space left on device")

// A message that the disk does not store is refused; what the stack itself sends
// stays in memory, and the failure is reported.
func TestDiskThatFails(t *testing.T) {
	failures := 0
	q, err := sqs.Open("events", full{}, nil, func(error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{queue: q, handler: sqs.NewService("1", "us-east-1", q).Handler()}
	rapid.Check(t, func(t *rapid.T) {
		if status := m.call(t, "SendMessage", map[string]any{"MessageBody": "x"},
			nil); status != http.StatusInternalServerError {
			t.Errorf("got status %d, want 500", status)
		}
	})
	id := q.Send("kept in memory", nil)
	if got := q.Messages(); len(got) != 1 || got[0].ID != id || failures < 2 {
		t.Errorf("got %v and %d failures reported, want the message and each failure", got, failures)
	}
	if q.Delete(id); len(q.Messages()) != 0 {
		t.Error("the message is still there")
	}
}
