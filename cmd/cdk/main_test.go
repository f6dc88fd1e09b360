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
)

// What the deployer did wrong is said in words, and fails the CDK's command.
func TestMistakesAreSaid(t *testing.T) {
	app := filepath.Join(t.TempDir(), "cdk")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", app, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	topics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(topics.Close)
	cases := []struct {
		name, folder, context string
		want                  []string
	}{
		{"a bad value", "../..", `{"chimewatch": {"architecture": "mips"}}`, []string{"context key chimewatch.architecture", `"mips"`, "set arm64 or x86_64"}},
		{"a mistyped key", "../..", `{"chimewatch:produktion": "true"}`, []string{"context key chimewatch:produktion", "is not known", "use one of production"}},
		{"a topic that does not exist", "../..", `{"chimewatch": {"routes": [{"rule": "cancel", "topic": "arn:aws:sns:us-east-1:111122223333:gone"}]}}`,
			[]string{"context key chimewatch.routes[0].topic", "arn:aws:sns:us-east-1:111122223333:gone", "no such topic"}},
		{"a folder without the functions", t.TempDir(), `{}`, []string{"go exited with status: 1", "stderr: "}},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), app)
			cmd.Dir = test.folder
			// So the CDK's command line hands on the context.
			cmd.Env = append(os.Environ(), "CDK_OUTDIR="+t.TempDir(), "CDK_CONTEXT_JSON="+test.context, "CDK_DEFAULT_ACCOUNT=111122223333",
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
