package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// Dead letters of failed invocations are handled by redrive; what cannot be handled stays, with the reason,
// until somebody deletes it.
func TestDeadLetters(t *testing.T) {
	needNode(t)
	dir := t.TempDir()
	stack, err := local.Start(t.Context(),
		local.Options{Dir: dir, Functions: binaries.Functions(t, binaries.All...), Modules: "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	queue := stack.Endpoint() + "/" + local.Account + "/" + local.FunctionQueue
	send := func(event string) string {
		t.Helper()
		body := `{"version":"1.0","requestContext":{"condition":"RetriesExhausted",` +
			`"functionArn":"arn:aws:lambda:us-east-1:123456789012:function:status:$LATEST"},` +
			`"requestPayload":` + event + `,"responsePayload":{"errorMessage":` +
			`"table chimewatch: is away, says +12065550100 to sip:12065550101@198.51.100.7"}}`
		out, err := sqs.NewFromConfig(localConfig(stack.Endpoint())).SendMessage(t.Context(),
			&sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body})
		if err != nil {
			t.Fatal(err)
		}
		return *out.MessageId
	}
	good, err := schemas.Lookup("permanent-failure")
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		ID     string
		Detail struct{ MediaInsightsPipelineArn string }
	}
	if err := json.Unmarshal(good.Body, &event); err != nil {
		t.Fatal(err)
	}
	handled, unusable := send(string(good.Body)), send(`{"id":"bad","detail-type":"Media Insights State Change",`+
		`"source":"aws.chime","time":"yesterday, (206) 555-0102","detail":{}}`)
	command := func(code int, args ...string) result {
		t.Helper()
		got := execute(nil, "", append([]string{"dead-letters", "--local", "--local-dir", dir}, args...)...)
		if got.code != code {
			t.Fatalf("%v: got exit code %d, %q and %q, want %d", args, got.code, got.stdout, got.stderr, code)
		}
		return got
	}

	listed := command(exitDone, "list")
	for _, want := range []string{handled, unusable, "status", "Media Insights State Change", "is away"} {
		if !strings.Contains(listed.stdout, want) {
			t.Errorf("list: got %q, want %s in it", listed.stdout, want)
		}
	}
	noNumbers(t, "list", listed, "2065550100", "2065550101")
	if got := command(exitDone, "list", "--limit", "1"); !strings.Contains(got.stderr, "2 here, of which the newest 1") {
		t.Errorf("list --limit 1: got %q, want it to say that there is more", got.stderr)
	}
	var shown deadLetterReport
	err = json.Unmarshal([]byte(command(exitDone, "show", "bad", "-o", "json").stdout), &shown)
	if err != nil || shown.ID != unusable || !strings.Contains(shown.Body, `"time":"yesterday, (206) 555-0102"`) {
		t.Errorf("show: got %+v (%v), want the dead letter with its bytes", shown, err)
	}
	if strings.Contains(shown.Reason, "2065550101") {
		t.Errorf("show: got the reason %q, want no full number", shown.Reason)
	}
	command(exitUsage, "redrive")
	command(exitUsage, "redrive", "bad", "--all")
	if got := command(exitFailed, "redrive", "nobody"); !strings.Contains(got.stderr, "dead letter nobody") {
		t.Errorf("redrive of what is not there: got %q", got.stderr)
	}

	redriven := command(exitFailed, "redrive", "--all", "-o", "json")
	noNumbers(t, "redrive", redriven, "2065550100", "2065550101", "2065550102")
	var outcomes []redriveReport
	if err := json.Unmarshal([]byte(redriven.stdout), &outcomes); err != nil || len(outcomes) != 2 {
		t.Fatalf("redrive: got %s (%v), want two outcomes", redriven.stdout, err)
	}
	for _, o := range outcomes {
		if o.Handled != (o.ID == handled) || !o.Handled && !strings.Contains(o.Error, "/time") {
			t.Errorf("redrive: got %+v, want one handled, and the other's faulty field named", o)
		}
	}
	id := event.Detail.MediaInsightsPipelineArn[strings.LastIndex(event.Detail.MediaInsightsPipelineArn, "/")+1:]
	got := execute(nil, "", "calls", "show", id, "--local", "--local-dir", dir, "-o", "json")
	if !strings.Contains(got.stdout, `"status": "Failed"`) {
		t.Errorf("calls show: got %q, %q; want the call that was redriven", got.stdout, got.stderr)
	}
	if got := command(exitDone, "delete", unusable); !strings.Contains(got.stdout, "deleted "+unusable) {
		t.Errorf("delete: got %q", got.stdout)
	}
	if got := command(exitDone, "list", "-o", "json"); strings.TrimSpace(got.stdout) != "[]" {
		t.Errorf("list afterwards: got %q, want nothing", got.stdout)
	}
}

// A dead letter that names a function outside of the stack is marked and stays; the others are redriven.
func TestDeadLettersOfOtherFunctions(t *testing.T) {
	needNode(t)
	dir, functions := t.TempDir(), binaries.Functions(t, binaries.All...)
	stack, err := local.Start(t.Context(), local.Options{Dir: dir, Functions: functions, Modules: "."})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	good, err := schemas.Lookup("permanent-failure")
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(localConfig(stack.Endpoint()))
	queue := stack.Endpoint() + "/" + local.Account + "/" + local.FunctionQueue
	send := func(function string, attributes map[string]types.MessageAttributeValue) string {
		t.Helper()
		body := `{"requestContext":{"functionArn":"` + function + `","condition":"RetriesExhausted"},` +
			`"requestPayload":` + string(good.Body) + `}`
		out, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: &queue, MessageBody: &body, MessageAttributes: attributes,
		})
		if err != nil {
			t.Fatal(err)
		}
		return *out.MessageId
	}
	const ours = "arn:aws:lambda:us-east-1:123456789012:function:status:$LATEST"
	const others = "arn:aws:lambda:us-east-1:123456789012:function:delete-all-customers"
	const elsewhere = "arn:aws:lambda:us-east-1:999988887777:function:status"
	target := types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(others)}
	foreign := map[string]string{
		send(others, nil): others, send(elsewhere, nil): elsewhere,
		send(ours, map[string]types.MessageAttributeValue{"TARGET_ARN": target}): others,
	}
	send(ours, nil)
	command := func(code int, args ...string) result {
		t.Helper()
		got := execute(nil, "", append([]string{"dead-letters", "--local", "--local-dir", dir}, args...)...)
		if got.code != code {
			t.Fatalf("%v: got exit code %d, %q and %q, want %d", args, got.code, got.stdout, got.stderr, code)
		}
		return got
	}

	const refusal = "not a function of this stack"
	got := command(exitDone, "list").stdout
	if strings.Count(got, refusal) != len(foreign) || !strings.Contains(got, elsewhere) {
		t.Errorf("list: got %q, want %d dead letters that are %s, with their functions in full", got, len(foreign), refusal)
	}
	for id, function := range foreign {
		got := command(exitDone, "show", id).stdout
		if !strings.Contains(got, refusal) || !strings.Contains(got, function) {
			t.Errorf("show: got %q, want it to name %s as %s", got, function, refusal)
		}
		if got := command(exitFailed, "redrive", id).stdout; !strings.Contains(got, refusal) {
			t.Errorf("redrive: got %q, want it to say %s", got, refusal)
		}
	}
	var outcomes []redriveReport
	redriven := command(exitFailed, "redrive", "--all", "-o", "json")
	if err := json.Unmarshal([]byte(redriven.stdout), &outcomes); err != nil || len(outcomes) != 4 {
		t.Fatalf("redrive --all: got %+v (%v), want the outcome of every dead letter", outcomes, err)
	}
	for _, o := range outcomes {
		function, isForeign := foreign[o.ID]
		if o.Handled == isForeign || o.Refused != isForeign ||
			isForeign && (o.Function != function || !strings.Contains(o.Error, refusal)) {
			t.Errorf("redrive --all: got %+v, want only the stack's own dead letter handled", o)
		}
	}
	if messages := stack.DeadLetters(); len(messages) != len(foreign) {
		t.Errorf("got %d dead letters left, want the %d of other functions", len(messages), len(foreign))
	}
}

// The outputs of a deployed stack name the queues.
func TestDeadLettersOfADeployedStack(t *testing.T) {
	aws := newFakeAWS(t)
	args := []string{"dead-letters", "list", "--endpoint-url", aws.URL, "--region", "us-east-1"}
	if got := execute(nil, "", args...); got.code != exitFailed ||
		!strings.Contains(got.stderr, "no output that names a dead-letter queue") {
		t.Errorf("got %d, %q; want it to say that there are no queues", got.code, got.stderr)
	}
	if got := execute(nil, "", append(args, "--stack", "Other")...); got.code != exitFailed ||
		!strings.Contains(got.stderr, "Other") {
		t.Errorf("got %d, %q; want it to name the stack", got.code, got.stderr)
	}
}
