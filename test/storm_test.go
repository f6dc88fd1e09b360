package test

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
)

// startStack starts the local stack with the real functions.
func startStack(t *testing.T, o local.Options) *local.Stack {
	t.Helper()
	needNode(t)
	o.Dir, o.Functions = t.TempDir(), functionBinaries(t)
	s, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// pipelineARNs is the beginning of the ARNs of pipelines in the account of the local stack.
const pipelineARNs = "arn:aws:chime:us-east-1:123456789012:media-pipeline/"

// stateChange returns an event of the call n on a Voice Connector.
func stateChange(
	t *testing.T, connector string, n int, eventType, reason string, at time.Time, status string,
) []byte {
	t.Helper()
	pipeline := fmt.Sprintf("%08d-0000-4000-8000-%012x", n, []byte(connector)[:6])
	detail := map[string]any{
		"version": "0", "eventType": eventType, "voiceConnectorId": connector,
		"callId":                   fmt.Sprintf("call-%s-%d", connector, n),
		"transactionId":            fmt.Sprintf("transaction-%s-%d", connector, n),
		"mediaInsightsPipelineArn": pipelineARNs + pipeline,
		"fromNumber":               "+12065550100", "toNumber": "+12065550101", "direction": "Inbound",
		"mediaInsightsPipelineElementStatuses": []any{
			map[string]any{"type": "S3RecordingSink", "status": status, "updatedOn": at.UnixMilli()},
		},
	}
	if reason != "" {
		detail["failureReason"] = reason
	}
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprintf("%s-%s-%d", connector, strings.TrimPrefix(eventType, "chime:"), n),
		"detail-type": chime.DetailStateChange, "source": chime.Source, "account": "123456789012",
		"region": "us-east-1", "time": at.UTC().Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// stages counts the messages about each incident on the topics.
func stages(s *local.Stack) map[string]map[string]int {
	counts := map[string]map[string]int{}
	for _, m := range s.Notifications() {
		id := m.Attributes["incident"]
		if counts[id] == nil {
			counts[id] = map[string]int{}
		}
		counts[id][m.Attributes["stage"]]++
	}
	return counts
}

// A thousand calls that fail of one cause, twice each and out of order, and a hundred of
// another, handled by two processes of each function: two incidents, each opened once,
// summarized, and closed once when calls succeed; and every call is counted, once.
func TestFailureStormNotifiesOncePerCause(t *testing.T) {
	c := local.DefaultConfig()
	c.Window, c.Quiet = 2*time.Second, 4*time.Second
	s := startStack(t, local.Options{Config: &c, Processes: 2, RetryDelay: time.Millisecond})
	begin := time.Now().Add(-time.Minute)
	const many, few = 1000, 100
	var events [][]byte
	for n := range many {
		event := stateChange(t, "abcdef1", n, chime.EventPermanentFailure,
			"Access denied when assuming resource access role", begin, "Failed")
		events = append(events, event, event)
	}
	for n := range few {
		events = append(events, stateChange(t, "uvwxyz2", n, chime.EventPermanentFailure,
			"The bucket was deleted", begin, "Failed"))
	}
	rand.New(rand.NewSource(1)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, part := range [][][]byte{events[:len(events)/2], events[len(events)/2:]} {
		if err := s.Put(part...); err != nil {
			t.Fatal(err)
		}
		drainAndWatch(t, s)
	}
	// The cause is repaired: calls are recorded whole on both, after the last failure.
	for _, connector := range []string{"abcdef1", "uvwxyz2"} {
		if err := s.Put(stateChange(t, connector, 5000, chime.EventStopped, "", time.Now(), "Stopped")); err != nil {
			t.Fatal(err)
		}
	}
	closed := func() bool {
		n := 0
		for _, counts := range stages(s) {
			n += counts["closing"]
		}
		return n >= 2
	}
	for limit := time.Now().Add(2 * time.Minute); !closed(); {
		if time.Now().After(limit) {
			t.Fatalf("the incidents are not closed: %v", stages(s))
		}
		drainAndWatch(t, s)
		time.Sleep(100 * time.Millisecond) // windows and the quiet time end by the clock
	}
	table := dynamo.New(s.DynamoDB(), local.TableName, dynamo.Options{})
	list, _, err := table.Incidents(t.Context(), dynamo.IncidentQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || len(stages(s)) != 2 {
		t.Fatalf("got %d incidents and notifications of %d, want 2", len(list), len(stages(s)))
	}
	for _, i := range list {
		want := map[string]int{"voice-connector/abcdef1": many, "voice-connector/uvwxyz2": few}[i.Scope]
		tally, err := table.CountOccurrences(t.Context(), i.ID)
		if err != nil || tally.Calls != want || i.Open() || i.Reopened != 0 {
			t.Errorf("incident %s of %s: got %d calls, open %v, reopened %d (%v), want %d, closed",
				i.ID, i.Scope, tally.Calls, i.Open(), i.Reopened, err, want)
		}
		got := stages(s)[i.ID]
		if got["opening"] != 1 || got["closing"] != 1 || got["summary"] == 0 || got["reopening"] != 0 {
			t.Errorf("incident %s: got the messages %v, want one opening, summaries, one closing", i.ID, got)
		}
		if i.Announced.Calls != want {
			t.Errorf("incident %s: notified of %d calls, want %d", i.ID, i.Announced.Calls, want)
		}
	}
	if n := len(s.DeadLetters()); n != 0 {
		t.Errorf("got %d dead letters, want none", n)
	}
}

func drainAndWatch(t *testing.T, s *local.Stack) {
	t.Helper()
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.RunSchedules(); err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}
