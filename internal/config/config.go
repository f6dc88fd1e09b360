// Package config is the one registry of settings: for each its key in the CDK context,
// its environment variable, its default, its bounds and its meaning. The CDK app reads
// the context and sets the environment of the functions, the functions read their
// environment, and the local stack does both. It needs nothing of the CDK or of AWS.
package config

import (
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Stack is the value of every setting. Registry says what each means and which values it
// may have.
type Stack struct {
	StackName  string
	Production bool
	Rehearsal  bool
	// AnyRegion permits a Region that is not in CallAnalyticsRegions.
	AnyRegion bool
	// Architecture of the functions: arm64 or x86_64.
	Architecture string
	// RetentionDays is how long calls are kept, 0 for ever; LogRetentionDays how long logs are.
	RetentionDays, LogRetentionDays int
	// Retain keeps the table and the queues when the stack is deleted.
	Retain bool
	// TableName is the table of an earlier stack; empty makes a new one.
	TableName   string
	FullNumbers bool
	// RunbookURL may be empty: then nothing links to a runbook.
	RunbookURL                              string
	HTTPS                                   notify.HTTPSBodies
	FailureEmails, AlertEmails, AlarmEmails []string
	// AlarmTopicARN is a topic that exists; empty makes a new one for the alarms.
	AlarmTopicARN string
	MemoryMB      int
	// ReservedConcurrency is that of each function; 0 reserves nothing.
	ReservedConcurrency int
	Tracing             bool
	// Delivery is how EventBridge retries to invoke a function, Retry how Lambda retries a
	// failed invocation. What is given up goes to a dead-letter queue.
	Delivery, Retry Attempts
	Settings
	Routes rulematch.Routes
	// VoiceSources are some of VoiceLambda, VoiceSQS, VoiceSNS and VoiceKinesis.
	VoiceSources []string
	// VoiceTasks are some of speaker-search and voice-tone.
	VoiceTasks []string
	// VoiceProfileDomainARN is required for speaker-search.
	VoiceProfileDomainARN string
	// VoiceConnectorIDs are the Voice Connectors on which tasks may be started and
	// stopped; none means all of the account.
	VoiceConnectorIDs []string
	// VoiceAccessRole makes the role with which the service reads audio and delivers
	// voice notifications.
	VoiceAccessRole bool
}

// Settings say when failures and rule matches are notified.
type Settings struct {
	incident.Timing
	watchdog.Limits
	// MatchWindow is the shortest time between two notifications about a rule on a call;
	// zero sends one for every match.
	MatchWindow time.Duration
}

// Attempts bound the retries of one event, by their number and by its age.
type Attempts struct {
	Max int
	Age time.Duration
}

const (
	VoiceLambda  = "lambda"
	VoiceSQS     = "sqs"
	VoiceSNS     = "sns"
	VoiceKinesis = "kinesis"
)

// Default returns the values of settings that nobody chose.
func Default() Stack {
	return Stack{
		StackName: "Chimewatch", Production: true, Architecture: "arm64", MemoryMB: 256, Tracing: true,
		RetentionDays: 90, LogRetentionDays: 30, Retain: true,
		RunbookURL: "https://github.com/chimewatch/chimewatch/blob/main/docs/RUNBOOK.md",
		HTTPS:      notify.HTTPSBodies{Failures: notify.HTTPSCard, Alerts: notify.HTTPSCard},
		Delivery:   Attempts{185, 24 * time.Hour}, Retry: Attempts{2, 6 * time.Hour},
		Settings: Settings{incident.DefaultTiming, watchdog.DefaultLimits, 5 * time.Minute},
	}
}
