// Package functionspec lists the functions with what each of them calls and reads. The stack makes
// functions, roles and alarms of this table; whoever runs the functions elsewhere finds here what they need.
package functionspec

import (
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
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
	// and to the topics of the routes if it reads config.EnvRoutes.
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
	common := []string{config.EnvTable, config.EnvRetentionDays, config.EnvStack}
	tasks := append(slices.Clone(common), config.EnvVoiceTasks, config.EnvVoiceProfileDomainARN)
	notifying := append(slices.Clone(common), config.EnvAccount, config.EnvFullNumbers, config.EnvRunbookURL, config.EnvHTTPSBody)
	for _, s := range config.Registry() {
		if s.Group == config.Watching {
			notifying = append(notifying, s.Variable)
		}
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
			Variables:    slices.Concat(notifying, []string{config.EnvFailureTopicARN})},
		{Name: "alerts", Description: "Stores rule matches and notifies people", Timeout: time.Minute,
			TableActions: []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			Variables:    slices.Concat(notifying, []string{config.EnvAlertTopicARN, config.EnvRoutes})},
		{Name: "consent", Description: "Receives consent to voice-analytics tasks, and starts and stops them",
			Timeout: time.Minute, TableActions: []string{"PutItem", "Query"}, TaskActions: []string{"BatchGetItem"},
			Variables: tasks, RunsTasks: true, StopsTasks: true},
		{Name: "watch", Description: "Checks every minute for what no event reports", Timeout: 55 * time.Second,
			TableActions: []string{"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"}, Indexes: indexes,
			Variables:     slices.Concat(notifying, tasks, []string{config.EnvFailureTopicARN, config.EnvAlertTopicARN, config.EnvRoutes}),
			GetsPipelines: true, RunsTasks: true, StopsTasks: true, Scheduled: true},
		{Name: "voice", Description: "Stores voice-analytics notifications, and holds tasks until there is consent",
			Timeout: time.Minute, TableActions: []string{"BatchWriteItem", "PutItem"},
			TaskActions: []string{"BatchGetItem", "Query"}, Variables: tasks, RunsTasks: true, Voice: true},
	}
}
