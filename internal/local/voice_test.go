package local_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/binaries"
)

func startVoice(t *testing.T) (*local.Stack, *dynamo.Store) {
	t.Helper()
	needTable(t)
	s := start(t, local.Options{Dir: t.TempDir(), Functions: binaries.Functions(t, "voice", "consent"),
		RetryDelay: time.Millisecond})
	return s, dynamo.New(s.DynamoDB(), local.TableName, dynamo.Options{})
}

// post sends a request as clients of services without an SDK module here do.
func post(t *testing.T, s *local.Stack, path string, header map[string]string, body []byte, wantStatus int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != wantStatus {
		t.Fatalf("POST %s: got status %d, want %d", path, response.StatusCode, wantStatus)
	}
}

// putRecord puts data into the stream of voice notifications.
func putRecord(t *testing.T, s *local.Stack, data []byte) {
	t.Helper()
	record, err := json.Marshal(map[string]any{"StreamName": local.VoiceStream, "PartitionKey": "p", "Data": data})
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, "/", map[string]string{"X-Amz-Target": "Kinesis_20131202.PutRecord"}, record, http.StatusOK)
}

func TestEverySourceOfVoiceNotifications(t *testing.T) {
	s, table := startVoice(t)
	const kind = `"service-type":"VoiceAnalytics","detail-type":"SpeakerSearchStatus"`
	const poison = `{"id":"n-2",` + kind + `,"time":"soon","detail":{"taskId":"k-2"}}`
	for _, source := range []struct {
		name, spelt, dead string
		send              func(body string)
	}{
		{"direct", "LAMBDA", local.FunctionQueue, func(body string) {
			post(t, s, "/2015-03-31/functions/voice/invocations", map[string]string{"X-Amz-Invocation-Type": "Event"},
				[]byte(body), http.StatusAccepted)
		}},
		{"queue", "SQS", local.VoiceDeadLetters, func(body string) {
			if _, err := sqs.NewFromConfig(awsConfig(s)).SendMessage(t.Context(),
				&sqs.SendMessageInput{QueueUrl: aws.String(s.Endpoint() + "/" + local.Account + "/" + local.VoiceQueue),
					MessageBody: &body}); err != nil {
				t.Fatal(err)
			}
		}},
		{"topic", "SNS", local.FunctionQueue, func(body string) {
			if _, err := sns.NewFromConfig(awsConfig(s)).Publish(t.Context(),
				&sns.PublishInput{TopicArn: aws.String(local.VoiceTopicARN), Message: &body}); err != nil {
				t.Fatal(err)
			}
		}},
		{"stream", "KINESIS", local.VoiceDeadLetters, func(body string) { putRecord(t, s, []byte(body)) }},
	} {
		t.Run(source.name, func(t *testing.T) {
			before := len(s.DeadLetters())
			for i := range 5 {
				body := fmt.Sprintf(`{"id":"n-%d",%s,"time":"2026-03-11T08:15:0%dZ",`+
					`"detail":{"taskId":"k-%d","transactionId":%q}}`, i, kind, i, i, source.name)
				if i == 2 {
					body = poison
				}
				source.send(body)
			}
			drain(t, s)
			notes, err := table.VoiceOf(t.Context(), chime.CallFields{TransactionID: source.name}, "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range notes {
				got = append(got, n.ID+" "+string(n.By))
			}
			var want []string
			for _, i := range []int{0, 1, 3, 4} {
				want = append(want, fmt.Sprintf("n-%d %s", i, source.spelt))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			dead := s.DeadLetters()[before:]
			if len(dead) != 1 || dead[0].Queue != source.dead || !strings.Contains(strings.ReplaceAll(dead[0].Body, `\"`, `"`),
				poison) {
				t.Errorf("got dead letters %+v, want the poisoned one in %s with its bytes", dead, source.dead)
			}
		})
	}
}

// The stream carries all that call analytics writes of a call. Only the voice
// notifications in it reach the function; by the other sources the function gets
// the rest too, and skips it.
func TestOnlyVoiceNotificationsOfAStreamAreStored(t *testing.T) {
	s, table := startVoice(t)
	ready, err := schemas.Lookup("voice-analytics-ready")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../chime/testdata/call-analytics.json")
	if err != nil {
		t.Fatal(err)
	}
	var others []json.RawMessage
	if err := json.Unmarshal(text, &others); err != nil {
		t.Fatal(err)
	}
	for i, record := range others {
		putRecord(t, s, record)
		if i == 2 {
			putRecord(t, s, ready.Body)
		}
	}
	putRecord(t, s, []byte("\xf3\x89\x9a\xc2 not JSON, and not ours"))
	drain(t, s)
	var status local.Status
	get(t, s, "/", http.StatusOK, &status)
	if got := status.Functions[local.VoiceFunction].Invocations; got != 1 {
		t.Errorf("got %d invocations, want one with the notification", got)
	}
	for _, record := range others {
		s.SendVoice(record)
		_, err := sns.NewFromConfig(awsConfig(s)).Publish(t.Context(), &sns.PublishInput{
			TopicArn: aws.String(local.VoiceTopicARN), Message: aws.String(string(record)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.InvokeAsync(local.VoiceFunction, record); err != nil {
			t.Fatal(err)
		}
	}
	drain(t, s)
	call := chime.CallFields{TransactionID: "af713cb5-c6aa-416a-97e1-5636109ac0d8"}
	notes, err := table.VoiceOf(t.Context(), call, "")
	if err != nil || len(notes) != 1 || notes[0].By != "KINESIS" {
		t.Errorf("got the notifications %+v and %v, want the one of the stream", notes, err)
	}
	if dead := s.DeadLetters(); len(dead) != 0 {
		t.Errorf("got the dead letters %+v, want none", dead)
	}
	items, err := s.DynamoDB().Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items.Items {
		line, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		if text := string(line); strings.Contains(text, "Transcript") || strings.Contains(text, "CallAnalytics") {
			t.Errorf("got the item %s, want nothing of call analytics", text)
		}
	}
}

func TestInvokeThroughTheLambdaAPI(t *testing.T) {
	s, _ := startVoice(t)
	ready, err := schemas.Lookup("voice-analytics-ready")
	if err != nil {
		t.Fatal(err)
	}
	post(t, s, "/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:voice/invocations", nil, ready.Body,
		http.StatusOK)
	post(t, s, "/2015-03-31/functions/nobody/invocations", nil, ready.Body, http.StatusNotFound)
	post(t, s, "/2015-03-31/functions/voice/invocations", map[string]string{"X-Amz-Invocation-Type": "Event"}, []byte("x"),
		http.StatusBadRequest)
}

// TestAWSCLISendsVoiceNotifications holds the stream and Invoke against the CLI's
// models of the services.
func TestAWSCLISendsVoiceNotifications(t *testing.T) {
	program := need.Tool(t, "aws")
	s, table := startVoice(t)
	file := filepath.Join(t.TempDir(), "note.json")
	const note = `{"id":"n","service-type":"VoiceAnalytics","detail-type":"SpeakerSearchStatus",` +
		`"time":"2026-03-11T08:15:00Z","detail":{"taskId":"k","transactionId":"cli"}}`
	if err := os.WriteFile(file, []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"kinesis", "put-record", "--stream-name", local.VoiceStream, "--partition-key", "p", "--data", "file://" + file},
		{"lambda", "invoke", "--function-name", "voice", "--payload", "file://" + file, "--query", "StatusCode", os.DevNull},
	} {
		cmd := exec.CommandContext(t.Context(), program, append([]string{"--endpoint-url", s.Endpoint()}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION="+local.Region, "AWS_ACCESS_KEY_ID=test",
			"AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "200") &&
			!strings.Contains(string(out), "SequenceNumber") {
			t.Errorf("aws %s: got %s (%v)", args[0], out, err)
		}
	}
	drain(t, s)
	notes, err := table.VoiceOf(t.Context(), chime.CallFields{TransactionID: "cli"}, "")
	if err != nil || len(notes) != 2 {
		t.Errorf("got %d notifications and %v, want the two that the CLI sent; dead letters %+v", len(notes), err,
			s.DeadLetters())
	}
}

// consent puts a consent event on the bus and waits until it is handled.
func consent(t *testing.T, s *local.Stack, d voicetask.ConsentDetail) {
	t.Helper()
	event, err := json.Marshal(map[string]any{
		"id": fmt.Sprint(d.Decision, d.At.UnixNano()), "account": local.Account, "source": voicetask.ConsentSource,
		"detail-type": voicetask.DetailType, "time": time.Now().UTC(), "detail": d,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(event); err != nil {
		t.Fatal(err)
	}
	drain(t, s)
}

func TestTasksFollowConsent(t *testing.T) {
	s, table := startVoice(t)
	const transaction = "af713cb5-c6aa-416a-97e1-5636109ac0d8"
	at := time.Now().UTC().Add(-time.Minute)
	decision := func(kind voicetask.Kind, scope voicetask.Scope) voicetask.ConsentDetail {
		at = at.Add(time.Second)
		return voicetask.ConsentDetail{TransactionID: transaction, Scope: scope, Decision: kind, By: "me", At: at}
	}
	running := func(want string) {
		t.Helper()
		var kinds []string
		for _, task := range s.Voice().Tasks() {
			if task.StoppedAt.IsZero() {
				kinds = append(kinds, task.Kind)
			}
		}
		slices.Sort(kinds)
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("got %q running, want %q", got, want)
		}
	}
	notify := func(name string) {
		t.Helper()
		e, err := schemas.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		s.SendVoice(e.Body)
		drain(t, s)
	}
	consent(t, s, decision(voicetask.Granted, voicetask.ScopeVoiceTone))
	running("")
	notify("voice-analytics-ready")
	running("voice-tone")
	notify("voice-analytics-ready")
	consent(t, s, decision(voicetask.Granted, voicetask.ScopeBoth))
	running("speaker-search voice-tone")
	consent(t, s, decision(voicetask.Withdrawn, voicetask.ScopeVoiceTone))
	running("speaker-search")
	consent(t, s, decision(voicetask.Denied, voicetask.ScopeBoth))
	running("")
	bad := decision(voicetask.Granted, "everything")
	consent(t, s, bad)
	if dead := s.DeadLetters(); len(dead) != 1 || !strings.Contains(dead[0].Body, "/detail/scope") {
		t.Errorf("got dead letters %+v, want the consent that names no known scope, with the field", dead)
	}
	s.Voice().End(transaction)
	consent(t, s, decision(voicetask.Granted, voicetask.ScopeBoth))
	running("")
	ledger, err := table.Ledger(t.Context(), transaction)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, standing := range ledger.Standings(time.Now()) {
		got = append(got, string(standing.Task)+" "+string(standing.State))
	}
	if diff := cmp.Diff([]string{"speaker-search expired", "voice-tone expired"}, got); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
	if got := len(s.Voice().Tasks()); got != 2 {
		t.Errorf("got %d tasks in all, want one of each kind", got)
	}
}
