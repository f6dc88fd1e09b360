package config

import (
	"errors"
	"slices"
)

// Environment variables. Those of settings are in the registry, too.
const (
	// EnvTable, EnvStack and EnvAccount name the table, the stack and the account. The
	// command chimewatch reads the first two as well.
	EnvTable   = "CHIMEWATCH_TABLE"
	EnvStack   = "CHIMEWATCH_STACK"
	EnvAccount = "CHIMEWATCH_ACCOUNT"
	// EnvFailureTopicARN and EnvAlertTopicARN are set for functions that publish there.
	EnvFailureTopicARN = "CHIMEWATCH_FAILURE_TOPIC_ARN"
	EnvAlertTopicARN   = "CHIMEWATCH_ALERT_TOPIC_ARN"

	EnvRetentionDays         = "CHIMEWATCH_RETENTION_DAYS"
	EnvFullNumbers           = "CHIMEWATCH_FULL_NUMBERS"
	EnvRunbookURL            = "CHIMEWATCH_RUNBOOK_URL"
	EnvHTTPSBody             = "CHIMEWATCH_HTTPS_BODY"
	EnvRoutes                = "CHIMEWATCH_ROUTES" // JSON, without the keys of topics
	EnvVoiceTasks            = "CHIMEWATCH_VOICE_TASKS"
	EnvVoiceProfileDomainARN = "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN"

	// EnvOutput is the output format of the command chimewatch.
	EnvOutput = "CHIMEWATCH_OUTPUT"
)

// Group is a group of settings that the same functions read.
type Group string

const (
	Storage       Group = "storage"       // every function
	Notifications Group = "notifications" // functions that notify
	Watching      Group = "watching"      // functions that notify
	Routing       Group = "routing"       // functions that notify of rule matches
	Voice         Group = "voice"         // functions that run voice tasks
)

// Environment returns the variables with which FromEnvironment returns these values: of
// some groups, or of all where none is named.
func (c Stack) Environment(groups ...Group) map[string]string {
	c.Routes = c.Routes.WithoutKeys()
	env := map[string]string{}
	for _, s := range registry {
		if s.Variable != "" && (len(groups) == 0 || slices.Contains(groups, s.Group)) {
			env[s.Variable] = s.format(c)
		}
	}
	return env
}

// FromEnvironment reads the settings that functions have. A variable that is not set or
// empty leaves the default, but no runbook. The error is of class Invalid and names every
// variable that is wrong; its setting keeps the default.
func FromEnvironment(getenv func(string) string) (Stack, error) {
	c := Default()
	c.RunbookURL = "" // an empty variable is a choice
	var errs []error
	for _, s := range registry {
		if text := getenv(s.Variable); text != "" && s.Variable != "" {
			errs = append(errs, s.parse(&c, "environment variable "+s.Variable, text))
		}
	}
	return c, errors.Join(errs...)
}
