package chimesdk_test

import (
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmediapipelines"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	client "github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/internal/watchdog"
	"github.com/google/go-cmp/cmp"
)

func serve(t *testing.T) (*chimesdk.Pipelines, *client.Client, string) {
	t.Helper()
	api := chimesdk.NewPipelines()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, client.New(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}), server.URL
}

// wantIdentity checks, with the client of AWS, what ours does not read.
func wantIdentity(t *testing.T, url, id, arn string, created time.Time) {
	t.Helper()
	sdk := chimesdkmediapipelines.New(chimesdkmediapipelines.Options{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	out, err := sdk.GetMediaPipeline(t.Context(), &chimesdkmediapipelines.GetMediaPipelineInput{MediaPipelineId: &id})
	if err != nil {
		t.Fatal(err)
	}
	p := out.MediaPipeline.MediaInsightsPipeline
	if *p.MediaPipelineId != id || *p.MediaPipelineArn != arn || !p.CreatedTimestamp.Equal(created) {
		t.Errorf("got %s, %s, created at %s, want %s, %s, %s", *p.MediaPipelineId, *p.MediaPipelineArn, p.CreatedTimestamp,
			id, arn, created)
	}
}

func TestChimeAPIClient(t *testing.T) {
	api, c, url := serve(t)
	want := watchdog.Answer{ConfigurationARN: "arn:c", Status: "InProgress",
		Elements: []watchdog.AnswerElement{{Type: "S3RecordingSink", Status: "Failed"}},
		Metadata: map[string]string{"k": "v"}}
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	api.Set(chimesdk.Pipeline{ID: "p1", ARN: "arn:p1", ConfigurationARN: "arn:c", Status: "InProgress", CreatedAt: created,
		Elements: []chimesdk.Element{{Type: "S3RecordingSink", Status: "Failed"}}, Metadata: map[string]string{"k": "v"}})
	got, err := c.GetPipeline(t.Context(), "p1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	wantIdentity(t, url, "p1", "arn:p1", created)
	if _, err := c.GetPipeline(t.Context(), "p2"); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	api.Refuse(403)
	if _, err := c.GetPipeline(t.Context(), "p1"); err == nil || !strings.Contains(err.Error(), "ForbiddenException") {
		t.Errorf("got %v, want it refused", err)
	}
}

func TestListIsPaged(t *testing.T) {
	api, _, url := serve(t)
	for n := range 100 {
		api.Set(chimesdk.Pipeline{ID: fmt.Sprintf("p%03d", n), ARN: "arn"})
	}
	sdk := chimesdkmediapipelines.New(chimesdkmediapipelines.Options{
		Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	pages := chimesdkmediapipelines.NewListMediaPipelinesPaginator(sdk, &chimesdkmediapipelines.ListMediaPipelinesInput{})
	for _, want := range []struct {
		n    int
		last string
	}{{99, "p098"}, {1, "p099"}} {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := page.MediaPipelines
		if len(got) != want.n {
			t.Fatalf("got a page of %d, want %d", len(got), want.n)
		}
		if last := got[len(got)-1]; *last.MediaPipelineId != want.last || *last.MediaPipelineArn != "arn" {
			t.Errorf("got %s (%s) as the last of a page, want %s", *last.MediaPipelineId, *last.MediaPipelineArn, want.last)
		}
	}
	if pages.HasMorePages() {
		t.Error("got a token of a third page, want none")
	}
}

func TestAWSCLIReadsPipelines(t *testing.T) {
	need.Tool(t, "aws")
	api, _, url := serve(t)
	api.Set(chimesdk.Pipeline{ID: "0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90", ARN: "arn:p1", Status: "Paused",
		CreatedAt: time.Unix(1772366400, 0)})
	cmd := exec.CommandContext(t.Context(), "aws", "chime-sdk-media-pipelines", "get-media-pipeline",
		"--media-pipeline-id", "0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90",
		"--endpoint-url", url, "--query", "MediaPipeline.MediaInsightsPipeline.[Status,MediaPipelineArn]", "--output", "text")
	cmd.Env = append(cmd.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_DEFAULT_REGION=us-east-1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "Paused\tarn:p1" {
		t.Errorf("got %q (%v)", out, err)
	}
}

// The API answers by the events, in whatever order they come, but never instead of what was
// set.
func TestLearn(t *testing.T) {
	api, c, url := serve(t)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := func(id, eventType string, seconds int, elements ...chime.Element) pipeline.State {
		st, err := pipeline.FromEvent(&chime.Event{ID: eventType, Time: start.Add(time.Duration(seconds) * time.Second),
			StateChange: &chime.StateChange{
				EventType: eventType, Elements: elements,
				PipelineARN: "arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id}})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	api.Set(chimesdk.Pipeline{ID: "set", Status: "Stopped"})
	for _, st := range []pipeline.State{
		event("set", chime.EventInProgress, 0), event("created", chime.EventCreated, 0), event("flaky",
			chime.EventTemporaryFailure, 0),
		event("ended", chime.EventStopped, 9, chime.Element{Type: "S3RecordingSink", Status: "Stopped", UpdatedOn: 2}),
		event("ended", chime.EventInProgress, 0, chime.Element{Type: "S3RecordingSink", Status: "InProgress", UpdatedOn: 1}),
		event("novel", "chime:MediaInsightsNovel", 0),
	} {
		api.Learn(st)
	}
	for id, want := range map[string]string{"set": "Stopped", "created": "NotStarted", "flaky": "InProgress",
		"ended": "Stopped"} {
		if got, err := c.GetPipeline(t.Context(), id); err != nil || got.Status != want {
			t.Errorf("%s: got %q (%v), want %s", id, got.Status, err, want)
		}
	}
	got, err := c.GetPipeline(t.Context(), "ended")
	wantIdentity(t, url, "ended", "arn:aws:chime:us-east-1:111122223333:media-pipeline/ended", start)
	want := watchdog.Answer{Status: "Stopped",
		Elements: []watchdog.AnswerElement{{Type: "S3RecordingSink", Status: "Stopped"}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v: want (-), got (+):\n%s", err, diff)
	}
	if _, err := c.GetPipeline(t.Context(), "novel"); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("a pipeline of which nothing is known but its id: got %v, want not found", err)
	}
}
