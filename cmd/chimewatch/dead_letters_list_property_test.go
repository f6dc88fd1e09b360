package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
)

// A list shows the newest dead letters of all queues, counts them and those that another reader has, and hides
// none. As JSON it is an array without bodies.
func TestListOfDeadLetters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newDeadLetterStack(t)
		free, taken := []string{}, 0
		for i := range rapid.IntRange(0, 14).Draw(rt, "dead letters") {
			s.send(rapid.IntRange(0, 2).Draw(rt, "queue"), fmt.Sprint("event-", i))
			time.Sleep(2 * time.Millisecond) // SQS counts milliseconds
		}
		var messages []localsqs.Message
		for i, q := range s.queues {
			held := []string{}
			if n := rapid.IntRange(0, 5).Draw(rt, "with another reader"); n > 0 {
				held = s.receiveElsewhere(rt, i, n)
			}
			taken += len(held)
			for _, m := range q.Messages() {
				if !slices.Contains(held, m.ID) {
					messages = append(messages, m)
				}
			}
		}
		slices.SortFunc(messages, func(a, b localsqs.Message) int { return b.SentAt.Compare(a.SentAt) })
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		for _, m := range messages[:min(len(messages), limit)] {
			free = append(free, m.ID)
		}

		got := s.run("list", "-o", "json", "-n", fmt.Sprint(limit))
		var reports []deadLetterReport
		if err := json.Unmarshal([]byte(got.stdout), &reports); err != nil || got.code != exitDone {
			rt.Fatalf("got exit code %d, %q, %q (%v)", got.code, got.stdout, got.stderr, err)
		}
		ids := []string{}
		for _, r := range reports {
			ids = append(ids, r.ID)
		}
		if !slices.Equal(ids, free) {
			rt.Fatalf("got the dead letters %v, want the newest of all queues: %v", ids, free)
		}
		noNumbers(t, "list", got, "4155550160")
		if strings.Contains(got.stdout, "requestPayload") {
			rt.Fatalf("got %q, want no bodies", got.stdout)
		}
		text := s.run("list", "-n", fmt.Sprint(limit))
		if want := fmt.Sprintf("%d here", len(messages)); text.code != exitDone || !strings.Contains(text.stderr, want) {
			rt.Fatalf("got %d and %q, want %q", text.code, text.stderr, want)
		}
		for _, stderr := range []string{got.stderr, text.stderr} {
			if said := strings.Contains(stderr, fmt.Sprintf("; %d more ", taken)); said != (taken > 0) {
				rt.Fatalf("got %q, want it to count the %d with another reader", stderr, taken)
			}
			if said := strings.Contains(stderr,
				fmt.Sprintf("the newest %d are listed", limit)); said != (len(messages) > limit) {
				rt.Fatalf("got %q for %d dead letters, want it to say whether that is all", stderr, len(messages))
			}
		}
		if n := s.visible(rt); n != len(messages) || s.hidden > 60 {
			rt.Fatalf("got %d visible, hidden for up to %.0f s, want %d and a minute at most", n, s.hidden, len(messages))
		}
	})
}
