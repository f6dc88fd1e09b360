package test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

const (
	wayAccount      = "123456789012" // the one of stateChange
	wayFailureTopic = "arn:aws:sns:us-east-1:" + wayAccount + ":failures"
	wayAlertTopic   = "arn:aws:sns:us-east-1:" + wayAccount + ":alerts"
	wayDomain       = "arn:aws:chime:us-east-1:" + wayAccount + ":voice-profile-domain/d-1"
)

// wayServer is what all ways share: the servers that stand in for AWS.
type wayServer struct {
	table     *dynamodb.Client
	pipelines *chimesdk.Pipelines
	voice     *chimesdk.Voice
	output    *os.File // gets the metrics of functions
}

func startWayServer(t *testing.T) wayServer {
	t.Helper()
	table, err := dynalite.Start(t.Context(), need.Dynalite(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	output, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { output.Close() })
	s := wayServer{dynalite.Client(table.URL(), "us-east-1"), chimesdk.NewPipelines(), chimesdk.NewVoice(), output}
	mux := http.NewServeMux()
	mux.Handle("/", sns.NewService(func(sns.Message) {}, wayFailureTopic, wayAlertTopic).Handler())
	mux.Handle(chimesdk.Path+"/", s.pipelines)
	mux.Handle(chimesdk.VoicePath+"/", s.voice)
	others := httptest.NewServer(mux)
	t.Cleanup(others.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": others.URL, "AWS_ENDPOINT_URL_DYNAMODB": table.URL(), "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	logger := slog.Default()
	t.Cleanup(func() { slog.SetDefault(logger) })
	slog.SetDefault(slog.New(slog.DiscardHandler))
	return s
}

// wayWorld is the functions on an empty table.
type wayWorld struct {
	wayServer
	t         *testing.T
	env       map[string]string
	functions map[string]*lambdafn.Function
	calls     *wayCalls
	began     time.Time
}

func newWayWorld(t *testing.T, server wayServer) *wayWorld {
	t.Helper()
	name := "way-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := dynalite.EnsureTable(t.Context(), server.table, name, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	return &wayWorld{
		wayServer: server, t: t, functions: map[string]*lambdafn.Function{}, calls: newWayCalls(t),
		began: time.Now().Add(-time.Minute),
		env: map[string]string{
			"CHIMEWATCH_TABLE": name, "CHIMEWATCH_RETENTION_DAYS": "90", "CHIMEWATCH_ACCOUNT": wayAccount,
			"CHIMEWATCH_FAILURE_TOPIC_ARN": wayFailureTopic, "CHIMEWATCH_ALERT_TOPIC_ARN": wayAlertTopic,
			"CHIMEWATCH_VOICE_TASKS": "speaker-search,voice-tone", "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN": wayDomain,
		},
	}
}

func (w *wayWorld) getenv(name string) string { return w.env[name] }

// handle lets a function handle events whose calls are not recorded.
func (w *wayWorld) handle(name string, events ...[]byte) {
	w.t.Helper()
	if w.functions[name] == nil {
		stdout := os.Stdout // to which a function writes its metrics
		defer func() { os.Stdout = stdout }()
		os.Stdout = w.output
		f, err := lambdafn.New(w.t.Context(), name, w.getenv, func(env lambdafn.Env) (lambdafn.Handler, error) {
			env.AWS.APIOptions = append(slices.Clone(env.AWS.APIOptions), w.calls.add)
			return builds[name](env)
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.functions[name] = f
	}
	for _, event := range events {
		if err := w.invoke(name, event); err != nil {
			w.t.Fatalf("%s: %v", name, err)
		}
	}
}

// observe is handle for the event whose calls are recorded.
func (w *wayWorld) observe(name string, event []byte) {
	w.t.Helper()
	w.handle(name)
	w.calls.recording.Lock()
	w.calls.on = true
	w.calls.recording.Unlock()
	w.handle(name, event)
}

// sideBySide lets a function that has been used handle many events.
func (w *wayWorld) sideBySide(name string, from, to int, event func(n int) []byte) {
	w.t.Helper()
	var group sync.WaitGroup
	numbers := make(chan int)
	for range 8 {
		group.Go(func() {
			for n := range numbers {
				if err := w.invoke(name, event(n)); err != nil {
					w.t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	for n := from; n <= to; n++ {
		numbers <- n
	}
	close(numbers)
	group.Wait()
}

func (w *wayWorld) invoke(name string, event []byte) error {
	ctx := lambdacontext.NewContext(w.t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "way-1"})
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reply, err := w.functions[name].Invoke(ctx, event)
	if strings.Contains(string(reply), "itemIdentifier") {
		return fmt.Errorf("answered %s", reply)
	}
	return err
}

func (w *wayWorld) created(n int) []byte {
	return stateChange(w.t, "abcdef1", n, chime.EventCreated, "", w.began, chime.StatusNotStarted)
}

func (w *wayWorld) inProgress(n int, age time.Duration) []byte {
	at := w.began.Add(10*time.Second - age)
	return stateChange(w.t, "abcdef1", n, chime.EventInProgress, "", at, chime.StatusInProgress)
}

func (w *wayWorld) failed(n int) []byte {
	return stateChange(w.t, "abcdef1", n, chime.EventPermanentFailure, "Access denied when assuming resource access role",
		w.began.Add(20*time.Second), chime.StatusFailed)
}

// pipelineOf returns the ARN of a state change's pipeline.
func (w *wayWorld) pipelineOf(event []byte) string {
	w.t.Helper()
	ev, err := chime.Parse(event)
	if err != nil {
		w.t.Fatal(err)
	}
	return ev.StateChange.PipelineARN
}

// envelope makes an event.
func (w *wayWorld) envelope(id, source, detailType string, detail map[string]any) []byte {
	w.t.Helper()
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": detailType, "source": source,
		"account": wayAccount, "region": "us-east-1", "resources": []any{}, "detail": detail,
		"time": w.began.Add(15 * time.Second).UTC().Format(time.RFC3339),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return event
}

// about are the ids that all events about the call n have, as stateChange makes them.
func about(n int) map[string]any {
	return map[string]any{
		"callId":           fmt.Sprintf("call-abcdef1-%d", n),
		"transactionId":    fmt.Sprintf("transaction-abcdef1-%d", n),
		"voiceConnectorId": "abcdef1",
	}
}

func (w *wayWorld) match(n int, id string) []byte {
	return w.envelope("match-"+id, chime.Source, chime.DetailRulesMatched, map[string]any{
		"version": "0", "sourceMetadata": about(n), "ruleName": "cancel-contract", "utteranceId": id,
		"beginTimestamp": w.began.UTC().Format(time.RFC3339),
	})
}

func (w *wayWorld) ready(n int) []byte {
	detail := about(n)
	detail["detailStatus"] = "AnalyticsReady"
	return w.envelope("ready", chime.Source, "VoiceAnalyticsStatus", detail)
}

func (w *wayWorld) result(n int, taskID string) []byte {
	detail := about(n)
	detail["detailStatus"], detail["taskId"] = "IdentificationSuccessful", taskID
	return w.envelope("result", chime.Source, "SpeakerSearchStatus", detail)
}

func (w *wayWorld) grant(n int) []byte {
	return w.envelope("grant", "chimewatch.consent", "Voice Analytics Consent", map[string]any{
		"transactionId": about(n)["transactionId"], "scope": "both", "decision": "granted", "by": "caller",
	})
}

func (w *wayWorld) schedule() []byte {
	return w.envelope("schedule", "aws.events", "Scheduled Event", map[string]any{})
}

// wayCalls records AWS calls, and which functions of the project they come through.
type wayCalls struct {
	recording sync.Mutex
	on        bool
	all       []string
	frames    int // on the stack of one call, at most
	packages  map[string]bool
	functions map[string]bool
	root      string // the project's folder
}

func newWayCalls(t *testing.T) *wayCalls {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return &wayCalls{packages: map[string]bool{}, functions: map[string]bool{}, root: root}
}

// add makes a client record its calls; one that the SDK tries again is recorded once.
func (c *wayCalls) add(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("chimewatch.Record",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			c.record(ctx)
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

func (c *wayCalls) record(ctx context.Context) {
	c.recording.Lock()
	defer c.recording.Unlock()
	if !c.on {
		return
	}
	service, _, _ := strings.Cut(strings.ToLower(awsmiddleware.GetServiceID(ctx)), " ")
	c.all = append(c.all, service+"."+awsmiddleware.GetOperationName(ctx))
	frames := projectFrames(c.root)
	c.frames = max(c.frames, len(frames))
	for _, f := range frames {
		c.functions[f.name], c.packages[f.folder] = true, true
	}
}

// order returns the calls in words, the same call several times in a row once; of tasks
// that run side by side by name.
func (c *wayCalls) order(sideBySide bool) string {
	c.recording.Lock()
	defer c.recording.Unlock()
	if sideBySide {
		slices.Sort(c.all)
	}
	var words []string
	for i := 0; i < len(c.all); {
		name, n := c.all[i], 0
		for ; i < len(c.all) && c.all[i] == name; i++ {
			n++
		}
		if n > 1 {
			name += " ×" + strconv.Itoa(n)
		}
		words = append(words, name)
	}
	return strings.Join(words, ", ")
}

// Parts of the text that runtime.Stack makes: a frame, and what started a goroutine.
var (
	stackFrame = regexp.MustCompile(`(?m)^(\S+)\(.*\)\n\t(.+):\d+`)
	createdBy  = regexp.MustCompile(`(?m)^created by .* in goroutine (\d+)$`)
)

// wayFrame is a function of the project on a stack.
type wayFrame struct{ name, folder string }

// projectFrames returns the project's functions on the stack: those of this goroutine,
// and those of the goroutines that started it, which wait for it. What is in the folder
// test does not count. The file says where a function belongs, as a closure is named
// for the function that it was inlined into.
func projectFrames(root string) (frames []wayFrame) {
	buffer := make([]byte, 1<<20)
	text := string(buffer[:runtime.Stack(buffer, true)])
	stacks := map[string]string{} // by the number of the goroutine
	current := ""
	for stack := range strings.SplitSeq(text, "\n\n") {
		number, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		stacks[number] = stack
		current = cmp.Or(current, number)
	}
	for stack := stacks[current]; stack != ""; {
		parent := createdBy.FindStringSubmatchIndex(stack)
		calls := stack
		if parent != nil {
			calls = stack[:parent[0]]
		}
		for _, f := range stackFrame.FindAllStringSubmatch(calls, -1) {
			folder, ours := strings.CutPrefix(filepath.Dir(f[2]), root+"/")
			if ours && folder != "test" && !strings.HasPrefix(folder, "test/") {
				frames = append(frames, wayFrame{f[1], folder})
			}
		}
		if parent == nil {
			break
		}
		stack = stacks[stack[parent[2]:parent[3]]]
	}
	return frames
}
