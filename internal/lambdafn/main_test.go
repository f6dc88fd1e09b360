package lambdafn_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

// TestMain runs a function in place of the tests where TestMainRunsTheFunction asks for it.
func TestMain(m *testing.M) {
	switch os.Getenv("FUNCTION_MAIN") {
	case "event":
		lambdafn.Run("status", func(lambdafn.Env) (lambdafn.Handler, error) {
			return lambdafn.Each(func(context.Context, []byte) error { return errors.New("handled one by one") }), nil
		})
	case "wrong":
		lambdafn.Run("status", func(lambdafn.Env) (lambdafn.Handler, error) {
			return nil, errors.New("environment variable CHIMEWATCH_TABLE: is not set")
		})
	default:
		os.Exit(m.Run())
	}
}

// A function asks Lambda's Runtime API for work and answers it; one that cannot start says why in a log line of JSON
// and exits with 1.
func TestMainRunsTheFunction(t *testing.T) {
	for _, tt := range []struct {
		kind string
		said string // in the answer, or where there is none, in the log
	}{
		{"event", "handled one by one"},
		{"wrong", "environment variable CHIMEWATCH_TABLE: is not set"},
	} {
		answered := make(chan string, 1)
		first := true
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				body, _ := io.ReadAll(r.Body)
				answered <- string(body)
				w.WriteHeader(http.StatusAccepted)
			case first:
				first = false
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "r-1")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", "32503680000000")
				_, _ = io.WriteString(w, `{"detail-type":"x"}`)
			default:
				<-r.Context().Done()
			}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), "FUNCTION_MAIN="+tt.kind,
			"AWS_EC2_METADATA_DISABLED=true", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
		var log strings.Builder
		cmd.Stdout = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case answer := <-answered:
			if tt.kind == "wrong" || !strings.Contains(answer, tt.said) {
				t.Errorf("%s: got the answer %s, want %s", tt.kind, answer, tt.said)
			}
			_ = cmd.Process.Kill()
			<-ended
		case <-ended:
			if tt.kind != "wrong" || cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("%s: ended with %d and %s", tt.kind, cmd.ProcessState.ExitCode(), log.String())
			}
		}
		var line struct{ Level, Msg, Function, Error string }
		if err := json.Unmarshal([]byte(strings.SplitN(log.String(), "\n", 2)[0]), &line); err != nil {
			t.Errorf("%s: got %q, which is no log line: %v", tt.kind, log.String(), err)
		}
		if line.Level != "ERROR" || line.Function != "status" || !strings.Contains(line.Error, tt.said) {
			t.Errorf("%s: got %+v, want an error that says %s", tt.kind, line, tt.said)
		}
		if started := line.Msg != "the function cannot start"; started != (tt.kind != "wrong") {
			t.Errorf("%s: got the message %q", tt.kind, line.Msg)
		}
		cancel()
		api.CloseClientConnections()
		api.Close()
	}
}
