package dynamo_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// stingy is a client whose table returns at most few items of a query at once, as
// DynamoDB does beyond a mebibyte, and leaves most keys of a batch unread, as it does
// when it is pressed.
type stingy struct {
	*dynamodb.Client
	few int
}

func (s stingy) Query(ctx context.Context, in *dynamodb.QueryInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if in.Limit == nil {
		part := *in
		part.Limit = aws.Int32(int32(s.few))
		in = &part
	}
	return s.Client.Query(ctx, in, opts...)
}

func (s stingy) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	now, left := map[string]types.KeysAndAttributes{}, map[string]types.KeysAndAttributes{}
	for table, asked := range in.RequestItems {
		n := min(s.few, len(asked.Keys))
		some, others := asked, asked
		some.Keys, others.Keys = asked.Keys[:n], asked.Keys[n:]
		if now[table] = some; len(others.Keys) > 0 {
			left[table] = others
		}
	}
	out, err := s.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: now}, opts...)
	if err == nil {
		maps.Copy(left, out.UnprocessedKeys)
		out.UnprocessedKeys = left
	}
	return out, err
}

// Whatever the table returns at once, every reading is whole.
func TestEveryReadingIsWhole(t *testing.T) {
	db := faultinject.Server(t)
	world := faultinject.NewWorld(t, db)
	s := at(world.Process(), noon)
	const many = 7
	change := func(n int, eventType string, minute int) *chime.Event {
		return parse(t, fmt.Appendf(nil, `{
			"id":"e-%d-%d", "detail-type":%q, "source":"aws.chime", "account":"111122223333", "region":"us-east-1", "time":%q,
			"detail":{"eventType":%q, "callId":"c", "transactionId":"t", "voiceConnectorId":"vc",
				"mediaInsightsPipelineArn":"arn:aws:chime:us-east-1:111122223333:media-pipeline/p-%d"}}`,
			n, minute, chime.DetailStateChange, noon.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339), eventType, n))
	}
	record := func(ev *chime.Event) {
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	for n := range many {
		for minute := range 4 {
			record(change(n, chime.EventInProgress, minute))
		}
		record(change(n, chime.EventStopped, 10_000)) // which is yet to come
		mustJoin(t, s, incident.Report{Group: incident.Group{Scope: "voice-connector/vc", Element: fmt.Sprint("Sink", n)},
			Occurrence: incident.Occurrence{PipelineID: "p-0", CallID: "c", At: noon}})
		mustJoin(t, s, incident.Report{Group: incident.Group{Scope: "voice-connector/vc"},
			Occurrence: incident.Occurrence{PipelineID: fmt.Sprint("p-", n), At: noon}})
		match := parse(t, fmt.Appendf(nil, `{"id":"m-%d","detail-type":%q,"source":"aws.chime","time":%q,
			"detail":{"ruleName":"r","transactionId":"t","callId":"c"}}`,
			n, chime.DetailRulesMatched, noon.Add(time.Duration(n)*time.Second).Format(time.RFC3339)))
		if err := s.RecordMatch(t.Context(), match, "x"); err != nil {
			t.Fatal(err)
		}
		enter(t, s, voicetask.Entry{Kind: voicetask.Granted, At: noon, Event: fmt.Sprint("g", n), By: "me",
			Scope: voicetask.ScopeBoth, TransactionID: "t"})
		notice := notify.Notification{ID: fmt.Sprint("rule-match/t/r/", n), Kind: "rule-match"}
		ofCall := dynamo.PartitionOfMatches(rulematch.Key{Scope: rulematch.Transaction, ID: "t"})
		if err := once(t.Context(), s, ofCall, notice, "me", nothing); err != nil {
			t.Fatal(err)
		}
	}
	st, err := s.Pipeline(t.Context(), "p-0")
	if err != nil {
		t.Fatal(err)
	}
	group := incident.Group{Scope: "voice-connector/vc"}.ID() + ".1"
	readings := map[string]func(*dynamo.Store) (any, int, error){
		"Find": func(s *dynamo.Store) (any, int, error) {
			list, err := s.Find(t.Context(), "t")
			return list, len(list), err
		},
		"History": func(s *dynamo.Store) (any, int, error) {
			list, err := s.History(t.Context(), "p-0")
			return list, len(list) + many - 5, err
		},
		"Known": func(s *dynamo.Store) (any, int, error) {
			known, ok, err := s.Known(t.Context(), st)
			if !ok || !known.UpdatedAt().Equal(noon.Add(3*time.Minute)) {
				return known, 0, err
			}
			return known, many, err
		},
		"Open": func(s *dynamo.Store) (any, int, error) {
			list, err := s.Open(t.Context())
			return list, len(list), err
		},
		"List": func(s *dynamo.Store) (any, int, error) {
			page, err := s.List(t.Context(), pipeline.Query{})
			return page, len(page.States), err
		},
		"Matches": func(s *dynamo.Store) (any, int, error) {
			list, err := s.Matches(t.Context(), pipeline.State{CallFields: chime.CallFields{TransactionID: "t"}})
			return list, len(list), err
		},
		"CountMatches": func(s *dynamo.Store) (any, int, error) {
			n, _, err := s.CountMatches(t.Context(), rulematch.Key{Scope: rulematch.Transaction, ID: "t", Rule: "r"})
			return n, n, err
		},
		"MatchNotifications": func(s *dynamo.Store) (any, int, error) {
			list, err := s.MatchNotifications(t.Context(), chime.CallFields{TransactionID: "t"})
			return list, len(list), err
		},
		"IncidentsOf": func(s *dynamo.Store) (any, int, error) {
			list, err := s.IncidentsOf(t.Context(), "p-0")
			return list, len(list) - 1, err
		},
		"Tally": func(s *dynamo.Store) (any, int, error) {
			tally, err := s.CountOccurrences(t.Context(), group)
			return tally, tally.Calls, err
		},
		"Ledger": func(s *dynamo.Store) (any, int, error) {
			ledger, err := s.Ledger(t.Context(), "t")
			return ledger, len(ledger), err
		},
		"Belongings": func(s *dynamo.Store) (any, int, error) {
			b, err := s.Belongings(t.Context(), "t")
			return b.Counts(), b.Counts()[dynamo.KindPipeline], err
		},
	}
	whole := dynamo.New(db, world.Table, dynamo.Options{Retention: time.Hour,
		Now: func() time.Time { return noon.Add(4 * time.Minute) }})
	for name, read := range readings {
		t.Run(name, func(t *testing.T) {
			want, n, err := read(whole)
			if err != nil || n != many {
				t.Fatalf("got %d things (%v), want %d: %+v", n, err, many, want)
			}
			for few := 1; few <= 3; few++ {
				parts := dynamo.New(stingy{db, few}, world.Table, dynamo.Options{Retention: time.Hour,
					Now: func() time.Time { return noon.Add(4 * time.Minute) }})
				got, _, err := read(parts)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d at once (-whole +got):\n%s", few, diff)
				}
			}
		})
	}
}
