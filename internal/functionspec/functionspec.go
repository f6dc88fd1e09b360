// Package functionspec lists the functions with what each of them calls and reads. The stack makes
// functions, roles and alarms of this table; whoever runs the functions elsewhere finds here what they need.
package functionspec

import (
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/settings"
)

// Environment variables of the functions, besides those of package settings.
const (
	Table              = "CHIMEWATCH_TABLE"
	RetentionDays      = "CHIMEWATCH_RETENTION_DAYS"
	Stack              = "CHIMEWATCH_STACK"
	Account            = "CHIMEWATCH_ACCOUNT"
	FailureTopic       = "CHIMEWATCH_FAILURE_TOPIC_ARN"
	AlertTopic         = "CHIMEWATCH_ALERT_TOPIC_ARN"
	Routes             = "CHIMEWATCH_ROUTES"
	FullNumbers        = "CHIMEWATCH_FULL_NUMBERS"
	RunbookURL         = "CHIMEWATCH_RUNBOOK_URL"
	HTTPSBody          = notify.HTTPSBodyVariable
	VoiceTasks         = "CHIMEWATCH_VOICE_TASKS"
	VoiceProfileDomain = "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN"
)

// Function is what makes one function different from the others.
type Function struct {
	// Name is its folder below functions/.
	Name, Description string
	Timeout           time.Duration
	// TableActions are the DynamoDB actions that it calls on the table, TaskActions those that it calls only
	// where voice tasks are turned on. Indexes are the indexes that it queries.
	TableActions, TaskActions, Indexes []string
	// Variables are the environment variables that it reads. It publishes to a topic whose variable it reads,
	// and to the topics of the routes if it reads Routes.
	Variables []string
	// GetsPipelines is set if it asks the Chime API about media pipelines.
	GetsPipelines bool
	// RunsTasks is set if it starts and stops voice tasks, StopsTasks if it also stops them when none is turned
	// on: consent may be revoked after a task was turned off, while the task still runs.
	RunsTasks, StopsTasks bool
	// Voice is set if the function is needed for voice notifications only.
	Voice bool
	// Scheduled is set if the schedule runs it each minute: its next run is its retry, so a failed run is not
	// tried again and leaves no dead letter. Events invoke the others.
	Scheduled bool
}

// Reads reports whether the function reads an environment variable.
func (f Function) Reads(variable string) bool { return slices.Contains(f.Variables, variable) }

// All returns the functions. The deployment test compares their actions with what they call.
func All() []Function {
	common := []string{Table, RetentionDays, Stack}
	tasks := append(slices.Clone(common), VoiceTasks, VoiceProfileDomain)
	notifying := append(slices.Clone(common), Account, FullNumbers, RunbookURL, HTTPSBody)
	for _, key := range settings.Keys() {
		notifying = append(notifying, key.Variable)
	}
	var indexes []string
	for _, index := range dynamo.Definition().Indexes {
		indexes = append(indexes, index.Name)
	}
	return []Function{
		{Name: "status", Description: "Stores the state and history of every pipeline", Timeout: 30 * time.Second,
			TableActions: []string{"GetItem", "PutItem", "UpdateItem"}, Variables: common},
		{Name: "failures", Description: "Adds failures to incidents and notifies people", Timeout: time.Minute,
			TableActions: []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			Variables:    slices.Concat(notifying, []string{FailureTopic})},
		{Name: "alerts", Description: "Stores rule matches and notifies people", Timeout: time.Minute,
			TableActions: []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			Variables:    slices.Concat(notifying, []string{AlertTopic, Routes})},
		{Name: "consent", Description: "Receives consent to voice-analytics tasks, and starts and stops them",
			Timeout: time.Minute, TableActions: []string{"PutItem", "Query"}, TaskActions: []string{"BatchGetItem"},
			Variables: tasks, RunsTasks: true, StopsTasks: true},
		{Name: "watch", Description: "Checks every minute for what no event reports", Timeout: 55 * time.Second,
			TableActions: []string{"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"}, Indexes: indexes,
			Variables:     slices.Concat(notifying, tasks, []string{FailureTopic, AlertTopic, Routes}),
			GetsPipelines: true, RunsTasks: true, StopsTasks: true, Scheduled: true},
		{Name: "voice", Description: "Stores voice-analytics notifications, and holds tasks until there is consent",
			Timeout: time.Minute, TableActions: []string{"BatchWriteItem", "PutItem"},
			TaskActions: []string{"BatchGetItem", "Query"}, Variables: tasks, RunsTasks: true, Voice: true},
	}
}
