package chimeapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/watchdog"
	"github.com/google/go-cmp/cmp"
)

// answers serves one answer after the other and records the requests.
type answers struct {
	list     []string // status, a space, the body
	requests []*http.Request
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests = append(a.requests, r)
	answer := a.list[min(len(a.requests), len(a.list))-1]
	status, body, _ := strings.Cut(answer, " ")
	code := 0
	_, _ = fmt.Sscan(status, &code)
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}

func client(t *testing.T, list ...string) (*chimeapi.Client, *answers) {
	t.Helper()
	a := &answers{list: list}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return chimeapi.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Retryer: impatient,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "token"),
	}), a
}

// impatient is the SDK's retryer, but for the time between tries.
func impatient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
}

// listen serves and counts the requests.
func listen(t *testing.T, serve http.HandlerFunc) (url string, requests func() int) {
	t.Helper()
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int { return int(n.Load()) }
}

const insights = `200 {"MediaPipeline":{"MediaInsightsPipeline":{"MediaPipelineId":"p1","MediaPipelineArn":"arn:p1",
	"MediaInsightsPipelineConfigurationArn":"arn:c","Status":"Paused","CreatedTimestamp":"2026-03-01T12:00:00Z",
	"MediaInsightsRuntimeMetadata":{"callId":"c1"},"ElementStatuses":[{"Type":"S3RecordingSink","Status":"Stopped"},
	{"Type":"VoiceAnalyticsProcessor","Status":"Failed"}]}}}`

func TestGetPipeline(t *testing.T) {
	c, a := client(t, insights)
	got, err := c.GetPipeline(t.Context(), "p 1")
	if err != nil {
		t.Fatal(err)
	}
	want := watchdog.Answer{
		ConfigurationARN: "arn:c", Status: "Paused", Metadata: map[string]string{"callId": "c1"},
		Elements: []watchdog.AnswerElement{
			{Type: "S3RecordingSink", Status: "Stopped"}, {Type: "VoiceAnalyticsProcessor", Status: "Failed"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
	r := a.requests[0]
	if r.Method != http.MethodGet || r.URL.EscapedPath() != "/sdk-media-pipelines/p%201" {
		t.Errorf("got %s %s", r.Method, r.URL.EscapedPath())
	}
	auth, token := r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
	if !strings.Contains(auth, "/us-east-1/chime/aws4_request") || token != "token" {
		t.Errorf("got the authorization %q, want a signature for chime", auth)
	}
}

func TestErrors(t *testing.T) {
	cases := []struct {
		name         string
		answers      []string
		wantClass    apperr.Class
		wantCode     string
		wantRequests int
	}{
		{"gone", []string{`404 {"Code":"NotFoundException","Message":"no such pipeline"}`},
			apperr.NotFound, "NotFoundException", 1},
		{"of another kind", []string{`200 {"MediaPipeline":{"MediaCapturePipeline":{}}}`}, apperr.NotFound, "", 1},
		{"not the service that answers", []string{`404 <html>no such page</html>`}, apperr.Unavailable, "", 1},
		{"an operation that is not there", []string{`404 {"__type":"UnknownOperationException"}`},
			apperr.Unavailable, "UnknownOperationException", 1},
		{"nothing", []string{`200 {}`}, apperr.Unavailable, "", 1},
		{"refused", []string{`403 {"__type":"x#ForbiddenException"}`}, apperr.Internal, "ForbiddenException", 1},
		{"unknown credentials", []string{`401 {"Code":"UnauthorizedClientException"}`},
			apperr.Internal, "UnauthorizedClientException", 1},
		{"a conflict", []string{`409 {"Code":"ConflictException"}`}, apperr.Conflict, "ConflictException", 1},
		{"over", []string{`410 {"Code":"GoneException"}`}, apperr.Conflict, "GoneException", 1},
		{"makes no sense", []string{`422 {"Code":"UnprocessableEntityException"}`},
			apperr.Conflict, "UnprocessableEntityException", 1},
		{"bad request", []string{`400 {"Code":"BadRequestException"}`}, apperr.Invalid, "BadRequestException", 1},
		{"throttled, then not", []string{`429 {"Code":"ThrottledClientException"}`, insights}, "", "", 2},
		{"throttled all the time", []string{`429 {"Code":"ThrottledClientException"}`},
			apperr.Throttled, "ThrottledClientException", 3},
		{"throttled, without a code", []string{`429 {}`}, apperr.Throttled, "", 1},
		{"down, then up", []string{`503 {}`, `500 no JSON`, insights}, "", "", 3},
		{"down", []string{`500 {"Code":"ServiceFailureException"}`}, apperr.Unavailable, "ServiceFailureException", 3},
		{"no JSON", []string{`200 {`}, apperr.Unavailable, "", 1},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, a := client(t, test.answers...)
			_, err := c.GetPipeline(t.Context(), "p1")
			if got := apperr.ClassOf(err); got != test.wantClass || len(a.requests) != test.wantRequests {
				t.Errorf("got class %q after %d requests (%v), want %q after %d",
					got, len(a.requests), err, test.wantClass, test.wantRequests)
			}
			var api smithy.APIError
			if test.wantCode != "" && (!errors.As(err, &api) || api.ErrorCode() != test.wantCode) {
				t.Errorf("got %v, want the code %q", err, test.wantCode)
			}
			if err != nil && !strings.Contains(err.Error(), "GetMediaPipeline") {
				t.Errorf("got %q, want it to name the operation", err)
			}
		})
	}
}
