package chimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// recorder is the network: it records the requests and answers as respond returns, by
// default that there is nothing.
type recorder struct {
	requests []*http.Request
	bodies   []string
	respond  func(n int) (status int, header http.Header, body string)
}

func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, request)
	if request.Body != nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		r.bodies = append(r.bodies, string(body))
	}
	status, header, body := http.StatusNotFound, http.Header{}, `{"Code":"NotFoundException"}`
	if r.respond != nil {
		status, header, body = r.respond(len(r.requests))
	}
	answer := io.NopCloser(strings.NewReader(body))
	return &http.Response{StatusCode: status, Header: header, Body: answer, Request: request}, nil
}

// loaded is the configuration that a function reads from its environment.
func loaded(t *testing.T, region string, env map[string]string, options ...func(*config.LoadOptions) error) aws.Config {
	t.Helper()
	for _, name := range []string{
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CHIME_SDK_VOICE",
		"AWS_ENDPOINT_URL_CHIME_SDK_MEDIA_PIPELINES", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_PROFILE", "AWS_CA_BUNDLE",
	} {
		t.Setenv(name, "") // for the cleanup: an empty endpoint is not the same as none
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, os.DevNull)
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), append(options, config.WithRegion(region),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("id", "secret", "token")))...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestRequestsGoWhereTheSDKSendsThem(t *testing.T) {
	const pipelines, voice = "media-pipelines-chime", "voice-chime"
	for _, tt := range []struct {
		name, region   string
		env            map[string]string
		pipeline, task string // where requests go
	}{
		{"a Region", "us-west-2", nil,
			"https://" + pipelines + ".us-west-2.amazonaws.com", "https://" + voice + ".us-west-2.amazonaws.com"},
		{"another partition", "cn-north-1", nil,
			"https://" + pipelines + ".cn-north-1.amazonaws.com.cn", "https://" + voice + ".cn-north-1.amazonaws.com.cn"},
		{"FIPS", "us-east-1", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"},
			"https://" + pipelines + "-fips.us-east-1.amazonaws.com", "https://" + voice + "-fips.us-east-1.amazonaws.com"},
		{"dual stack", "us-east-1", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"},
			"https://" + pipelines + ".us-east-1.api.aws", "https://" + voice + ".us-east-1.api.aws"},
		{"one address for all", "us-east-1", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4100/base"},
			"http://127.0.0.1:4100/base", "http://127.0.0.1:4100/base"},
		{"an address for voice", "us-east-1", map[string]string{"AWS_ENDPOINT_URL_CHIME_SDK_VOICE": "http://127.0.0.1:1"},
			"https://" + pipelines + ".us-east-1.amazonaws.com", "http://127.0.0.1:1"},
		{"an address for each", "us-east-1", map[string]string{
			"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_CHIME_SDK_VOICE": "http://127.0.0.1:2",
			"AWS_ENDPOINT_URL_CHIME_SDK_MEDIA_PIPELINES": "http://127.0.0.1:3",
		}, "http://127.0.0.1:3", "http://127.0.0.1:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			network := &recorder{}
			c := chimeapi.New(loaded(t, tt.region, tt.env, config.WithHTTPClient(network)))
			tasks := chimeapi.VoiceTasks{API: c, DomainID: "d"}
			start := func(task voicetask.Task) func() error {
				return func() error {
					_, err := tasks.Start(t.Context(), voicetask.Entry{
						Task: task, VoiceConnectorID: "v/1", TransactionID: "t", Token: "k-1",
					})
					return err
				}
			}
			status := func(task voicetask.Task) func() error {
				return func() error {
					_, err := tasks.Status(t.Context(), voicetask.Entry{Task: task, VoiceConnectorID: "v", TaskID: "k"})
					return err
				}
			}
			for _, step := range []struct {
				name, want string
				call       func() error
			}{
				{"GetMediaPipeline", "GET " + tt.pipeline + "/sdk-media-pipelines/p%201", func() error {
					_, err := c.GetPipeline(t.Context(), "p 1")
					return err
				}},
				{"StartSpeakerSearchTask", "POST " + tt.task + "/voice-connectors/v%2F1/speaker-search-tasks",
					start(voicetask.SpeakerSearch)},
				{"StartVoiceToneAnalysisTask", "POST " + tt.task + "/voice-connectors/v%2F1/voice-tone-analysis-tasks",
					start(voicetask.VoiceTone)},
				{"GetSpeakerSearchTask", "GET " + tt.task + "/voice-connectors/v/speaker-search-tasks/k",
					status(voicetask.SpeakerSearch)},
				{"GetVoiceToneAnalysisTask",
					"GET " + tt.task + "/voice-connectors/v/voice-tone-analysis-tasks/k?isCaller=true",
					status(voicetask.VoiceTone)},
			} {
				network.requests = nil
				if err := step.call(); apperr.ClassOf(err) != apperr.NotFound || !strings.Contains(err.Error(), step.name) {
					t.Errorf("%s: got %v, want what the network answers, and the operation named", step.name, err)
				}
				if len(network.requests) != 1 {
					t.Fatalf("%s: got %d requests, want one", step.name, len(network.requests))
				}
				r := network.requests[0]
				if got := r.Method + " " + r.URL.String(); got != step.want {
					t.Errorf("%s: got %s, want %s", step.name, got, step.want)
				}
				auth, token := r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
				if !strings.Contains(auth, "/"+tt.region+"/chime/aws4_request") || token != "token" {
					t.Errorf("%s: got the authorization %q, want a signature for chime in %s", step.name, auth, tt.region)
				}
			}
		})
	}
}

// A stop asks for its task, and only for its task where the service does not know it.
func TestStopRequests(t *testing.T) {
	for task, path := range map[voicetask.Task]string{
		voicetask.SpeakerSearch: "speaker-search-tasks", voicetask.VoiceTone: "voice-tone-analysis-tasks",
	} {
		network := &recorder{}
		api := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network)))
		ended, err := chimeapi.VoiceTasks{API: api}.Stop(t.Context(),
			voicetask.Entry{Task: task, VoiceConnectorID: "v", TaskID: "k"})
		if err != nil || !strings.HasPrefix(ended, "NotFoundException") || len(network.requests) != 1 {
			t.Fatalf("%s: got %q and %v after %d requests, want it ended", task, ended, err, len(network.requests))
		}
		r, want := network.requests[0], "/voice-connectors/v/"+path+"/k?operation=stop"
		if got := r.Method + " " + r.URL.RequestURI(); got != "POST "+want {
			t.Errorf("%s: got %s, want POST %s", task, got, want)
		}
	}
}

// A start names its call and its token, and leaves out what the API reference has
// as optional.
func TestStartRequests(t *testing.T) {
	network := &recorder{}
	api := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network)))
	for _, task := range voicetask.Tasks() {
		_, _ = chimeapi.VoiceTasks{API: api, DomainID: "d"}.Start(t.Context(),
			voicetask.Entry{Task: task, VoiceConnectorID: "v", TransactionID: "t", Token: "k-1"})
	}
	want := []string{
		`{"ClientRequestToken":"k-1","TransactionId":"t","VoiceProfileDomainId":"d"}`,
		`{"ClientRequestToken":"k-1","LanguageCode":"en-US","TransactionId":"t"}`,
	}
	if diff := cmp.Diff(want, network.bodies); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// What the service cannot be asked is refused before it is sent.
func TestRequestsWithoutAnIDAreInvalid(t *testing.T) {
	network := &recorder{}
	c := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network)))
	if _, err := c.GetPipeline(t.Context(), ""); apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no pipeline: got %v, want it invalid", err)
	}
	_, err := chimeapi.VoiceTasks{API: c}.Stop(t.Context(), voicetask.Entry{Task: voicetask.VoiceTone, TaskID: "k"})
	if apperr.ClassOf(err) != apperr.Invalid {
		t.Errorf("no Voice Connector: got %v, want it invalid", err)
	}
	if len(network.requests) != 0 {
		t.Errorf("got %d requests, want none", len(network.requests))
	}
}

// A wrong clock is corrected by the service's, as the SDK does it.
func TestWrongClockIsCorrected(t *testing.T) {
	network := &recorder{respond: func(n int) (int, http.Header, string) {
		ahead := http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
		if n == 1 {
			return http.StatusForbidden, ahead, `{"__type":"InvalidSignatureException"}`
		}
		return http.StatusOK, ahead, `{"MediaPipeline":{"MediaInsightsPipeline":{"MediaPipelineId":"p1"}}}`
	}}
	c := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network)))
	if _, err := c.GetPipeline(t.Context(), "p1"); err != nil || len(network.requests) != 2 {
		t.Fatalf("got %v after %d requests, want the second one to succeed", err, len(network.requests))
	}
	signed, err := time.Parse("20060102T150405Z", network.requests[1].Header.Get("X-Amz-Date"))
	if ahead := time.Until(signed); err != nil || ahead < 50*time.Minute {
		t.Errorf("got the second request signed %s from now (%v), want by the service's clock, an hour", ahead, err)
	}
}

// The environment decides how often a call is tried; a service that always fails uses up
// what the SDK allows for all calls together.
func TestTriesAreTheSDKs(t *testing.T) {
	down := func(int) (int, http.Header, string) { return http.StatusInternalServerError, http.Header{}, `{}` }
	t.Run("as the environment says", func(t *testing.T) {
		network := &recorder{respond: down}
		c := chimeapi.New(loaded(t, "us-east-1", map[string]string{"AWS_MAX_ATTEMPTS": "1"}, config.WithHTTPClient(network)))
		_, err := c.GetPipeline(t.Context(), "p1")
		if apperr.ClassOf(err) != apperr.Unavailable || len(network.requests) != 1 {
			t.Errorf("got %v after %d requests, want one", err, len(network.requests))
		}
	})
	t.Run("until the quota is used up", func(t *testing.T) {
		network := &recorder{respond: down}
		c := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network), config.WithRetryer(impatient)))
		tries := func() int {
			before := len(network.requests)
			_, err := c.GetPipeline(t.Context(), "p1")
			if apperr.ClassOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), "500") {
				t.Errorf("got %v, want the service's failure", err)
			}
			return len(network.requests) - before
		}
		if first := tries(); first != 3 {
			t.Errorf("got %d tries of the first call, want 3", first)
		}
		for range 60 {
			tries()
		}
		if last := tries(); last != 1 {
			t.Errorf("got %d tries once most calls have failed, want 1", last)
		}
	})
}

// Each try ends by itself, whatever time the caller has, and the call ends long before a
// Lambda function does.
func TestServersThatNeverAnswerAreGivenUp(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, tt := range []struct {
		name     string
		serve    http.HandlerFunc
		try, all time.Duration
		tries    int
	}{
		{"nothing comes", hang, 50 * time.Millisecond, time.Minute, 3},
		{"half an answer comes", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, `{"MediaPipeline":`)
			_ = http.NewResponseController(w).Flush()
			hang(w, r)
		}, 50 * time.Millisecond, time.Minute, 3},
		{"no time for another try", hang, time.Minute, 100 * time.Millisecond, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := loaded(t, "us-east-1", nil, config.WithRetryer(impatient)) // with the HTTP client of the SDK
			url, tries := listen(t, tt.serve)
			cfg.BaseEndpoint = &url
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			_, err := chimeapi.NewWithTimes(cfg, tt.try, tt.all).GetPipeline(ctx, "p1")
			if apperr.ClassOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), "GetMediaPipeline") {
				t.Errorf("got %v, want it unavailable, and the operation named", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s, want it given up", took)
			}
			if got := tries(); got != tt.tries {
				t.Errorf("got %d tries, want %d", got, tt.tries)
			}
		})
	}
}

// deadlines is a network that records the timeout of each request.
type deadlines struct{ within []time.Duration }

var errDown = errors.New("the network is down")

func (d *deadlines) Do(r *http.Request) (*http.Response, error) {
	deadline, _ := r.Context().Deadline()
	d.within = append(d.within, time.Until(deadline))
	return nil, errDown
}

func TestTriesMayTakeTenSeconds(t *testing.T) {
	network := &deadlines{}
	c := chimeapi.New(loaded(t, "us-east-1", nil, config.WithHTTPClient(network), config.WithRetryer(impatient)))
	if _, err := c.GetPipeline(t.Context(), "p1"); !errors.Is(err, errDown) || apperr.ClassOf(err) != apperr.Unavailable {
		t.Errorf("got %v, want the network down", err)
	}
	if len(network.within) != 3 {
		t.Errorf("got %d tries, want 3", len(network.within))
	}
	for _, within := range network.within {
		if within > 10*time.Second || within < 9*time.Second {
			t.Errorf("got %s for a try, want 10 s", within)
		}
	}
}
