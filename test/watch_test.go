package test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/chimewatch/chimewatch/internal/callview"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The events of the end of three calls are dropped. The watch finds the ends by the API, also
// after the API throttled and failed; a failure that no event reported becomes an incident;
// and a late event replaces that a call was lost.
func TestWatchFindsUnreportedEnds(t *testing.T) {
	s := startStack(t, local.Options{RetryDelay: time.Millisecond, Retries: -1})
	table := dynamo.New(s.DynamoDB(), local.TableName, dynamo.Options{})
	begin := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	const stopped, failed, lost = 1, 2, 3
	id := map[int]string{}
	for _, n := range []int{stopped, failed, lost} {
		event := stateChange(t, "abcdef1", n, chime.EventInProgress, "", begin, "InProgress")
		if err := s.Put(event); err != nil {
			t.Fatal(err)
		}
		ev, err := chime.Parse(event)
		if err != nil {
			t.Fatal(err)
		}
		id[n] = pipeline.IDOf(ev)
	}
	sink := func(status string) []chimesdk.Element {
		return []chimesdk.Element{{Type: "S3RecordingSink", Status: status}}
	}
	s.Pipelines().Set(
		chimesdk.Pipeline{ID: id[stopped], Status: "Stopped", Elements: sink("Stopped")},
		chimesdk.Pipeline{ID: id[failed], Status: "Failed", Elements: sink("Failed")},
	)
	// The API throttles every try of a first run, and fails in a second one.
	s.Pipelines().Refuse(429, 429, 429)
	drainAndWatch(t, s)
	named := func() bool {
		log := s.LogTail("watch")
		return strings.Contains(log, "GetMediaPipeline") && strings.Contains(log, "ThrottledClientException")
	}
	// The log of a process is read a moment after its answer.
	for late := time.Now().Add(10 * time.Second); !named() && time.Now().Before(late); {
		time.Sleep(10 * time.Millisecond)
	}
	if !named() {
		t.Errorf("the log of the watch does not name what was refused:\n%s", s.LogTail("watch"))
	}
	s.Pipelines().Refuse(500, 500, 500)
	drainAndWatch(t, s)
	if n := len(s.DeadLetters()); n > 2 {
		t.Errorf("got %d dead letters of two runs that failed", n)
	}
	drainAndWatch(t, s)

	for n, want := range map[int]pipeline.Status{stopped: pipeline.Stopped, failed: pipeline.Failed, lost: pipeline.Lost} {
		st, err := table.Pipeline(t.Context(), id[n])
		if err != nil {
			t.Fatal(err)
		}
		shown := callview.New(st, nil, nil, nil, callview.Options{})
		if st.Status != want || shown.Reconciled == nil || shown.Reconciled.From != "GetMediaPipeline" ||
			shown.Reconciled.Status != want || time.Since(shown.Reconciled.At) > time.Hour {
			t.Errorf("pipeline %d: got %s, reconciled %+v, want %s, just now", n, st.Status, shown.Reconciled, want)
		}
		incidents, err := table.IncidentsOf(t.Context(), id[n])
		if err != nil || (len(incidents) == 1) != (n == failed) {
			t.Errorf("pipeline %d: got the incidents %v (%v)", n, incidents, err)
		}
	}
	if got := stages(s); len(got) != 1 {
		t.Errorf("got notifications about %v, want the one that failed", got)
	}
	asked := s.Pipelines().Lookups()
	drainAndWatch(t, s)
	if again := s.Pipelines().Lookups(); again != asked {
		t.Errorf("the API was asked %d times about calls that have ended", again-asked)
	}

	end := begin.Add(time.Minute)
	if err := s.Put(stateChange(t, "abcdef1", lost, chime.EventStopped, "", end, "Stopped")); err != nil {
		t.Fatal(err)
	}
	drainAndWatch(t, s)
	st, err := table.Pipeline(t.Context(), id[lost])
	if err != nil || st.Status != pipeline.Stopped || !st.EndedAt().Equal(end) {
		t.Errorf("the event of the end came late: got %s ended at %v (%v), want it to count", st.Status, st.EndedAt(), err)
	}
}

// A pipeline with an old event has the status of that event, also after the watch asked the
// API about it.
func TestOldPipelineKeepsItsStatus(t *testing.T) {
	s := startStack(t, local.Options{})
	client := eventbridge.New(eventbridge.Options{
		Region: local.Region, BaseEndpoint: aws.String(s.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(chime.Source), DetailType: aws.String(chime.DetailStateChange),
		Time: aws.Time(time.Now().Add(-100 * time.Hour)),
		Detail: aws.String(`{"eventType": "chime:MediaInsightsInProgress",` +
			`"mediaInsightsPipelineArn": "` + pipelineARNs + `ancient"}`),
	}}})
	if err != nil || out.FailedEntryCount != 0 {
		t.Fatalf("got %+v (%v), want it accepted", out, err)
	}
	drainAndWatch(t, s)
	if n := s.Pipelines().Lookups(); n != 1 {
		t.Fatalf("got %d questions to the API, want one: otherwise nothing is proved", n)
	}
	st, err := dynamo.New(s.DynamoDB(), local.TableName, dynamo.Options{}).Pipeline(t.Context(), "ancient")
	if err != nil || st.Status != pipeline.InProgress {
		t.Errorf("got %s (%v), want it as it was sent", st.Status, err)
	}
}
