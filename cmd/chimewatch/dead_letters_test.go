package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"

	localsqs "github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// deadLetterStack is a deployed stack with its three dead-letter queues. It answers
// CloudFormation, SQS and Lambda.
type deadLetterStack struct {
	url    string
	queues []*localsqs.Queue // rules, functions, voice

	mu sync.Mutex
	// invoke answers the n-th invocation with a payload, and where the function fails with
	// the kind of its error; nil handles all.
	invoke  func(n int, function string) (payload, failure string)
	invoked int
	hidden  float64 // the longest time for which dead letters were hidden, in seconds
}

const deadLetterFunction = "arn:aws:lambda:us-east-1:111122223333:function:status"

func newDeadLetterStack(t *testing.T) *deadLetterStack {
	t.Helper()
	s := &deadLetterStack{queues: []*localsqs.Queue{localsqs.New("rules"), localsqs.New("functions"), localsqs.New("voice")}}
	service := localsqs.NewService("111122223333", "us-east-1", s.queues...).Handler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasPrefix(target, "AmazonSQS."):
			body, _ := io.ReadAll(r.Body)
			var in map[string]any
			_ = json.Unmarshal(body, &in)
			hidden, _ := in["VisibilityTimeout"].(float64)
			s.mu.Lock()
			s.hidden = max(s.hidden, hidden)
			s.mu.Unlock()
			delete(in, "WaitTimeSeconds") // one server has all the dead letters
			body, _ = json.Marshal(in)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if strings.HasSuffix(target, ".ReceiveMessage") {
				// An answer that comes before the SDK has read the end of its own request makes it close the
				// connection. That loses what is longer than a buffer. No network is that fast.
				time.Sleep(5 * time.Millisecond)
			}
			service.ServeHTTP(w, r)
		case strings.Contains(r.URL.Path, "/functions/"):
			s.mu.Lock()
			s.invoked++
			n, invoke := s.invoked, s.invoke
			s.mu.Unlock()
			payload, failure := "null", ""
			if invoke != nil {
				payload, failure = invoke(n, path.Base(strings.TrimSuffix(r.URL.Path, "/invocations")))
			}
			if failure != "" {
				w.Header().Set("X-Amz-Function-Error", failure)
			}
			io.WriteString(w, payload)
		default:
			s.describe(w)
		}
	}))
	s.url = "http://" + server.Listener.Addr().String()
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// answer sets what functions answer from now on: the payload and the kind of failure of
// the invocation n; nil for success.
func (s *deadLetterStack) answer(invoke func(n int, function string) (payload, failure string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invoke = invoke
}

func (s *deadLetterStack) describe(w http.ResponseWriter) {
	var outputs strings.Builder
	output := func(key, value string) {
		fmt.Fprintf(&outputs, `<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`, key, value)
	}
	for i, key := range []string{"RuleDeadLettersUrl", "FunctionDeadLettersUrl", "VoiceDeadLettersUrl"} {
		output(key, s.queueURL(i))
	}
	output("StatusFunctionName", "status")
	output("VoiceFunctionName", "voice")
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Chimewatch</StackName>`+
		`<StackId>arn:aws:cloudformation:us-east-1:111122223333:stack/Chimewatch/1</StackId>`+
		`<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>`+
		`<Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, outputs.String())
}

func (s *deadLetterStack) queueURL(i int) string {
	return s.url + "/111122223333/" + s.queues[i].Name()
}

// send puts a dead letter of the function status into a queue and returns its id.
func (s *deadLetterStack) send(queue int, event string) string {
	return s.queues[queue].Send(`{"requestContext":{"functionArn":"`+deadLetterFunction+`","condition":"RetriesExhausted"},`+
		`"requestPayload":{"id":"`+event+`","detail-type":"State of (415) 555-0160","detail":{}},`+
		`"responsePayload":{"errorMessage":"table of +1 415 555 0160: throttled"}}`, nil)
}

// take has another reader receive up to 10 dead letters of a queue, and returns their ids.
func (s *deadLetterStack) take(t interface{ Fatal(...any) }, queue, n int) (ids []string) {
	url := s.queueURL(queue)
	out, err := sqs.NewFromConfig(localConfig(s.url)).ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(n), VisibilityTimeout: 50,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		ids = append(ids, *m.MessageId)
	}
	return ids
}

// visible returns how many dead letters can be received at this moment.
func (s *deadLetterStack) visible(t interface{ Fatal(...any) }) (n int) {
	for i := range s.queues {
		url := s.queueURL(i)
		out, err := sqs.NewFromConfig(localConfig(s.url)).GetQueueAttributes(context.Background(),
			&sqs.GetQueueAttributesInput{
				QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages},
			})
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		if _, err := fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &in); err != nil {
			t.Fatal(err)
		}
		n += in
	}
	return n
}

// all returns how many dead letters there are, hidden or not.
func (s *deadLetterStack) all() (n int) {
	for _, q := range s.queues {
		n += len(q.Messages())
	}
	return n
}

func (s *deadLetterStack) args(args ...string) []string {
	return append(append([]string{"dead-letters"}, args...), "--endpoint-url", s.url, "--region", "us-east-1")
}

func (s *deadLetterStack) run(args ...string) result { return execute(nil, "", s.args(args...)...) }

// Of whatever queues, a list shows the newest of all, says how many there are and how many
// another reader has, and hides none; a program gets an array and no body.
func TestListOfDeadLetters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newDeadLetterStack(t)
		free, taken := []string{}, 0
		for i := range rapid.IntRange(0, 14).Draw(rt, "dead letters") {
			s.send(rapid.IntRange(0, 2).Draw(rt, "queue"), fmt.Sprint("event-", i))
			time.Sleep(2 * time.Millisecond) // SQS counts milliseconds
		}
		var messages []localsqs.Message
		for i, q := range s.queues {
			held := []string{}
			if n := rapid.IntRange(0, 5).Draw(rt, "with another reader"); n > 0 {
				held = s.take(rt, i, n)
			}
			taken += len(held)
			for _, m := range q.Messages() {
				if !slices.Contains(held, m.ID) {
					messages = append(messages, m)
				}
			}
		}
		slices.SortFunc(messages, func(a, b localsqs.Message) int { return b.SentAt.Compare(a.SentAt) })
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		for _, m := range messages[:min(len(messages), limit)] {
			free = append(free, m.ID)
		}

		got := s.run("list", "-o", "json", "-n", fmt.Sprint(limit))
		var reports []deadLetterReport
		if err := json.Unmarshal([]byte(got.stdout), &reports); err != nil || got.code != exitDone {
			rt.Fatalf("got exit code %d, %q, %q (%v)", got.code, got.stdout, got.stderr, err)
		}
		ids := []string{}
		for _, r := range reports {
			ids = append(ids, r.ID)
		}
		if !slices.Equal(ids, free) {
			rt.Fatalf("got the dead letters %v, want the newest of all queues: %v", ids, free)
		}
		noNumbers(t, "list", got, "4155550160")
		if strings.Contains(got.stdout, "requestPayload") {
			rt.Fatalf("got %q, want no bodies", got.stdout)
		}
		text := s.run("list", "-n", fmt.Sprint(limit))
		if want := fmt.Sprintf("%d here", len(messages)); text.code != exitDone || !strings.Contains(text.stderr, want) {
			rt.Fatalf("got %d and %q, want %q", text.code, text.stderr, want)
		}
		for _, stderr := range []string{got.stderr, text.stderr} {
			if said := strings.Contains(stderr, fmt.Sprintf("; %d more ", taken)); said != (taken > 0) {
				rt.Fatalf("got %q, want it to count the %d with another reader", stderr, taken)
			}
			if said := strings.Contains(stderr, fmt.Sprintf("the newest %d are listed", limit)); said != (len(messages) > limit) {
				rt.Fatalf("got %q for %d dead letters, want it to say whether that is all", stderr, len(messages))
			}
		}
		if n := s.visible(rt); n != len(messages) || s.hidden > 60 {
			rt.Fatalf("got %d visible, hidden for up to %.0f s, want %d and a minute at most", n, s.hidden, len(messages))
		}
	})
}

// What another reader has is not handled, and a script must not take that for success.
func TestRedriveWithAnotherReader(t *testing.T) {
	s := newDeadLetterStack(t)
	for i := range 15 {
		s.send(1, fmt.Sprint("event-", i))
	}
	taken := s.take(t, 1, 10)
	for _, output := range []string{"table", "json", "jsonl"} {
		got := s.run("redrive", "--all", "-o", output)
		if got.code != exitFailed || !strings.Contains(got.stderr, "10 more are with another reader until ") {
			t.Errorf("got %d and %q, want 1 and what is left", got.code, got.stderr)
		}
		if output == "table" && (strings.Count(got.stdout, "handled  ") != 5 ||
			!strings.Contains(got.stderr, "5 handled, 0 failed, 10 left")) {
			t.Errorf("got %q and %q, want a line a dead letter and the sum", got.stdout, got.stderr)
		}
	}
	for _, command := range []string{"redrive", "show", "delete"} {
		if got := s.run(command, taken[0]); got.code != exitFailed || !strings.Contains(got.stderr, "10 more are with") {
			t.Errorf("%s: got %d and %q, want it to say who has the dead letter", command, got.code, got.stderr)
		}
	}
	if got := s.run("list"); got.code != exitDone || !strings.Contains(got.stderr, "0 here; 10 more are with another") {
		t.Errorf("list: got %q, want it to say that dead letters are hidden", got.stderr)
	}
	if n := s.all(); n != 10 {
		t.Errorf("got %d dead letters, want the 10 of the other reader", n)
	}
}

// What fails again stays and can be read at once, and why it failed is printed without
// numbers. A dead letter of the voice queue, which names no function, is for the function voice.
func TestRedriveOfWhatFailsAgain(t *testing.T) {
	s := newDeadLetterStack(t)
	s.queues[2].Send(`{"id":"v1","detail-type":"SpeakerSearchStatus","detail":{}}`, nil)
	s.send(0, "tel:+14155550160")
	s.send(1, "event-1")
	s.answer(func(_ int, function string) (string, string) {
		if function == "voice" {
			return `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, ""
		}
		return `{"errorMessage":"no call of sip:+14155550160@198.51.100.7 \u001b[31m"}`, "Unhandled"
	})
	for _, output := range []string{"table", "json", "jsonl"} {
		got := s.run("redrive", "--all", "-o", output)
		noNumbers(t, "redrive", got, "4155550160")
		if got.code != exitFailed || strings.Count(got.stdout, "failed again in 1 of its records") != 1 ||
			strings.Count(got.stdout, "no call of ") != 2 || strings.Contains(got.stdout, "\x1b") {
			t.Errorf("got %d and %q, want why each failed", got.code, got.stdout)
		}
		if !strings.Contains(got.stderr, "0 handled, 3 failed, 3 left") || s.visible(t) != 3 {
			t.Errorf("got %q and %d visible, want all left", got.stderr, s.visible(t))
		}
	}
	s.answer(nil)
	if got := s.run("redrive", "--all"); got.code != exitDone || s.all() != 0 ||
		!strings.Contains(got.stderr, "3 handled, 0 failed, 0 left") {
		t.Errorf("got %d, %q and %d dead letters, want all handled", got.code, got.stderr, s.all())
	}
}

// Whatever ends redrive while it works, what it did is printed and counted, and no dead letter
// stays hidden.
func TestRedriveThatIsInterrupted(t *testing.T) {
	command := binaries.Command(t)
	// Where the tests run under nohup, the command must not inherit that a hangup is ignored.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for name, end := range map[string]func(*os.Process, io.Closer) error{
		"SIGHUP":          func(p *os.Process, _ io.Closer) error { return p.Signal(syscall.SIGHUP) },
		"SIGTERM":         func(p *os.Process, _ io.Closer) error { return p.Signal(syscall.SIGTERM) },
		"the reader goes": func(_ *os.Process, reader io.Closer) error { return reader.Close() },
	} {
		for _, output := range []string{"table", "jsonl"} {
			t.Run(name+" "+output, func(t *testing.T) {
				s := newDeadLetterStack(t)
				for i := range 40 {
					s.send(i%2, fmt.Sprint("event-", i))
				}
				reached, goOn := make(chan bool), make(chan bool)
				s.answer(func(n int, _ string) (string, string) {
					if n == 7 {
						close(reached)
						<-goOn
					}
					return "null", ""
				})
				c := exec.CommandContext(t.Context(), command, s.args("redrive", "--all", "-o", output)...)
				var stderr bytes.Buffer
				c.Stderr = &stderr
				reader, writer, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				c.Stdout = writer
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				writer.Close()
				<-reached
				lines := bufio.NewReader(reader)
				for range 6 { // each line came as its dead letter was done
					if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "handled") {
						t.Fatalf("got %q (%v), want a line for each dead letter", line, err)
					}
				}
				if err := end(c.Process, reader); err != nil {
					t.Fatal(err)
				}
				if name == "the reader goes" {
					close(goOn)
				} else {
					defer close(goOn) // the server waits for it
				}
				_ = c.Wait()
				if c.ProcessState.ExitCode() != exitFailed {
					t.Errorf("got %s and %q, want exit code 1", c.ProcessState, stderr.String())
				}
				handled := 40 - s.all()
				if want := fmt.Sprintf("%d handled, 0 failed, about %d left", handled, s.all()); handled < 6 || handled > 7 ||
					!strings.Contains(stderr.String(), want) {
					t.Errorf("got %q, want %q", stderr.String(), want)
				}
				if n := s.visible(t); n != s.all() || s.hidden > 60 {
					t.Errorf("got %d of %d dead letters visible, and hidden for up to %.0f s; it said %q", n, s.all(), s.hidden,
						stderr.String())
				}
			})
		}
	}
}

// Whoever reads the output and goes hides no dead letter either.
func TestReadersThatGoHideNothing(t *testing.T) {
	command := binaries.Command(t)
	s := newDeadLetterStack(t)
	for i := range 12 {
		s.send(i%3, fmt.Sprint("event-", i))
	}
	id := s.send(0, "wanted")
	for _, args := range [][]string{{"show", "wanted"}, {"list"}, {"list", "-o", "json"}, {"redrive", id}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		c := exec.CommandContext(t.Context(), command, s.args(args...)...)
		c.Stdout = writer
		if err := c.Run(); err == nil {
			t.Errorf("%v: got no error, want it to end by the signal or with 1", args)
		}
		writer.Close()
		if n := s.visible(t); n != s.all() {
			t.Errorf("%v: got %d of %d dead letters visible", args, n, s.all())
		}
	}
}

// To delete is for good: on a terminal the command shows what it means and asks.
func TestDeleteAsks(t *testing.T) {
	for _, test := range []struct {
		name, typed string
		flags       []string
		code, left  int
		says        string
	}{
		{name: "no", typed: "no\n", code: exitFailed, left: 2, says: "nothing was deleted"},
		{name: "nothing", typed: "\n", code: exitFailed, left: 2, says: "nothing was deleted"},
		{name: "yes", typed: "yes\n", code: exitDone, left: 1, says: "Delete 1 dead letter for good?"},
		{name: "not asked", flags: []string{"--yes"}, code: exitDone, left: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newDeadLetterStack(t)
			id := s.send(0, "wanted")
			s.send(1, "other")
			got := atTerminal(t.Context(), strings.NewReader(test.typed),
				s.args(append([]string{"delete", id}, test.flags...)...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) || s.all() != test.left {
				t.Errorf("got %d, %q and %d left, want %d, %q and %d", got.code, got.stderr, s.all(), test.code, test.says,
					test.left)
			}
			if asked := strings.Contains(got.stderr, "for good?"); asked != (test.flags == nil) ||
				asked && !strings.Contains(got.stderr, id) {
				t.Errorf("got %q, want a question that shows the dead letter", got.stderr)
			}
			noNumbers(t, "delete", got, "4155550160")
			if n := s.visible(t); n != test.left {
				t.Errorf("got %d visible, want %d", n, test.left)
			}
		})
	}
	s := newDeadLetterStack(t)
	s.send(0, "wanted")
	got := atTerminal(t.Context(), strings.NewReader("yes\n"), s.args("delete", "wanted", "absent")...)
	if got.code != exitFailed || !strings.Contains(got.stderr, "dead letter absent") || s.all() != 1 {
		t.Errorf("got %d, %q and %d left, want it to name what is not there and delete nothing", got.code, got.stderr,
			s.all())
	}
}
