package main_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// A mistake of the deployer is reported without a trace, and fails the CDK's command.
func TestMistakesAreReported(t *testing.T) {
	need.Processes(t)
	app := filepath.Join(t.TempDir(), "cdk")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", app, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	topics := httptest.NewServer(http.HandlerFunc(answerTopic))
	t.Cleanup(topics.Close)
	const gone, locked = "arn:aws:sns:us-east-1:111122223333:gone", "arn:aws:sns:us-east-1:111122223333:locked"
	route := func(topic string) string {
		return `{"chimewatch": {"routes": [{"rule": "cancel", "topic": "` + topic + `"}]}}`
	}
	cases := []struct {
		name, folder, context, region string
		want                          []string
	}{
		{"a bad value", "../..", `{"chimewatch": {"architecture": "mips"}}`, "",
			[]string{"context key chimewatch.architecture", `"mips"`, "set arm64 or x86_64"}},
		{"a mistyped key", "../..", `{"chimewatch:produktion": "true"}`, "",
			[]string{"context key chimewatch:produktion", "is not known", "use one of production"}},
		{"a key without its prefix", "../..", `{"production": "true"}`, "",
			[]string{"context key production", "is not read", "-c chimewatch:production=VALUE"}},
		{"a topic that does not exist", "../..", route(gone), "us-east-1",
			[]string{"context key chimewatch.routes[0].topic", gone, "no such topic"}},
		{"a topic with a key of its own", "../..", route(locked), "us-east-1",
			[]string{"context key chimewatch.routes[0].key", "0b4c6a52", "set it to the key's ARN"}},
		{"a topic in another Region", "../..", route(gone), "us-west-2", []string{
			"context key chimewatch.routes[0].topic", "a topic in us-east-1, but the stack is in us-west-2",
		}},
		{"a Region without call analytics", "../..", `{}`, "eu-west-1",
			[]string{"Region eu-west-1", "no call analytics", "us-east-1, us-west-2, eu-central-1"}},
		{"a Region without voice analytics", "../..", `{"chimewatch": {"voiceSources": "sqs"}}`, "eu-central-1",
			[]string{"Region eu-central-1", "voice analytics"}},
		{"a folder without the functions", t.TempDir(), `{}`, "", []string{"go exited with status: 1", "stderr: "}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), app)
			cmd.Dir = test.folder
			// So the CDK's command line passes on the context.
			cmd.Env = append(os.Environ(), "CDK_OUTDIR="+t.TempDir(), "CDK_CONTEXT_JSON="+test.context,
				"CDK_DEFAULT_ACCOUNT=111122223333", "CDK_DEFAULT_REGION="+test.region,
				"AWS_ENDPOINT_URL="+topics.URL, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("got %v, want exit code 1", err)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("got %q, want it to say %q", stderr.String(), want)
				}
			}
			if strings.Contains(stderr.String(), "goroutine ") {
				t.Errorf("got a trace of Go's:\n%s", stderr.String())
			}
		})
	}
}

// answerTopic answers GetTopicAttributes: of a topic that is locked, with its key.
func answerTopic(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("TopicArn") != "" && strings.HasSuffix(r.FormValue("TopicArn"), ":locked") {
		io.WriteString(w, `<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes>`+
			`<entry><key>KmsMasterKeyId</key><value>0b4c6a52-2f4e-4d2a-9f6b-3f4d0a1b2c3d</value></entry>`+
			`</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code>`+
		`<Message>Topic does not exist</Message></Error></ErrorResponse>`)
}
