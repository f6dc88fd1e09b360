// Package functionspec lists the functions with what each of them calls and reads. The stack makes functions, roles and
// alarms of this table; whoever runs the functions elsewhere finds here what they need.
package functionspec

import (
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// Function is what makes one function different from the others. All of them read config.EnvTable and
// config.EnvStack.
type Function struct {
	// Name is its folder below functions/.
	Name, Description string
	Timeout           time.Duration
	// TableActions are the DynamoDB actions that it calls on the table, TaskActions those that it calls only
	// if voice tasks are turned on. Indexes are the indexes that it queries.
	TableActions, TaskActions, Indexes []string
	// Groups are the settings that it reads. A function that reads Watching also reads config.EnvAccount. One that
	// reads Routing notifies of rule matches, one that reads Voice runs voice tasks.
	Groups []config.Group
	// NotifiesFailures is set if it publishes to the topic of failures.
	NotifiesFailures bool
	// GetsPipelines is set if it asks the Chime API about media pipelines.
	GetsPipelines bool
	// StopsTasks is set if it also stops voice tasks when none is turned on: consent may be revoked after a task
	// was turned off, while the task still runs.
	StopsTasks bool
	// VoiceOnly is set if the function is not needed without voice notifications.
	VoiceOnly bool
	// Scheduled is set if the schedule runs it each minute: its next run is its retry, so a failed run is not
	// retried and leaves no dead letter. Events invoke the others.
	Scheduled bool
}

// Reads reports whether the function reads a group of settings.
func (f Function) Reads(group config.Group) bool { return slices.Contains(f.Groups, group) }

// All returns the functions. The deployment test compares their actions with what they call.
func All() []Function {
	var indexes []string
	for _, index := range dynamo.Definition().Indexes {
		indexes = append(indexes, index.Name)
	}
	return []Function{
		{Name: "status", Description: "Stores the state and history of every pipeline", Timeout: 30 * time.Second,
			TableActions: []string{"GetItem", "PutItem", "UpdateItem"}, Groups: []config.Group{config.Storage}},
		{Name: "failures", Description: "Adds failures to incidents and notifies people", Timeout: time.Minute,
			TableActions: []string{"GetItem", "PutItem", "Query", "UpdateItem"}, NotifiesFailures: true,
			Groups: []config.Group{config.Storage, config.Notifications, config.Watching}},
		{Name: "alerts", Description: "Stores rule matches and notifies people", Timeout: time.Minute,
			TableActions: []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			Groups:       []config.Group{config.Storage, config.Notifications, config.Watching, config.Routing}},
		{Name: "consent", Description: "Receives consent to voice-analytics tasks, and starts and stops them",
			Timeout: time.Minute, TableActions: []string{"PutItem", "Query"}, TaskActions: []string{"BatchGetItem"},
			Groups: []config.Group{config.Storage, config.Voice}, StopsTasks: true},
		{Name: "watch", Description: "Checks every minute for what no event reports", Timeout: 55 * time.Second,
			TableActions: []string{"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"}, Indexes: indexes,
			Groups: []config.Group{
				config.Storage, config.Notifications, config.Watching, config.Routing, config.Voice},
			NotifiesFailures: true, GetsPipelines: true, StopsTasks: true, Scheduled: true},
		{Name: "voice", Description: "Stores voice-analytics notifications, and holds tasks until there is consent",
			Timeout: time.Minute, TableActions: []string{"BatchWriteItem", "PutItem"},
			TaskActions: []string{"BatchGetItem", "Query"}, Groups: []config.Group{config.Storage, config.Voice},
			VoiceOnly: true},
	}
}
