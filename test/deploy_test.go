package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
)

// stackAccount and stackRegion are those of the stand-in for AWS.
const (
	stackAccount = "123456789012"
	stackRegion  = "us-east-1"
)

// TestDeployedStackHandlesCalls bootstraps and deploys the stack into moto, a stand-in for
// AWS, with the real CDK; starts the deployed functions with the environment that they were
// deployed with; and reads the calls with the command, which finds the table by the stack's
// outputs. The calls of the functions are compared with what their roles grant.
func TestDeployedStackHandlesCalls(t *testing.T) {
	need.Tool(t, "moto_server")
	need.Tool(t, "aws")
	t.Run("default", func(t *testing.T) { testDeployment(t, assembled(t, "default"), steps(t)) })
	t.Run("everything", func(t *testing.T) {
		const call, other = "af713cb5-c6aa-416a-97e1-5636109ac0d8", "7000e34a-8af3-4cdc-9efe-a55b725ded40"
		testDeployment(t, assembled(t, "everything"), append(steps(t),
			// A call with a pipeline, on which there is consent: voice starts its tasks, ...
			step{"status", changed(t, "in-progress", other, call, "de403361", "de403362")},
			step{"consent", example(t, "consent-granted")},
			step{"voice", example(t, "voice-analytics-ready")}, step{"voice", example(t, "voice-tone-successful")},
			// ... consent stops them, and starts them again.
			step{"consent", example(t, "consent-withdrawn")},
			step{"consent", changed(t, "consent-granted", "08:15:09Z", "09:15:09Z", "0f1c3c52", "0f1c3c53")},
			step{"watch", example(t, "created")}))
	})
}

// step invokes a function with an event.
type step struct {
	function string
	event    []byte
}

func steps(t *testing.T) (all []step) {
	t.Helper()
	for _, s := range [][2]string{
		{"status", "created"}, {"status", "in-progress"}, {"status", "stopped"}, {"status", "in-progress"},
		{"status", "permanent-failure"}, {"failures", "permanent-failure"}, {"failures", "permanent-failure"},
		{"failures", "create-failed"},
		{"alerts", "rule-keyword-utterance"}, {"alerts", "rule-keyword-utterance"}, {"consent", "consent-granted"},
		{"status", "two-elements-temporary-failure"}, {"watch", "created"}, // which asks the API about an old pipeline
	} {
		all = append(all, step{s[0], example(t, s[1])})
	}
	// A temporary failure that has lasted for ten minutes, of which the watch notifies.
	lasting := changed(t, "two-elements-temporary-failure",
		"e34fdbde-698e-4bde-a537-45ddfa84af57", "e34fdbde-698e-4bde-a537-45ddfa840001",
		"2026-03-10T09:34:25Z", time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339))
	return append(all, step{"status", lasting}, step{"watch", example(t, "created")})
}

// changed returns an example with texts replaced: old, new, old, new.
func changed(t *testing.T, name string, texts ...string) []byte {
	t.Helper()
	before := string(example(t, name))
	after := strings.NewReplacer(texts...).Replace(before)
	if after == before {
		t.Fatalf("the example %s has nothing of %v", name, texts)
	}
	return []byte(after)
}

func testDeployment(t *testing.T, app assembly, steps []step) {
	cloud := startMoto(t)
	cloud.run(t, "..", "npx", "cdk", "bootstrap", "aws://"+stackAccount+"/"+stackRegion, "--app", app.dir, "--no-notices")
	// The method direct, because moto forgets outputs of a stack that a change set makes.
	cloud.run(t, "..", "npx", "cdk", "deploy", "--app", app.forMoto(t), "--method", "direct",
		"--require-approval", "never", "--no-notices")

	outputs := cloud.outputs(t)
	for _, name := range []string{"TableName", "FailureTopicArn", "AlertTopicArn", "AlarmTopicArn"} {
		if outputs[name] == "" {
			t.Errorf("output %s: got none of %v", name, outputs)
		}
	}
	deployed := cloud.startFunctions(t, app, outputs)
	h, recorders := deployed.host, deployed.recorders
	for _, step := range steps {
		if _, err := h.Invoke(t.Context(), step.function, step.event); err != nil {
			t.Fatalf("%s with the event %s: %v", step.function, step.event, err)
		}
	}
	if _, voice := recorders["voice"]; voice {
		t.Run("odd events", func(t *testing.T) { checkOddEvents(t, deployed) })
	}
	for name, recorder := range recorders {
		role := app.Target(app.Get("AWS::Lambda::Function", functionPath(name)).Prop("Role"))
		recorder.check(t, name, app.Permissions(role))
	}
	failed := cloud.show(t, "390c229b-3f88-4f5b-8169-99dfd9e1652c")
	if failed.Status != "Failed" || failed.Failure.Class == "" || len(failed.Events) != 1 || len(failed.Incidents) != 1 {
		t.Errorf("got %+v, want a failed call in one incident", failed)
	}
	stopped := cloud.show(t, "de403361-f63b-49e4-9bde-6c2805b3f0e6")
	if stopped.Status != "Stopped" || len(stopped.Events) != 3 {
		t.Errorf("got %+v, want a stopped call of three events", stopped)
	}
	if len(stopped.Alerts)+len(failed.Alerts) == 0 {
		t.Errorf("got no alert on either call")
	}
}

// example returns an example as the service would send it in the account of the deployment:
// the watch does not ask the API about pipelines of other accounts.
func example(t *testing.T, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(e.Body, []byte("111122223333"), []byte(stackAccount))
}

// cloud is a running stand-in for AWS.
type cloud struct{ url string }

// startMoto starts moto on a free port; the CDK needs the host name localhost.
func startMoto(t *testing.T) cloud {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	cmd := exec.Command("moto_server", "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	c := cloud{fmt.Sprintf("http://localhost:%d", port)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/moto-api/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			return c
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("moto_server ended: %v\n%s", err, log.String())
		case <-ctx.Done():
			t.Fatalf("moto_server does not answer\n%s", log.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// environment makes AWS clients call the stand-in.
func (c cloud) environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + c.url, "AWS_REGION=" + stackRegion, "AWS_DEFAULT_REGION=" + stackRegion,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true", "CI=true",
	}
}

// run runs a command against the stand-in and returns its output.
func (c cloud) run(t *testing.T, dir string, command ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), c.environment()...)
	var all bytes.Buffer
	cmd.Stderr = &all
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		t.Fatalf("%s: %v\n%s%s", strings.Join(command, " "), err, out, all.String())
	}
	return out
}

func (c cloud) outputs(t *testing.T) map[string]string {
	t.Helper()
	var answer struct {
		Stacks []struct {
			Outputs []struct{ OutputKey, OutputValue string }
		}
	}
	described := c.run(t, ".", "aws", "cloudformation", "describe-stacks", "--stack-name", "Chimewatch",
		"--output", "json")
	if err := json.Unmarshal(described, &answer); err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{}
	for _, stack := range answer.Stacks {
		for _, o := range stack.Outputs {
			outputs[o.OutputKey] = o.OutputValue
		}
	}
	return outputs
}

// startFunctions starts the deployed functions, each with its deployed environment, and the
// recorders of their calls.
func (c cloud) startFunctions(t *testing.T, app assembly, outputs map[string]string) *deployedWorld {
	t.Helper()
	var answer struct {
		Functions []struct {
			FunctionName, FunctionArn, Description string
			Environment                            struct{ Variables map[string]string }
		}
	}
	if err := json.Unmarshal(c.run(t, ".", "aws", "lambda", "list-functions", "--output", "json"), &answer); err != nil {
		t.Fatal(err)
	}
	o := lambdahost.Options{Processes: 1, LogDir: t.TempDir()}
	recorders, messages := map[string]*recorder{}, &published{}
	for name, folder := range app.assets(t) {
		for _, f := range answer.Functions {
			if f.FunctionName != outputs[functionPath(name)+"FunctionName"] {
				continue
			}
			recorders[name] = newRecorder(t, c.url, messages)
			environment := cloud{recorders[name].URL}.environment()
			for _, variable := range slices.Sorted(maps.Keys(f.Environment.Variables)) {
				environment = append(environment, variable+"="+f.Environment.Variables[variable])
			}
			o.Functions = append(o.Functions, lambdahost.Function{
				Name: name, ARN: f.FunctionArn, Path: filepath.Join(folder, "bootstrap"), Environment: environment,
			})
		}
	}
	if got, want := len(o.Functions), len(answer.Functions); got != want || got == 0 {
		t.Fatalf("got %d functions to start, want the %d deployed", got, want)
	}
	h, err := lambdahost.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return &deployedWorld{cloud: c, host: h, recorders: recorders, published: messages, logs: o.LogDir}
}

// shown is what calls show prints, as far as this test looks at it.
type shown struct {
	Status  string
	Failure struct{ Class string }
	Events  []struct{ EventType string }
	Alerts  []struct{ RuleName string }

	Incidents []string
}

func (c cloud) show(t *testing.T, id string) shown {
	t.Helper()
	var got shown
	out := c.run(t, "..", "go", "run", "./cmd/chimewatch", "calls", "show", id, "--output", "json")
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return got
}
