package dynamo_test

import (
	"context"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// counting is a client that counts the reads of single items.
type counting struct {
	*dynamodb.Client
	reads int
}

func (c *counting) GetItem(ctx context.Context, in *dynamodb.GetItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	c.reads++
	return c.Client.GetItem(ctx, in, opts...)
}

func table(t *testing.T) *dynamodb.Client {
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
	return dynalite.Client(server.URL(), "us-east-1")
}

// story is a pipeline's events in order: five examples of one call.
func story(t *testing.T) []*chime.Event {
	t.Helper()
	var events []*chime.Event
	for i, name := range []string{"created", "in-progress", "paused", "temporary-failure", "stopped"} {
		example, err := schemas.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := chime.Parse(example.Body)
		if err != nil {
			t.Fatal(err)
		}
		ev.Time = ev.Time.Truncate(time.Hour).Add(time.Duration(i) * time.Minute)
		events = append(events, ev)
	}
	return events
}

func TestEveryDeliveryEndsInTheSameTable(t *testing.T) {
	db := table(t)
	events := story(t)
	var want pipeline.State
	for _, ev := range events {
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			t.Fatal(err)
		}
		want = pipeline.Merge(want, st)
	}
	for seed := range 12 {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			name := fmt.Sprintf("calls-%d", seed)
			if err := dynalite.EnsureTable(t.Context(), db, name, dynamo.Definition()); err != nil {
				t.Fatal(err)
			}
			s := dynamo.New(db, name, dynamo.Options{})
			random := rand.New(rand.NewSource(int64(seed)))
			deliveries := append(append([]*chime.Event{}, events...), events[random.Intn(len(events))],
				events[random.Intn(len(events))])
			random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
			var group errgroup.Group
			for _, ev := range deliveries {
				if seed%2 == 0 { // at once
					group.Go(func() error { return pipeline.RecordEvent(t.Context(), s, ev) })
				} else if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			for _, ref := range []string{want.ID, want.PipelineARN, want.CallID, want.TransactionID} {
				found, err := s.Find(t.Context(), ref)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]pipeline.State{want}, found); diff != "" {
					t.Fatalf("found by %s, want (-), got (+):\n%s", ref, diff)
				}
			}
			history, err := s.History(t.Context(), want.ID)
			if err != nil {
				t.Fatal(err)
			}
			if len(history) != len(events) {
				t.Errorf("got %d events, want %d", len(history), len(events))
			}
			for i, record := range history {
				if record.ID != events[i].ID || string(record.Body) != string(events[i].Raw) {
					t.Errorf("event %d: got %s, want %s with its bytes", i, record.ID, events[i].ID)
				}
			}
		})
	}
}

func TestEventsInOrderReadNothing(t *testing.T) {
	db := &counting{Client: table(t)}
	if err := dynalite.EnsureTable(t.Context(), db.Client, "calls", dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	s := dynamo.New(db, "calls", dynamo.Options{Retention: time.Hour})
	for _, ev := range story(t) {
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	if db.reads != 0 {
		t.Errorf("got %d reads, want none", db.reads)
	}
}
