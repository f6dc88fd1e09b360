// Package local is the whole system on one machine: the real functions behind a
// local event bus, with a table, topics and dead-letter queues that unmodified
// AWS clients reach at one address. It needs Node.js for the table, and neither
// an AWS account nor containers.
package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/internal/settings"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

// Where a local stack pretends to be, and the names of its resources.
const (
	Account   = "123456789012"
	Region    = "us-east-1"
	TableName = "chimewatch"

	FailureTopicARN = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-failures"
	AlertTopicARN   = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-alerts"
	// AlarmTopicARN is the topic of CloudWatch alarms, which nothing here raises.
	AlarmTopicARN = "arn:aws:sns:" + Region + ":" + Account + ":chimewatch-alarms"

	// FunctionQueue holds the records of invocations that were given up,
	// RuleQueue the events that could not be delivered to a function.
	FunctionQueue = "chimewatch-function-dead-letters"
	RuleQueue     = "chimewatch-rule-dead-letters"
)

// Defaults of Options.
const (
	DefaultDir       = ".chimewatch"
	DefaultFunctions = "bin/functions"
	DefaultPort      = 4100
)

// Options says how to start a stack. The zero value starts one with an empty
// table on a free port, from the folder of the project.
type Options struct {
	// Dir is the folder for everything that the stack keeps; empty means DefaultDir.
	Dir string
	// Functions is the folder with NAME/bootstrap for each function; empty means
	// DefaultFunctions.
	Functions string
	// Modules is a folder in or above which node_modules lies; empty means the
	// working directory, or else the folder of the running program.
	Modules string
	// Port on the loopback address; 0 takes a free one.
	Port int
	// Keep keeps the table, the messages in the queues and the notifications of the
	// last run.
	Keep bool
	// Rules is the routing table; nil means that of the deployed stack.
	Rules []eventrule.Rule
	// Others are the functions that neither rules nor schedules name; nil means
	// those of the deployed stack, where Rules is nil, too.
	Others []string
	// Schedules run from StartSchedules on; nil means those of the deployed stack.
	Schedules []eventrule.Schedule
	// Settings are those of the functions; zero means LocalSettings.
	Settings settings.Settings
	// FullNumbers makes the functions show whole phone numbers.
	FullNumbers bool
	// RunbookURL is the link that notifications carry; empty means none.
	RunbookURL string
	// Variables are environment variables of the functions, beside those that the stack
	// sets and instead of them.
	Variables map[string]string
	// Topics are ARNs of topics beside those of the stack.
	Topics []string
	// Processes, Retries, RetryDelay, MaxAge and Timeout are those of the
	// function host, with its defaults.
	Processes, Retries          int
	RetryDelay, MaxAge, Timeout time.Duration
	// Log, when it is not nil, gets what the functions write.
	Log io.Writer
	// OnNotification, when it is not nil, hears of every message published.
	OnNotification func(sns.Message)
}

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Functions == "" {
		o.Functions = DefaultFunctions
	}
	if o.Rules == nil {
		o.Rules = eventrule.Table(eventrule.Options{Rehearsal: true, Account: Account})
		if o.Others == nil {
			o.Others = []string{VoiceFunction}
		}
	}
	if o.Schedules == nil {
		o.Schedules = eventrule.Schedules()
	}
	if o.Settings == (settings.Settings{}) {
		o.Settings = LocalSettings()
	}
	return o
}

// LocalSettings are the defaults with shorter waits, for someone who looks on;
// and without a heartbeat, as nobody calls here but the simulator.
func LocalSettings() settings.Settings {
	s := settings.Default()
	s.Window, s.Quiet, s.Reopen, s.Heartbeat = time.Minute, time.Minute, 10*time.Minute, 0
	return s
}

// functions gives the functions that the rules and schedules name, in their
// order, and the others.
func (o Options) functions() []string {
	var names []string
	for _, rule := range o.Rules {
		if !slices.Contains(names, rule.Function) {
			names = append(names, rule.Function)
		}
	}
	for _, schedule := range o.Schedules {
		if !slices.Contains(names, schedule.Function) {
			names = append(names, schedule.Function)
		}
	}
	return append(names, o.Others...)
}

func (o Options) binary(function string) string {
	return filepath.Join(o.Functions, function, "bootstrap")
}

// Missing gives the functions that rules name and that have no binary. A stack
// starts without them; what they should get goes to the rule queue.
func (o Options) Missing() []string {
	o = o.withDefaults()
	return slices.DeleteFunc(o.functions(), func(function string) bool {
		info, err := os.Stat(o.binary(function))
		return err == nil && info.Mode().IsRegular()
	})
}

// Stack is a running local stack. Its methods may be called from any goroutine.
type Stack struct {
	options       Options
	folder        *folder
	started       time.Time
	table         *dynalite.Server
	bus           *eventbridge.Bus
	host          *lambdahost.Host
	topics        *sns.Service
	pipelines     *chimesdk.Pipelines
	voice         *chimesdk.Voice
	sources       *voiceSources
	stopSchedules context.CancelFunc
	schedules     sync.WaitGroup
	queues        *sqs.Service
	functionQueue *sqs.Queue
	ruleQueue     *sqs.Queue
	listener      net.Listener
	server        *http.Server
	replaced      *Replaced
	journals      []*journal.Journal
	closeOnce     sync.Once
	closeErr      error

	closing  chan struct{} // closed when Close begins
	failed   chan struct{} // closed when failure is set
	failOnce sync.Once
	failure  error
}

func (s *Stack) hostOptions() lambdahost.Options {
	o := lambdahost.Options{
		Processes: s.options.Processes, Retries: s.options.Retries,
		RetryDelay: s.options.RetryDelay, MaxAge: s.options.MaxAge,
		LogDir: s.folder.logs(), Echo: s.options.Log, OnFailure: s.keepFailure,
	}
	missing := s.options.Missing()
	for _, name := range s.options.functions() {
		if slices.Contains(missing, name) {
			continue
		}
		o.Functions = append(o.Functions, lambdahost.Function{
			Name: name, ARN: functionARN(name),
			Path: s.options.binary(name), Timeout: s.options.Timeout, Environment: s.Environment(),
		})
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
		"CHIMEWATCH_TABLE=" + TableName,
		"CHIMEWATCH_FAILURE_TOPIC_ARN=" + FailureTopicARN,
		"CHIMEWATCH_ALERT_TOPIC_ARN=" + AlertTopicARN,
		"CHIMEWATCH_FULL_NUMBERS=" + strconv.FormatBool(s.options.FullNumbers),
		"CHIMEWATCH_RETENTION_DAYS=" + strconv.Itoa(RetentionDays),
		"CHIMEWATCH_RUNBOOK_URL=" + s.options.RunbookURL,
		"CHIMEWATCH_ACCOUNT=" + Account,
		"CHIMEWATCH_STACK=" + telemetry.LocalStack,
		"CHIMEWATCH_VOICE_TASKS=" + VoiceTasks,
		"CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN=" + VoiceDomainARN,
	}
	for name, value := range s.options.Settings.Environment() {
		env = append(env, name+"="+value)
	}
	for name, value := range s.options.Variables {
		env = slices.DeleteFunc(env, func(one string) bool { return strings.HasPrefix(one, name+"=") })
		env = append(env, name+"="+value)
	}
	return env
}

// RetentionDays only has to be longer than anyone keeps a local table.
const RetentionDays = 365

// keepFailure is the OnFailure destination of every function.
func (s *Stack) keepFailure(r lambdahost.Record) {
	body, err := r.Encode()
	if err != nil { // unheard of, and still the event must not be lost
		slog.Error("record of a failed invocation", "error", err)
		body = r.RequestPayload
	}
	s.functionQueue.Send(string(body), nil)
}

// keepUndeliverable is the dead-letter queue of every rule's target.
func (s *Stack) keepUndeliverable(d eventbridge.DeadLetter) {
	attributes := map[string]sqs.Attribute{}
	for name, value := range map[string]string{
		"RULE_ARN": d.RuleARN, "TARGET_ARN": d.TargetARN, "ERROR_CODE": d.ErrorCode, "ERROR_MESSAGE": d.ErrorDetail,
	} {
		attributes[name] = sqs.Attribute{DataType: "String", StringValue: value}
	}
	s.ruleQueue.Send(string(d.Event), attributes)
}

// Close ends the stack. Events that are still under way are given up; Drain
// first to let them end. Closing twice does no harm.
func (s *Stack) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Stack) close() error {
	close(s.closing)
	var errs []error
	if s.stopSchedules != nil {
		s.stopSchedules()
		s.schedules.Wait()
	}
	s.stopVoiceSources()
	if s.host != nil {
		s.host.Close()
	}
	if s.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil { // a long poll is still open
			errs = append(errs, s.server.Close())
		}
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.table != nil {
		if err := s.table.Close(); s.Failure() == nil { // else it is known what became of it
			errs = append(errs, err)
		}
	}
	for _, j := range s.journals {
		errs = append(errs, j.Close())
	}
	if s.folder != nil {
		errs = append(errs, s.folder.close())
	}
	return errors.Join(errs...)
}
