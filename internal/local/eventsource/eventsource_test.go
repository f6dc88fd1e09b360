package eventsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// payload is a batch as a function receives it.
type payload struct {
	Records []struct {
		MessageID string `json:"messageId"`
		Body      string
		Kinesis   struct {
			SequenceNumber string
			Data           []byte
		}
	}
}

// function is a function that handles all records but those named bad, and either
// names these in its reply or fails as a whole.
type function struct {
	whole   bool
	batches []string
}

func (f *function) invoke(_ context.Context, body []byte) ([]byte, error) {
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	var texts, bad []string
	for _, r := range p.Records {
		text, id := r.Body, r.MessageID
		if id == "" {
			text, id = string(r.Kinesis.Data), r.Kinesis.SequenceNumber
		}
		texts = append(texts, text)
		if strings.HasPrefix(text, "bad") {
			bad = append(bad, fmt.Sprintf(`{"itemIdentifier":%q}`, id))
		}
	}
	f.batches = append(f.batches, strings.Join(texts, " "))
	if f.whole && len(bad) > 0 {
		return nil, errors.New("it failed")
	}
	return []byte(`{"batchItemFailures":[` + strings.Join(bad, ",") + `]}`), nil
}

// until cancels while the nth batch is handled.
func (f *function) until(n int, cancel func()) eventsource.Invoke {
	return func(ctx context.Context, body []byte) ([]byte, error) {
		reply, err := f.invoke(ctx, body)
		if len(f.batches) == n {
			cancel()
		}
		return reply, err
	}
}

// all is a filter that drops nothing.
func all([]byte) bool { return true }

func put(t *testing.T, s *eventsource.Stream, text string) {
	t.Helper()
	if _, err := s.Put("p", []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestStream(t *testing.T) {
	for _, tt := range []struct {
		name    string
		whole   bool
		records string
		want    []string // the batches
		dead    string
	}{
		{"good", false, "a b c", []string{"a b c"}, ""},
		{"a bad one is tried alone from there on", false, "a bad c", []string{"a bad c", "bad c", "bad c", "c"}, "bad"},
		{"the last one", false, "a bad", []string{"a bad", "bad", "bad"}, "bad"},
		{"two bad ones", false, "bad1 b bad2", []string{"bad1 b bad2", "bad1 b bad2", "bad1 b bad2", "b bad2", "bad2",
			"bad2"}, "bad1 bad2"},
		{"a failure of the whole is bisected", true, "a b bad d", []string{"a b bad d", "a b", "bad d", "bad", "bad", "bad",
			"d"}, "bad"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &function{whole: tt.whole}
			var dead []string
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what is missing must not hang
			defer cancel()
			s := &eventsource.Stream{
				Name: "s", Retry: eventsource.Retry{Times: 2, Delay: time.Microsecond},
				OnFailure: func(r eventsource.Record) { dead = append(dead, string(r.Data)) },
				Invoke:    f.until(len(tt.want), cancel), Filter: all,
			}
			for text := range strings.FieldsSeq(tt.records) {
				put(t, s, text)
			}
			if want := len(strings.Fields(tt.records)); s.Backlog() != want {
				t.Errorf("got a backlog of %d, want %d", s.Backlog(), want)
			}
			s.Run(ctx)
			if s.Backlog() != 0 {
				t.Errorf("got a backlog of %d in the end, want none", s.Backlog())
			}
			if diff := cmp.Diff(tt.want, f.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			if got := strings.Join(dead, " "); got != tt.dead {
				t.Errorf("got %q given up, want %q", got, tt.dead)
			}
		})
	}
}

// A record that does not match the filter is neither passed to the function
// nor waited for, wherever it is among the others.
func TestStreamFilter(t *testing.T) {
	for _, tt := range []struct{ name, records, want string }{
		{"among others", "drop a drop b c drop", "a b c"},
		{"all but one", "drop drop drop a", "a"},
		{"none", "a b", "a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &function{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s := &eventsource.Stream{
				Name: "s", Invoke: f.until(1, cancel), Filter: func(data []byte) bool { return string(data) != "drop" },
			}
			for text := range strings.FieldsSeq(tt.records) {
				put(t, s, text)
			}
			s.Run(ctx)
			if diff := cmp.Diff([]string{tt.want}, f.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			if s.Backlog() != 0 {
				t.Errorf("got a backlog of %d in the end, want none", s.Backlog())
			}
		})
	}
	t.Run("all", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &eventsource.Stream{
			Filter: func([]byte) bool { return false },
			Invoke: func(context.Context, []byte) ([]byte, error) {
				t.Error("the function was invoked, want no invocation without a record")
				return nil, nil
			},
		}
		put(t, s, "drop")
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx) }()
		for deadline := time.Now().Add(time.Minute); s.Backlog() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the record still waits after a minute")
			}
		}
		cancel()
		<-done
	})
}

func TestDataFilter(t *testing.T) {
	matches := eventsource.DataFilter(eventrule.VoiceStreamFilters()...)
	for _, tt := range []struct {
		name, data string
		want       bool
	}{
		{"voice analytics", `{"service-type":"VoiceAnalytics","detail-type":"SpeakerSearchStatus"}`, true},
		{"with space around it", " {\"service-type\": \"VoiceAnalytics\"}\n", true},
		{"call analytics", `{"service-type":"CallAnalytics","detail-type":"Transcribe"}`, false},
		{"no service type", `{"detail-type":"SpeakerSearchStatus"}`, true},
		{"a detail type of ours under another service type",
			`{"service-type":"CallAnalytics","detail-type":"VoiceAnalyticsStatus"}`, true},
		{"the service type deeper down", `{"detail":{"service-type":"VoiceAnalytics"}}`, false},
		{"broken off", `{"service-type":"VoiceAnalytics"`, false},
		{"what closes the record's own object", `1},"data":{"service-type":"VoiceAnalytics"}`, false},
		{"more than one value", `{"service-type":"VoiceAnalytics"}{}`, false},
		{"a text", `"VoiceAnalytics"`, false},
		{"no JSON", "\xf3\x89\x9a\xc2", false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := matches([]byte(tt.data)); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestQueue(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("whole %t", whole), func(t *testing.T) {
			f := &function{whole: whole}
			from, dead := sqs.New("from"), sqs.New("dead")
			for _, body := range []string{"a", "bad", "c"} {
				from.Send(body, nil)
			}
			want, deadLetters := []string{"a bad c", "bad", "bad"}, []string{"bad"}
			if whole {
				want, deadLetters = []string{"a bad c", "a bad c", "a bad c"}, []string{"a", "bad", "c"}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			eventsource.Queue{From: from, Dead: dead, Retry: eventsource.Retry{Times: 2}, Invoke: f.until(len(want),
				cancel)}.Run(ctx)
			if left := from.Messages(); len(left) != 0 {
				t.Errorf("got %d messages left, want none", len(left))
			}
			if diff := cmp.Diff(want, f.batches); diff != "" {
				t.Errorf("batches (-want +got):\n%s", diff)
			}
			var got []string
			for _, m := range dead.Messages() {
				got = append(got, m.Body)
			}
			slices.Sort(got)
			if diff := cmp.Diff(deadLetters, got); diff != "" {
				t.Errorf("dead letters (-want +got):\n%s", diff)
			}
		})
	}
}
