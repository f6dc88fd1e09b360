package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	standin "github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// lifeline is the way to the network of one process, which dies at its call
// number at: before it, or after it was answered. Zero means never.
type lifeline struct {
	mu        sync.Mutex // of calls
	calls, at int
	after     bool
	die       context.CancelFunc
}

// errDead is the error of each request of a dead process. The AWS SDK would go on
// trying until its deadline.
var errDead error = deadProcess{}

type deadProcess struct{}

func (deadProcess) Error() string        { return "the process is dead" }
func (deadProcess) RetryableError() bool { return false }

func (l *lifeline) Do(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.calls++
	n := l.calls
	l.mu.Unlock()
	if l.at == 0 || n < l.at {
		return http.DefaultClient.Do(r)
	}
	if l.after && n == l.at {
		if answer, err := http.DefaultClient.Do(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
			answer.Body.Close()
		}
	}
	l.die()
	return nil, errDead
}

// call is one call, with the table and the service behind it.
type call struct {
	t           *testing.T
	tableURL    string
	service     *standin.Voice
	serviceURL  string
	transaction string
	words       int
	// passed is how much time the clock of all processes is ahead.
	passed time.Duration
}

func (c *call) now() time.Time { return time.Now().Add(c.passed) }

// functions are the functions in a process of their own.
func (c *call) functions(l aws.HTTPClient) (voice batchHandler, said, lapses oneHandler) {
	keys := credentials.NewStaticCredentialsProvider("id", "secret", "")
	db := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &c.tableURL, Credentials: keys, HTTPClient: l})
	api := chimeapi.New(aws.Config{Region: "us-east-1", BaseEndpoint: &c.serviceURL, Credentials: keys, HTTPClient: l})
	s := dynamo.New(db, "calls", dynamo.Options{})
	on := voicetask.Settings{voicetask.VoiceTone: true}
	k := &voicetask.TaskRunner{Table: s, Service: chimeapi.VoiceTasks{API: api, DomainID: "d"}, On: on, Now: c.now, Counts: quiet{}}
	return voiceOf(s, k, quiet{}), consentOf(s, k, quiet{}, c.now), expiryOf(s, k, c.now)
}

// step is an event that one of the functions handles.
type step func(ctx context.Context, l *lifeline) error

func (c *call) notify(body string) step {
	return func(ctx context.Context, l *lifeline) error {
		voice, _, _ := c.functions(l)
		return voice(ctx, []lambdafn.Message{{Source: lambdafn.SQS, Body: []byte(body)}})[0]
	}
}

func (c *call) ready() step {
	return c.notify(fmt.Sprintf(`{"id":"r-%[1]s","detail-type":"VoiceAnalyticsStatus","time":"2026-03-11T08:15:04Z","detail":{"detailStatus":"AnalyticsReady","transactionId":%[1]q,"callId":"c-%[1]s","voiceConnectorId":"vc"}}`, c.transaction))
}

// say is a word on voice tone, later than those before; by the callId every
// second time.
func (c *call) say(decision voicetask.Kind) step { return c.sayFor(decision, 0) }

// sayFor is say for some time from now on; zero means that it has no end.
func (c *call) sayFor(decision voicetask.Kind, lasts time.Duration) step {
	c.words++
	d := voicetask.ConsentDetail{Scope: voicetask.ScopeVoiceTone, Decision: decision, By: "me", At: time.Date(2026, 3, 11, 8, 15, c.words, 0, time.UTC)}
	if c.words%2 == 0 {
		d.CallID = "c-" + c.transaction
	} else {
		d.TransactionID = c.transaction
	}
	if lasts > 0 {
		d.Until = c.now().Add(lasts)
	}
	body, err := json.Marshal(map[string]any{"id": fmt.Sprint("w-", c.transaction, c.words), "source": voicetask.ConsentSource, "detail-type": voicetask.DetailType, "time": d.At, "detail": d})
	if err != nil {
		c.t.Fatal(err)
	}
	return func(ctx context.Context, l *lifeline) error {
		_, handle, _ := c.functions(l)
		return handle(ctx, lambdafn.Message{Source: lambdafn.EventBridge, Body: body})
	}
}

// later lets time pass, and then the schedule run.
func (c *call) later(d time.Duration) step {
	return func(ctx context.Context, l *lifeline) error {
		c.passed = max(c.passed, d)
		_, _, lapses := c.functions(l)
		return lapses(ctx, lambdafn.Message{})
	}
}

func (c *call) hangUp() step {
	return func(context.Context, *lifeline) error {
		c.service.End(c.transaction)
		return nil
	}
}

// tasks gives the call's tasks.
func (c *call) tasks() (all []standin.VoiceTask, running int) {
	for _, task := range c.service.Tasks() {
		if task.TransactionID == c.transaction {
			all = append(all, task)
			if task.StoppedAt.IsZero() {
				running++
			}
		}
	}
	return all, running
}

// newCall makes a call with a table and a service of its own.
func newCall(t *testing.T) *call {
	t.Helper()
	silenceLog(t)
	server, err := dynalite.Start(t.Context(), need.Dynalite(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := dynalite.EnsureTable(t.Context(), dynalite.Client(server.URL(), "us-east-1"), "calls", dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	service := standin.NewVoice()
	web := httptest.NewServer(service)
	t.Cleanup(web.Close)
	return &call{t: t, tableURL: server.URL(), service: service, serviceURL: web.URL, transaction: "t"}
}

// TestVoiceTasksSurviveACrashAtAnyRequest kills the process of each event before and after
// each of its calls to the table and to the service, and lets the event be
// offered again: at once, or after all that came later.
func TestVoiceTasksSurviveACrashAtAnyRequest(t *testing.T) {
	world := newCall(t)
	for _, tt := range []struct {
		name  string
		steps func(*call) []step
		// running and started are what is to be in the end. A start that was
		// killed and then lost its consent never comes to be.
		running, started int
	}{
		{"ready, yes", func(c *call) []step { return []step{c.ready(), c.say(voicetask.Granted)} }, 1, 1},
		{"yes, ready, no", func(c *call) []step { return []step{c.say(voicetask.Granted), c.ready(), c.say(voicetask.Withdrawn)} }, 0, 1},
		{"ready, yes, no", func(c *call) []step { return []step{c.ready(), c.say(voicetask.Granted), c.say(voicetask.Withdrawn)} }, 0, 1},
		{"ready, no, yes", func(c *call) []step { return []step{c.ready(), c.say(voicetask.Denied), c.say(voicetask.Granted)} }, 1, 1},
		{"ready, yes for an hour, two hours", func(c *call) []step {
			return []step{c.ready(), c.sayFor(voicetask.Granted, time.Hour), c.later(2 * time.Hour)}
		}, 0, 1},
		{"ready, hang-up, yes", func(c *call) []step { return []step{c.ready(), c.hangUp(), c.say(voicetask.Granted)} }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			// run plays it, with the process of one step dying at one call, and tells
			// whether it came to that call.
			run := func(victim, at int, after, late bool) bool {
				runs++
				c := &call{t: t, tableURL: world.tableURL, service: world.service, serviceURL: world.serviceURL, transaction: fmt.Sprintf("%s %d", tt.name, runs)}
				steps := tt.steps(c)
				died := false
				again := func() {
					if err := steps[victim](t.Context(), &lifeline{}); err != nil {
						t.Fatal(err)
					}
				}
				for i, next := range steps {
					ctx, cancel := context.WithCancel(t.Context())
					l := &lifeline{die: cancel}
					if i == victim {
						l.at, l.after = at, after
					}
					err := next(ctx, l)
					died = died || i == victim && l.calls >= at
					cancel()
					if err != nil && !died {
						t.Fatal(err)
					}
					if died && i == victim && !late {
						again()
					}
				}
				if died && late {
					again()
				}
				all, _ := c.tasks()
				for _, task := range all { // each task sends notifications, so that a forgotten one makes itself known
					body := fmt.Sprintf(`{"id":"n-%s","detail-type":"VoiceToneAnalysisStatus","time":"2026-03-11T08:16:04Z","detail":{"taskId":%q,"transactionId":%q}}`, task.ID, task.ID, c.transaction)
					if err := c.notify(body)(t.Context(), &lifeline{}); err != nil {
						t.Fatal(err)
					}
				}
				all, running := c.tasks()
				if running != tt.running || len(all) > tt.started || len(all) < tt.started && tt.running > 0 {
					t.Errorf("step %d died at call %d (after %t, offered again late %t): got %d tasks and %d running, want %d and %d",
						victim, at, after, late, len(all), running, tt.started, tt.running)
				}
				return died
			}
			for victim := range tt.steps(&call{t: t}) {
				for at := 1; ; at++ {
					if !run(victim, at, false, false) {
						break // it has no such call
					}
					run(victim, at, true, false)
					run(victim, at, false, true)
					run(victim, at, true, true)
				}
			}
			if runs < 20 && len(tt.steps(&call{t: t})) > 2 {
				t.Errorf("got %d runs, want one for each call", runs)
			}
		})
	}
}

func TestTasksStopWhenConsentExpires(t *testing.T) {
	const hour = time.Hour
	world := newCall(t)
	for _, tt := range []struct {
		name    string
		steps   func(*call) []step
		running int
	}{
		{"in its time", func(c *call) []step { return []step{c.ready(), c.sayFor(voicetask.Granted, hour), c.later(hour / 2)} }, 1},
		{"after its time", func(c *call) []step { return []step{c.ready(), c.sayFor(voicetask.Granted, hour), c.later(2 * hour)} }, 0},
		{"by the callId", func(c *call) []step {
			return []step{c.ready(), c.say(voicetask.Denied), c.sayFor(voicetask.Granted, hour), c.later(2 * hour)}
		}, 0},
		{"given again without an end", func(c *call) []step {
			return []step{c.ready(), c.sayFor(voicetask.Granted, hour), c.say(voicetask.Granted), c.later(2 * hour)}
		}, 1},
		{"given again for longer", func(c *call) []step {
			return []step{c.ready(), c.sayFor(voicetask.Granted, hour), c.sayFor(voicetask.Granted, 3*hour), c.later(2 * hour)}
		}, 1},
		{"given again for less", func(c *call) []step {
			return []step{c.ready(), c.sayFor(voicetask.Granted, 3*hour), c.sayFor(voicetask.Granted, hour), c.later(2 * hour)}
		}, 0},
		{"ready after its time", func(c *call) []step { return []step{c.sayFor(voicetask.Granted, hour), c.later(2 * hour), c.ready()} }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &call{t: t, tableURL: world.tableURL, service: world.service, serviceURL: world.serviceURL, transaction: tt.name}
			for _, next := range tt.steps(c) {
				if err := next(t.Context(), &lifeline{}); err != nil {
					t.Fatal(err)
				}
			}
			if all, running := c.tasks(); running != tt.running {
				t.Errorf("got %d running of %d, want %d", running, len(all), tt.running)
			}
		})
	}
	t.Run("tried again until it is done, and then no more", func(t *testing.T) {
		c := newCall(t)
		requests := func(next step) (n int, err error) {
			l := &lifeline{}
			err = next(t.Context(), l)
			return l.calls, err
		}
		for _, next := range []step{c.ready(), c.sayFor(voicetask.Granted, 10*hour)} {
			if _, err := requests(next); err != nil {
				t.Fatal(err)
			}
		}
		none, err := requests(c.later(9 * hour))
		if err != nil {
			t.Fatal(err)
		}
		c.service.Refuse(http.StatusForbidden)
		if _, err := requests(c.later(11 * hour)); apperr.ClassOf(err) != apperr.Internal {
			t.Errorf("got %v, want that the task may not be stopped", err)
		}
		for range 2 {
			if _, err := requests(c.later(11 * hour)); err != nil {
				t.Error(err)
			}
		}
		if _, running := c.tasks(); running != 0 {
			t.Errorf("got %d running, want none", running)
		}
		if again, err := requests(c.later(11 * hour)); err != nil || again != none {
			t.Errorf("got %d requests and %v once it is done, want %d, those that find nothing", again, err, none)
		}
	})
}

// silent is a network on which one task cannot be stopped: the service hangs, or
// refuses.
type silent struct {
	taskID  string
	refuses bool
}

func (s silent) Do(r *http.Request) (*http.Response, error) {
	switch {
	case !strings.HasSuffix(r.URL.Path, "/"+s.taskID):
		return http.DefaultClient.Do(r)
	case s.refuses:
		header := http.Header{"X-Amzn-Errortype": {"ForbiddenException"}}
		return &http.Response{StatusCode: http.StatusForbidden, Header: header, Body: http.NoBody}, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// The first call whose consent has run out cannot be stopped: all others are, in
// the same run, and what is wrong with the first one is written down.
func TestOtherTasksStopWhenOneCannot(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refuses bool
		code    string
	}{{"the service hangs", false, "unavailable"}, {"the service refuses", true, "ForbiddenException"}} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCall(t)
			for n := range 26 {
				c.transaction = fmt.Sprint("t", n)
				for _, next := range []step{c.ready(), c.sayFor(voicetask.Granted, time.Hour)} {
					if err := next(t.Context(), &lifeline{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.passed = 2 * time.Hour
			first := c.service.Tasks()[0]
			_, _, lapses := c.functions(silent{first.ID, tt.refuses})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := lapses(ctx, lambdafn.Message{}); err == nil || ctx.Err() != nil {
				t.Errorf("got %v and %v, want an error in time", err, ctx.Err())
			}
			for _, task := range c.service.Tasks() {
				if running := task.StoppedAt.IsZero(); running != (task.ID == first.ID) {
					t.Errorf("%s: runs: %t, want only the first one to run", task.TransactionID, running)
				}
			}
			s := dynamo.New(dynalite.Client(c.tableURL, "us-east-1"), "calls", dynamo.Options{})
			ledger, err := s.Ledger(t.Context(), first.TransactionID)
			if err != nil {
				t.Fatal(err)
			}
			failed := func(e voicetask.Entry) bool { return e.Kind == voicetask.Failed && e.Code == tt.code }
			if !slices.ContainsFunc(ledger, failed) {
				t.Errorf("got the ledger %v, want the failure of code %s in it", ledger, tt.code)
			}
		})
	}
}

func TestInvalidConsentIsNotStored(t *testing.T) {
	entered := 0
	handle := consentOf(ledger(func() { entered++ }), nil, count{}, time.Now)
	for name, detail := range map[string]string{
		"no call":       `{"scope":"both","decision":"granted","by":"me"}`,
		"unknown scope": `{"transactionId":"t","scope":"all","decision":"granted","by":"me"}`,
		"past end":      `{"transactionId":"t","scope":"both","decision":"granted","by":"me","until":"2026-03-11T08:15:03Z"}`,
	} {
		body := `{"id":"e","source":"chimewatch.consent","detail-type":"Voice Analytics Consent","time":"2026-03-11T08:15:04Z","detail":` + detail + `}`
		if err := handle(t.Context(), lambdafn.Message{Body: []byte(body)}); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want it refused as invalid", name, err)
		}
	}
	if entered != 0 {
		t.Errorf("got %d entries, want none", entered)
	}
}

// ledger stands for a table that counts what is entered.
type ledger func()

func (l ledger) Enter(context.Context, voicetask.Entry) error {
	l()
	return nil
}
