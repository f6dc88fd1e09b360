package flows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// network is the HTTP client of a process that dies at its request number at: before it, or
// after it was answered. Zero means never.
type network struct {
	mu           sync.Mutex // of requests
	requests, at int
	after        bool
	die          context.CancelFunc
}

// errDead is the error of each request of a dead process. It is not retryable: the AWS SDK
// would retry until its deadline.
var errDead error = deadProcess{}

type deadProcess struct{}

func (deadProcess) Error() string        { return "the process is dead" }
func (deadProcess) RetryableError() bool { return false }

func (n *network) Do(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.requests++
	number := n.requests
	n.mu.Unlock()
	if n.at == 0 || number < n.at {
		return http.DefaultClient.Do(r)
	}
	if n.after && number == n.at {
		if answer, err := http.DefaultClient.Do(r.WithContext(context.WithoutCancel(r.Context()))); err == nil {
			answer.Body.Close()
		}
	}
	n.die()
	return nil, errDead
}

// voiceCall is a call, with the table and the Chime API behind it.
type voiceCall struct {
	t           *testing.T
	tableURL    string
	api         *chimesdk.Voice
	apiURL      string
	transaction string
	decisions   int
	// passed is how far the clock of all processes is ahead.
	passed time.Duration
}

// newVoiceCall returns a call with a table and an API of its own.
func newVoiceCall(t *testing.T) *voiceCall {
	t.Helper()
	silenceLog(t)
	server, err := dynalite.Start(t.Context(), need.Dynalite(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	db := dynalite.Client(server.URL(), region)
	if err := dynalite.EnsureTable(t.Context(), db, "calls", dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	api := chimesdk.NewVoice()
	web := httptest.NewServer(api)
	t.Cleanup(web.Close)
	return &voiceCall{t: t, tableURL: server.URL(), api: api, apiURL: web.URL, transaction: "t"}
}

// another returns another call on the same table and API.
func (c *voiceCall) another(t *testing.T, transaction string) *voiceCall {
	return &voiceCall{t: t, tableURL: c.tableURL, api: c.api, apiURL: c.apiURL, transaction: transaction}
}

func (c *voiceCall) now() time.Time { return time.Now().Add(c.passed) }

// service returns the service of the functions voice and consent, in a process of its own.
func (c *voiceCall) service(client aws.HTTPClient) *voicetask.Service {
	keys := credentials.NewStaticCredentialsProvider("id", "secret", "")
	db := dynamodb.New(dynamodb.Options{Region: region, BaseEndpoint: &c.tableURL, Credentials: keys, HTTPClient: client})
	api := chimeapi.New(aws.Config{Region: region, BaseEndpoint: &c.apiURL, Credentials: keys, HTTPClient: client})
	table := dynamo.New(db, "calls", dynamo.Options{})
	runner := &voicetask.TaskRunner{
		Table: table, Service: chimeapi.VoiceTasks{API: api, DomainID: "d"},
		On: voicetask.Settings{voicetask.VoiceTone: true}, Now: c.now, Counts: quiet{},
	}
	return &voicetask.Service{
		Notifications: table, Ledger: table, Expiries: table, Calls: runner, Counts: quiet{}, Now: c.now,
	}
}

// voiceStep is an event that a process handles.
type voiceStep func(ctx context.Context, client aws.HTTPClient) error

// play runs steps one after the other, without faults.
func (c *voiceCall) play(steps ...voiceStep) {
	c.t.Helper()
	for _, step := range steps {
		if err := step(c.t.Context(), &network{}); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *voiceCall) notify(body []byte) voiceStep {
	return func(ctx context.Context, client aws.HTTPClient) error {
		delivery := voicetask.Delivery{Body: body, By: lambdafn.SQS.Voice()}
		return c.service(client).HandleNotifications(ctx, []voicetask.Delivery{delivery})[0]
	}
}

// ready is the notification that the call can be analyzed.
func (c *voiceCall) ready() voiceStep {
	return c.notify(voiceEvent("r-"+c.transaction, "VoiceAnalyticsStatus", fmt.Sprintf(
		`{"detailStatus":"AnalyticsReady","transactionId":%[1]q,"callId":"c-%[1]s","voiceConnectorId":"vc"}`,
		c.transaction)))
}

// decide is a decision on voice tone, later than those before; every second one names the
// call by its callId.
func (c *voiceCall) decide(decision voicetask.Kind) voiceStep { return c.decideFor(decision, 0) }

// grantFor grants for some time from now on.
func (c *voiceCall) grantFor(lasts time.Duration) voiceStep {
	return c.decideFor(voicetask.Granted, lasts)
}

func (c *voiceCall) decideFor(decision voicetask.Kind, lasts time.Duration) voiceStep {
	c.decisions++
	d := voicetask.ConsentDetail{
		Scope: voicetask.ScopeVoiceTone, Decision: decision, By: "me",
		At: time.Date(2026, 3, 11, 8, 15, c.decisions, 0, time.UTC),
	}
	if c.decisions%2 == 0 {
		d.CallID = "c-" + c.transaction
	} else {
		d.TransactionID = c.transaction
	}
	if lasts > 0 {
		d.Until = c.now().Add(lasts)
	}
	body, err := json.Marshal(map[string]any{
		"id": fmt.Sprint("w-", c.transaction, c.decisions), "source": voicetask.ConsentSource,
		"detail-type": voicetask.DetailType, "time": d.At, "detail": d,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return func(ctx context.Context, client aws.HTTPClient) error { return c.service(client).Handle(ctx, body) }
}

// later lets time pass, and then the schedule run.
func (c *voiceCall) later(d time.Duration) voiceStep {
	return func(ctx context.Context, client aws.HTTPClient) error {
		c.passed = max(c.passed, d)
		return c.service(client).Run(ctx)
	}
}

func (c *voiceCall) hangUp() voiceStep {
	return func(context.Context, aws.HTTPClient) error {
		c.api.End(c.transaction)
		return nil
	}
}

// tasks returns the call's tasks, and how many of them run.
func (c *voiceCall) tasks() (all []chimesdk.VoiceTask, running int) {
	for _, task := range c.api.Tasks() {
		if task.TransactionID == c.transaction {
			all = append(all, task)
			if task.StoppedAt.IsZero() {
				running++
			}
		}
	}
	return all, running
}
