package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/binaries"
)

func TestMain(m *testing.M) { os.Exit(binaries.Run(m)) }

// needTable skips a test where the table's server cannot run, with the reason.
func needTable(t *testing.T) {
	t.Helper()
	need.Dynalite(t)
}

// options sends rule matches to the function for them, which fails those without
// the name of a rule, and events of the detail type "Lost" to one without a binary.
func options(t *testing.T, dir string) local.Options {
	t.Helper()
	lose := eventrule.Rule{Name: "lose", Function: "nobody",
		Pattern: eventrule.Pattern{"detail-type": eventrule.Values{"Lost"}}}
	return local.Options{
		Dir: dir, Functions: binaries.Functions(t, "alerts"), RetryDelay: time.Millisecond,
		Rules: append(eventrule.Table(eventrule.Options{}), lose),
	}
}

// A rule match that the function can handle, and one that it cannot.
const (
	match  = `{"ruleName":"unhappy"}`
	broken = `{}`
)

func start(t *testing.T, o local.Options) *local.Stack {
	t.Helper()
	needTable(t)
	s, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: got %v, want none", err)
		}
	})
	return s
}

func drain(t *testing.T, s *local.Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

func awsConfig(s *local.Stack) aws.Config {
	return aws.Config{
		BaseEndpoint: aws.String(s.Endpoint()), Region: local.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// putEvent puts one event on the bus with a real EventBridge client and returns its id.
func putEvent(t *testing.T, s *local.Stack, detailType, detail string) string {
	t.Helper()
	out, err := eventbridge.NewFromConfig(awsConfig(s)).PutEvents(t.Context(), &eventbridge.PutEventsInput{
		Entries: []ebtypes.PutEventsRequestEntry{{Source: aws.String(chime.Source), DetailType: aws.String(detailType),
			Detail: aws.String(detail)}},
	})
	if err != nil || out.FailedEntryCount != 0 {
		t.Fatalf("got %+v and error %v, want the event accepted", out, err)
	}
	return aws.ToString(out.Entries[0].EventId)
}

func get(t *testing.T, s *local.Stack, path string, wantStatus int, into any) {
	t.Helper()
	response, err := http.Get(s.Endpoint() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != wantStatus {
		t.Fatalf("GET %s: got status %d, body %s, error %v; want status %d", path, response.StatusCode, body, err, wantStatus)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: got %s, want JSON: %v", path, body, err)
	}
}

// matchItems is how many items there are of a match that names no call: itself, its
// count in its group, the window of the group and the notification.
const matchItems = 4

func TestEventReachesTableAndTopicThroughTheFunction(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	putEvent(t, s, chime.DetailRulesMatched, match)
	drain(t, s)

	items, err := s.DynamoDB().Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	if err != nil || items.Count != matchItems {
		t.Errorf("table: got %+v and error %v, want the match, its count, its window and its notification", items, err)
	}
	var notes []struct {
		TopicARN, Subject string
		Attributes        map[string]string
	}
	get(t, s, "/notifications", http.StatusOK, &notes)
	if len(notes) != 1 || !strings.Contains(notes[0].Attributes["id"], "/unhappy/1") ||
		notes[0].TopicARN != local.AlertTopicARN {
		t.Errorf("notifications: got %+v, want the first of the rule unhappy", notes)
	}
	var status local.Status
	get(t, s, "/", http.StatusOK, &status)
	if status.Events != 1 || status.Rules["rules-matched"] != 1 || status.Functions["alerts"].Invocations != 1 ||
		status.Topics[local.AlertTopicARN] != 1 {
		t.Errorf("status: got %+v, want one event, match, invocation and message", status)
	}
}

func TestFailureBecomesADeadLetter(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	id := putEvent(t, s, chime.DetailRulesMatched, broken)
	drain(t, s)

	client := sqs.NewFromConfig(awsConfig(s))
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(local.FunctionQueue)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("got %+v and error %v, want one message", out, err)
	}
	var record struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload  struct{ ID string }
		ResponsePayload struct{ ErrorMessage string }
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.Messages[0].Body)), &record); err != nil {
		t.Fatal(err)
	}
	if c := record.RequestContext; record.RequestPayload.ID != id || c.Condition != "RetriesExhausted" ||
		c.ApproximateInvokeCount != 3 ||
		!strings.Contains(record.ResponsePayload.ErrorMessage, "/detail/ruleName") {
		t.Errorf("got record %+v, want the event %s given up after three attempts", record, id)
	}
	var dead []local.DeadLetter
	get(t, s, "/dead-letters", http.StatusOK, &dead)
	if len(dead) != 1 || dead[0].Queue != local.FunctionQueue {
		t.Errorf("dead letters: got %+v, want the one in %s", dead, local.FunctionQueue)
	}
}

func TestEventWithoutAFunctionBecomesADeadLetter(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	id := putEvent(t, s, "Lost", `{}`)
	drain(t, s)
	dead := s.DeadLetters()
	if len(dead) != 1 || dead[0].Queue != local.RuleQueue || !strings.Contains(dead[0].Body, id) {
		t.Fatalf("got %+v, want the event %s in %s", dead, id, local.RuleQueue)
	}
	for name, want := range map[string]string{
		"RULE_ARN":   "arn:aws:events:us-east-1:123456789012:rule/lose",
		"TARGET_ARN": "arn:aws:lambda:us-east-1:123456789012:function:nobody",
		"ERROR_CODE": "NO_RESOURCE",
	} {
		if got := dead[0].Attributes[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(dead[0].Attributes["ERROR_MESSAGE"], "nobody") {
		t.Errorf("ERROR_MESSAGE: got %q, want the function's name in it", dead[0].Attributes["ERROR_MESSAGE"])
	}
}

func TestInvoke(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	event, err := schemas.Lookup("rule-sentiment")
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := s.Invoke(t.Context(), "alerts", event.Body); err != nil || len(reply) > 0 {
		t.Errorf("got reply %s and error %v, want nothing", reply, err)
	}
	if _, err := s.Invoke(t.Context(), "alerts", []byte("{")); err == nil {
		t.Error("bytes that are not JSON: got no error, want the function's")
	}
	if err := s.InvokeAsync("alerts", []byte(`{"id":"1"}`)); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
	if got := len(s.DeadLetters()); got != 1 {
		t.Errorf("dead letters: got %d, want 1", got)
	}
}

func TestServicesThatAreNotAnswered(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	for _, tc := range []struct{ name, target string }{
		{"another service", "AmazonSSM.GetParameter"}, {"no target", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+"/", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amz-Target", tc.target)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body),
				"UnknownOperationException") {
				t.Errorf("got status %d, body %s, error %v; want an UnknownOperationException", response.StatusCode, body, err)
			}
		})
	}
	var missing struct{ Message string }
	get(t, s, "/nowhere", http.StatusNotFound, &missing)
	if !strings.Contains(missing.Message, "/dead-letters") {
		t.Errorf("page that is not there: got %q, want it to name those that are", missing.Message)
	}
	_, err := s.DynamoDB().ListGlobalTables(t.Context(), &dynamodb.ListGlobalTablesInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("table operation that is not there: got %v, want an UnknownOperationException", err)
	}
}

func TestOneStackForAFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := local.FindRunning(t.Context(), dir); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("before the start: got %v, want class %q", err, apperr.NotFound)
	}
	s := start(t, options(t, dir))
	state, err := local.FindRunning(t.Context(), dir)
	if err != nil || state != s.State() || state.Endpoint != s.Endpoint() || state.PID != os.Getpid() {
		t.Errorf("while it runs: got %+v and error %v, want %+v", state, err, s.State())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no patience
	for name, open := range map[string]func() error{
		"a second stack": func() error { _, err := local.Start(ctx, options(t, dir)); return err },
		"its table":      func() error { _, err := local.OpenTable(ctx, dir, ""); return err },
	} {
		if err := open(); apperr.ClassOf(err) != apperr.Conflict || !strings.Contains(err.Error(),
			"process "+strconv.Itoa(os.Getpid())) {
			t.Errorf("%s: got %v, want a %q error that names the process", name, err, apperr.Conflict)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := local.FindRunning(t.Context(), dir); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("after the end: got %v, want class %q", err, apperr.NotFound)
	}
}

func TestStateOfAKilledStackDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	stale := `{"endpoint":"http://127.0.0.1:1","pid":1}`
	if err := os.WriteFile(filepath.Join(dir, "local.json"), []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := local.FindRunning(t.Context(), dir); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("got %v, want class %q", err, apperr.NotFound)
	}
}

func TestTableBetweenRuns(t *testing.T) {
	dir := t.TempDir()
	count := func(db *dynamodb.Client) int32 {
		t.Helper()
		out, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Count
	}
	if _, err := local.OpenTable(t.Context(), dir, ""); apperr.ClassOf(err) != apperr.NotFound {
		t.Errorf("table before the first run: got %v, want class %q", err, apperr.NotFound)
	}
	s := start(t, options(t, dir))
	putEvent(t, s, chime.DetailRulesMatched, match)
	drain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	table, err := local.OpenTable(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := count(dynalite.Client(table.Endpoint(), local.Region)); got != matchItems {
		t.Errorf("table by itself: got %d items, want %d", got, matchItems)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct {
		name string
		keep bool
		want int32
	}{{"kept", true, matchItems}, {"begun anew", false, 0}} {
		t.Run(tc.name, func(t *testing.T) {
			o := options(t, dir)
			o.Keep = tc.keep
			if got := count(start(t, o).DynamoDB()); got != tc.want {
				t.Errorf("got %d items, want %d", got, tc.want)
			}
		})
	}
}

func TestStartOnAPortInUse(t *testing.T) {
	first := start(t, options(t, t.TempDir()))
	o := options(t, t.TempDir())
	var err error
	if o.Port, err = strconv.Atoi(first.Endpoint()[strings.LastIndex(first.Endpoint(), ":")+1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Start(t.Context(), o); apperr.ClassOf(err) != apperr.Conflict || !strings.Contains(err.Error(),
		"--port") {
		t.Errorf("got %v, want a %q error that advises --port", err, apperr.Conflict)
	}
}

func TestMissing(t *testing.T) {
	o := local.Options{Functions: t.TempDir()}
	program(t, filepath.Join(o.Functions, "alerts", "bootstrap"), "")
	if got := strings.Join(o.Missing(), " "); got != "status failures consent watch voice" {
		t.Errorf("got %q, want all but alerts", got)
	}
}
