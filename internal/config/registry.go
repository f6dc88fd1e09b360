package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/lazyregexp"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Setting is one choice of the deployer.
type Setting struct {
	// Key names it in the CDK context.
	Key string
	// Variable is the environment variable of the functions, and Group says which
	// functions have it; both are empty where only the CDK app reads the setting.
	Variable string
	Group    Group
	// Meaning is its description in the table of README.md.
	Meaning string
	kind
}

// Registry returns every setting, in the order of the table in README.md.
func Registry() []Setting { return slices.Clone(registry) }

var registry = []Setting{
	{"stackName", "", "", "name of the stack",
		text("letters, digits and hyphens, beginning with a letter, at most 128", stackName,
			func(c *Stack) *string { return &c.StackName })},
	{"production", "", "", "protect the stack from deletion", boolean(func(c *Stack) *bool { return &c.Production })},
	{"rehearsal", "", "", "let rehearsed events in, too: see [Rehearse](#rehearse)",
		boolean(func(c *Stack) *bool { return &c.Rehearsal })},
	{"anyRegion", "", "", "deploy where this version does not know of call analytics",
		boolean(func(c *Stack) *bool { return &c.AnyRegion })},
	{"architecture", "", "", "or `x86_64`",
		text("arm64 or x86_64", func(v string) bool { return v == "arm64" || v == "x86_64" },
			func(c *Stack) *string { return &c.Architecture })},
	{"retentionDays", EnvRetentionDays, Storage, "how long calls are kept; 0 for ever. See [docs/DATA.md](docs/DATA.md)",
		number("a number of days from 1 to 36500, or 0 to keep calls for ever", between(0, maxRetentionDays),
			func(c *Stack) *int { return &c.RetentionDays })},
	{"logRetentionDays", "", "", "how long logs are kept",
		number("a number of days that CloudWatch Logs offers: "+
			strings.ReplaceAll(strings.Trim(fmt.Sprint(logRetentions), "[]"), " ", ", "),
			func(n int) bool { return slices.Contains(logRetentions, n) },
			func(c *Stack) *int { return &c.LogRetentionDays })},
	{"retain", "", "", "keep table, queues and bucket when the stack is deleted",
		boolean(func(c *Stack) *bool { return &c.Retain })},
	{"tableName", "", "", "go on with the table of an earlier stack",
		optional("the name of a table in the same account and Region", tableName,
			func(c *Stack) *string { return &c.TableName })},
	{"fullNumbers", EnvFullNumbers, Notifications, "whole phone numbers in notifications, not their last four digits",
		boolean(func(c *Stack) *bool { return &c.FullNumbers })},
	{"runbookUrl", EnvRunbookURL, Notifications,
		"where notifications and alarms link to; set it if you keep your own copy",
		optional("an https address", isWebAddress, func(c *Stack) *string { return &c.RunbookURL })},
	{"httpsBody", EnvHTTPSBody, Notifications,
		"what `https` subscribers receive: a card for chat, or `data` for pagers and webhooks, or " +
			"`failures=data,alerts=card`: see [docs/NOTIFY.md](docs/NOTIFY.md)",
		parsed(notify.HTTPSBodyAllowed, func(c *Stack) *notify.HTTPSBodies { return &c.HTTPS }, notify.ParseHTTPSBodies,
			notify.HTTPSBodies.String)},
	{"failureEmails", "", "", "addresses subscribed to the topic of failures",
		emails(func(c *Stack) *[]string { return &c.FailureEmails })},
	{"alertEmails", "", "", "addresses subscribed to the topic of rule matches",
		emails(func(c *Stack) *[]string { return &c.AlertEmails })},
	{"alarmEmails", "", "", "addresses subscribed to the topic of the alarms",
		emails(func(c *Stack) *[]string { return &c.AlarmEmails })},
	{"alarmTopicArn", "", "",
		"a topic of yours for the alarms, instead of one of the stack; its policy and its key's have to " +
			"let `cloudwatch.amazonaws.com` publish",
		optional("the ARN of a standard SNS topic", rulematch.IsTopicARN,
			func(c *Stack) *string { return &c.AlarmTopicARN })},
	{"memoryMB", "", "", "memory of each function; its share of a CPU grows with it",
		number("a number of megabytes from 128 to 10240", between(128, 10240), func(c *Stack) *int { return &c.MemoryMB })},
	{"reservedConcurrency", "", "", "executions that each function keeps for itself, and has at most; 0 reserves nothing",
		number("a number from 1 to 1000, or 0 to reserve nothing", between(0, 1000),
			func(c *Stack) *int { return &c.ReservedConcurrency })},
	{"tracing", "", "", "X-Ray traces of a sample of the invocations",
		boolean(func(c *Stack) *bool { return &c.Tracing })},
	// The bounds of these four are those of a target of EventBridge and of Lambda's
	// asynchronous invocations (RetryPolicy and EventInvokeConfig in the CloudFormation
	// reference).
	{"deliveryAttempts", "", "", "how often EventBridge retries to invoke a function",
		number("a number from 0 to 185", between(0, 185), func(c *Stack) *int { return &c.Delivery.Max })},
	{"deliveryAge", "", "", "how old an event may be when EventBridge retries",
		duration(time.Second, time.Minute, day, false, func(c *Stack) *time.Duration { return &c.Delivery.Age })},
	{"retryAttempts", "", "", "how often Lambda retries a failed invocation",
		number("a number from 0 to 2", between(0, 2), func(c *Stack) *int { return &c.Retry.Max })},
	{"retryAge", "", "", "how old an event may be when Lambda retries",
		duration(time.Second, time.Minute, 6*time.Hour, false, func(c *Stack) *time.Duration { return &c.Retry.Age })},
	{"incidentWindow", "CHIMEWATCH_INCIDENT_WINDOW", Watching,
		"least time between two notifications about an open incident",
		duration(time.Nanosecond, time.Second, day, false, func(c *Stack) *time.Duration { return &c.Window })},
	{"incidentQuiet", "CHIMEWATCH_INCIDENT_QUIET", Watching,
		"how long no failure may come, while calls succeed, for an incident to be over",
		duration(time.Nanosecond, time.Second, day, false, func(c *Stack) *time.Duration { return &c.Quiet })},
	{"incidentReopen", "CHIMEWATCH_INCIDENT_REOPEN", Watching,
		"how long after its end a cause that comes back reopens an incident",
		duration(time.Nanosecond, time.Second, 7*day, true, func(c *Stack) *time.Duration { return &c.Reopen })},
	{"recovery", "CHIMEWATCH_RECOVERY", Watching, "how long a temporary failure may last before people are notified",
		duration(time.Nanosecond, time.Second, 8*time.Hour, false, func(c *Stack) *time.Duration { return &c.Recovery })},
	{"silentPipeline", "CHIMEWATCH_SILENT_PIPELINE", Watching,
		"how long an open pipeline may have no event before the API is asked about it",
		duration(time.Nanosecond, time.Minute, 8*time.Hour, false, func(c *Stack) *time.Duration { return &c.Silent })},
	{"heartbeat", "CHIMEWATCH_HEARTBEAT", Watching,
		"how long there may be no event at all, where there usually are some at that time of " +
			"that day; 0 disables the check",
		duration(time.Nanosecond, 5*time.Minute, 7*day, true, func(c *Stack) *time.Duration { return &c.Heartbeat })},
	// Only the form of the name is checked: not every function has the time zone database.
	{"timeZone", "CHIMEWATCH_TIME_ZONE", Watching, "the time zone, such as `America/New_York`, by whose clocks the same " +
		"hours of earlier days are compared, and of `quietHours`",
		checked(watchdog.TimeZoneAllowed, watchdog.CheckTimeZoneName, func(c *Stack) *string { return &c.TimeZone })},
	{"quietHours", "CHIMEWATCH_QUIET_HOURS", Watching, "when the absence of events is no news: " +
		"`[\"Mon-Fri 18:00-08:00\", \"Sat\", \"Sun\", \"2026-12-25\"]`: see [docs/RUNBOOK.md](docs/RUNBOOK.md#silence)",
		checked(watchdog.QuietHoursAllowed+", or nothing", watchdog.CheckQuietHours,
			func(c *Stack) *string { return &c.QuietHours })},
	{"pipelineQuota", "CHIMEWATCH_PIPELINE_QUOTA", Watching, "how many pipelines may be active in the Region",
		number("a number from 1 to "+strconv.Itoa(maxPipelines), between(1, maxPipelines),
			func(c *Stack) *int { return &c.Quota })},
	{"matchWindow", "CHIMEWATCH_MATCH_WINDOW", Watching,
		"least time between two notifications about a rule on a call, or " +
			"about a rule on calls that its events do not name; 0 sends one for every match",
		duration(time.Nanosecond, time.Second, day, true, func(c *Stack) *time.Duration { return &c.MatchWindow })},
	{"routes", EnvRoutes, Routing, "severity and topic of rule matches: " +
		"`[{\"rule\": \"escalation-*\", \"severity\": \"high\", \"topic\": \"arn:aws:sns:…\", \"key\": \"arn:aws:kms:…\"}]`",
		parsed("a list of routes", func(c *Stack) *rulematch.Routes { return &c.Routes }, rulematch.Parse,
			rulematch.Routes.String)},
	{"voiceSources", "", "",
		"how voice notifications come: `lambda`, `sqs`, `sns`, `kinesis`: see [docs/VOICE.md](docs/VOICE.md)",
		subset(func(c *Stack) *[]string { return &c.VoiceSources }, VoiceLambda, VoiceSQS, VoiceSNS, VoiceKinesis)},
	{"voiceTasks", EnvVoiceTasks, Voice, "voice tasks that start where there is consent: `speaker-search`, `voice-tone`",
		subset(func(c *Stack) *[]string { return &c.VoiceTasks },
			string(voicetask.SpeakerSearch), string(voicetask.VoiceTone))},
	{"voiceProfileDomainArn", EnvVoiceProfileDomainARN, Voice, "the voice profile domain of speaker searches",
		optional("the ARN of a voice profile domain, like arn:aws:chime:us-east-1:111122223333:voice-profile-domain/ID",
			domainARN, func(c *Stack) *string { return &c.VoiceProfileDomainARN })},
	{"voiceConnectorIds", "", "", "the Voice Connectors on which voice tasks may run; none means all of the account",
		list("ids of Voice Connectors", each(connectorID), func(c *Stack) *[]string { return &c.VoiceConnectorIDs })},
	{"voiceAccessRole", "", "", "make the role with which the service reads audio and delivers voice notifications",
		boolean(func(c *Stack) *bool { return &c.VoiceAccessRole })},
}

const day = 24 * time.Hour

// maxRetentionDays is a century: a time.Duration has room for less than three.
const maxRetentionDays = 36500

// maxPipelines only catches typing errors.
const maxPipelines = 1_000_000

// logRetentions are the days that CloudWatch Logs offers (retentionInDays in its
// PutRetentionPolicy).
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
	3288, 3653}

var (
	stackName   = lazyregexp.Matcher(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)
	tableName   = lazyregexp.Matcher(`^[A-Za-z0-9_.-]{3,255}$`)
	domainARN   = lazyregexp.Matcher(`^arn:aws[a-z-]*:chime:[a-z0-9-]+:[0-9]{12}:voice-profile-domain/[A-Za-z0-9-]+$`)
	connectorID = lazyregexp.Matcher(`^[a-z0-9]{1,128}$`)
)

func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.Fragment == ""
}

func emails(field func(*Stack) *[]string) kind {
	return list("e-mail addresses", each(func(address string) bool {
		parsed, err := mail.ParseAddress(address)
		return err == nil && parsed.Address == address
	}), field)
}
