// Package local runs the whole system on one machine: the real functions behind a local
// event bus, with a table, topics and dead-letter queues that unmodified AWS clients reach
// at one address. It needs Node.js for the table, and neither an AWS account nor
// containers.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/functionspec"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// The account and Region of a local stack, and the names of its resources.
const (
	Account   = "123456789012"
	Region    = "us-east-1"
	TableName = "chimewatch"

	FailureTopicARN = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-failures"
	AlertTopicARN   = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-alerts"
	// AlarmTopicARN is the topic of CloudWatch alarms, which nothing here raises.
	AlarmTopicARN = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-alarms"

	// FunctionQueue holds the records of invocations that failed for good, RuleQueue the
	// events that could not be delivered to a function.
	FunctionQueue = "chimewatch-function-dead-letters"
	RuleQueue     = "chimewatch-rule-dead-letters"
)

// Defaults of Options.
const (
	DefaultDir       = ".chimewatch"
	DefaultFunctions = "bin/functions"
)

// Options are the options of a stack. The zero value starts one with an empty table on a
// free port, from the folder of the project.
type Options struct {
	// Dir is the folder for everything that the stack keeps; empty means DefaultDir.
	Dir string
	// Functions is the folder with NAME/bootstrap for each function; empty means
	// DefaultFunctions.
	Functions string
	// Modules is a folder with node_modules in it or in a folder above; empty means the
	// working directory, or else the folder of the running program.
	Modules string
	// Port is the port on the loopback address; 0 means any free one.
	Port int
	// Keep keeps the table, the messages in the queues and the notifications of the last
	// run.
	Keep bool
	// Rules is the routing table; nil means that of the deployed stack.
	Rules []eventrule.Rule
	// Config has the settings of the functions; nil means DefaultConfig.
	Config *config.Stack
	// Processes, Retries and RetryDelay are those of the function host, with its defaults.
	Processes, Retries int
	RetryDelay         time.Duration
	// Log, when it is not nil, receives what the functions write.
	Log io.Writer
	// OnNotification, when it is not nil, is called with every message for people.
	OnNotification func(sns.Message)
}

func (o Options) withDefaults() Options {
	o.Dir = cmp.Or(o.Dir, DefaultDir)
	o.Functions = cmp.Or(o.Functions, DefaultFunctions)
	if o.Rules == nil {
		o.Rules = eventrule.Table(eventrule.Options{Rehearsal: true, Account: Account})
	}
	if o.Config == nil {
		c := DefaultConfig()
		o.Config = &c
	}
	return o
}

// DefaultConfig returns the configuration of the local stack: the defaults with shorter
// waits, for someone who watches, and without a heartbeat, as only the simulator calls
// here. All sources and tasks of voice analytics are turned on. Nothing expires while
// somebody keeps a local table.
func DefaultConfig() config.Stack {
	c := config.Default()
	c.Window, c.Quiet, c.Reopen, c.Heartbeat = time.Minute, time.Minute, 10*time.Minute, 0
	c.RetentionDays, c.RunbookURL = 365, ""
	c.VoiceSources = []string{config.VoiceLambda, config.VoiceSQS, config.VoiceSNS, config.VoiceKinesis}
	c.VoiceTasks = []string{string(voicetask.SpeakerSearch), string(voicetask.VoiceTone)}
	c.VoiceProfileDomainARN = "arn:aws:chime:" + Region + ":" + Account + ":voice-profile-domain/local"
	return c
}

func (o Options) binary(function string) string {
	return filepath.Join(o.Functions, function, "bootstrap")
}

// Missing returns the functions without a binary. A stack starts without them; their
// events go to the rule queue.
func (o Options) Missing() (missing []string) {
	o = o.withDefaults()
	for _, f := range functionspec.All() {
		if info, err := os.Stat(o.binary(f.Name)); err != nil || !info.Mode().IsRegular() {
			missing = append(missing, f.Name)
		}
	}
	return missing
}

// Stack is a running local stack. Its methods may be called from any goroutine.
type Stack struct {
	options   Options
	folder    *folder
	started   time.Time
	table     *dynalite.Server
	bus       *eventbridge.Bus
	host      *lambdahost.Host
	topics    *sns.Service
	pipelines *chimesdk.Pipelines
	voice     *chimesdk.Voice
	stream    *eventsource.Stream   // of voice notifications
	queue     map[string]*sqs.Queue // by their names
	queues    *sqs.Service
	listener  net.Listener
	replaced  *Replaced

	closers []func() error // what Close does, from the last to the first
	closing atomic.Bool
	close   func() error

	failing    context.Context // done when the stack has failed, with the failure as its cause
	setFailure context.CancelCauseFunc
}

func (s *Stack) hostOptions() lambdahost.Options {
	o := lambdahost.Options{
		Processes: s.options.Processes, Retries: s.options.Retries, RetryDelay: s.options.RetryDelay,
		LogDir: s.folder.path("logs"), Echo: s.options.Log, OnFailure: s.keepFailure,
	}
	missing, environment := s.options.Missing(), s.Environment()
	for _, f := range functionspec.All() {
		if !slices.Contains(missing, f.Name) {
			o.Functions = append(o.Functions, lambdahost.Function{
				Name: f.Name, ARN: functionARN(f.Name), Path: s.options.binary(f.Name),
				Timeout: f.Timeout, Environment: environment, Once: f.Scheduled,
			})
		}
	}
	return o
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + name
}

// Environment returns the environment of the stack's functions, as NAME=value:
// what the template sets for the deployed ones, and the endpoint that makes the
// AWS SDK call this stack.
func (s *Stack) Environment() []string {
	env := []string{
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ENDPOINT_URL=" + s.Endpoint(),
		config.EnvTable + "=" + TableName,
		config.EnvStack + "=" + telemetry.LocalStack,
		config.EnvAccount + "=" + Account,
		config.EnvFailureTopicARN + "=" + FailureTopicARN,
		config.EnvAlertTopicARN + "=" + AlertTopicARN,
	}
	for name, value := range s.options.Config.Environment() {
		env = append(env, name+"="+value)
	}
	return env
}

// Close ends the stack. Events that are still under way are given up; Drain first to
// complete them. Closing twice does no harm.
func (s *Stack) Close() error { return s.close() }

func (s *Stack) closeAll() error {
	s.closing.Store(true)
	var errs []error
	for _, one := range slices.Backward(s.closers) {
		errs = append(errs, one())
	}
	return errors.Join(errs...)
}

// background runs functions until Close, which ends their context and waits for them.
func (s *Stack) background(runs ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range runs {
		running.Go(func() { run(ctx) })
	}
	s.onClose(func() error { cancel(); running.Wait(); return nil })
}

// onClose makes Close call a function before those of earlier calls.
func (s *Stack) onClose(do func() error) { s.closers = append(s.closers, do) }

// fail records that something failed without which the stack cannot work. Only the first
// failure is recorded.
func (s *Stack) fail(err error) { s.setFailure(s.folder.explain(err)) }

// Failed is closed when the stack cannot work any more: the table's server has ended, or
// messages cannot be stored on disk. Failure then returns the reason.
func (s *Stack) Failed() <-chan struct{} { return s.failing.Done() }

// Failure returns why the stack failed, nil while it has not.
func (s *Stack) Failure() error { return context.Cause(s.failing) }

// Endpoint is the address for AWS clients, without a slash at the end.
func (s *Stack) Endpoint() string { return "http://" + s.listener.Addr().String() }

// DynamoDB returns a client for the stack's table.
func (s *Stack) DynamoDB() *dynamodb.Client { return dynalite.Client(s.Endpoint(), Region) }

// Put puts whole events, envelope included, on the bus, as Amazon Chime does. It returns
// when each is queued for the functions of the rules that match. The error is of class
// Invalid where some are not events; the others are put.
func (s *Stack) Put(events ...[]byte) error {
	var errs []error
	for _, event := range events {
		errs = append(errs, s.bus.Put(event))
	}
	return errors.Join(errs...)
}

// Invoke invokes a function once with the payload as it is, and returns its reply.
// A failure of the function is a *lambdahost.FunctionError.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return s.host.Invoke(ctx, function, payload)
}

// InvokeAsync queues a payload for a function as an event source does: with retries, and
// with a record in the function queue when it fails for good.
func (s *Stack) InvokeAsync(function string, payload []byte) error {
	return s.host.Enqueue(function, payload)
}

// Drain waits until nothing is pending: every event that was put has been handled or has
// become a dead letter. When ctx ends before, the error is of class Unavailable.
func (s *Stack) Drain(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Pending() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Unavailable, "local stack",
				fmt.Sprintf("%d invocations are not done", s.Pending()), "")
		}
	}
	return nil
}

// Pending returns how many invocations are not done: running, queued, waiting for a
// retry, or in the queue and the stream of voice notifications.
func (s *Stack) Pending() int {
	return len(s.queue[VoiceQueue].Messages()) + s.stream.Backlog() + s.host.Pending()
}

// Pipelines returns the stand-in for the media pipelines API.
func (s *Stack) Pipelines() *chimesdk.Pipelines { return s.pipelines }

// Voice returns the stand-in for the voice API.
func (s *Stack) Voice() *chimesdk.Voice { return s.voice }

// LogTail returns the last lines that a function wrote.
func (s *Stack) LogTail(function string) string { return s.host.LogTail(function) }
