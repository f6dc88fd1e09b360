// Package stacks is what is deployed: one file for each concern.
package stacks

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/settings"
)

// Config is all that a deployer may choose. It comes from the CDK context: the
// object "chimewatch" of cdk.json, and over it the options -c chimewatch:KEY=VALUE.
type Config struct {
	// StackName names the stack; chimewatch looks for the table in its outputs.
	StackName string
	// Production takes events from Amazon Chime only; otherwise rehearsals are
	// let in, too.
	Production bool
	// Architecture of the functions: arm64 or x86_64.
	Architecture string
	// RetentionDays is how long calls are kept, 0 for ever; LogRetentionDays how
	// long logs are.
	RetentionDays, LogRetentionDays int
	// Retain keeps the table when the stack is deleted.
	Retain bool
	// FullNumbers shows phone numbers whole in notifications.
	FullNumbers bool
	// RunbookURL is where notifications link to; empty for nowhere.
	RunbookURL string
	// FailureEmails and AlertEmails are subscribed to the topics.
	FailureEmails, AlertEmails []string
	// Settings say how failures are watched.
	Settings settings.Settings
	// VoiceSources are the ways in which voice-analytics notifications come:
	// lambda, sqs, sns, kinesis; none by default.
	VoiceSources []string
	// VoiceTasks are the tasks that are started where there is consent:
	// speaker-search, voice-tone; none by default.
	VoiceTasks []string
	// VoiceProfileDomainARN is the voice profile domain that speaker searches need.
	VoiceProfileDomainARN string
	// VoiceAccessRole makes the role by which the service delivers notifications.
	VoiceAccessRole bool
}

// Default is what is deployed where nothing was chosen.
func Default() Config {
	return Config{
		StackName: "Chimewatch", Architecture: "arm64", RetentionDays: 90, LogRetentionDays: 30, Retain: true,
		RunbookURL: "https://github.com/chimewatch/chimewatch/blob/main/docs/RUNBOOK.md", Settings: settings.Default(),
	}
}

// contextKey is the key of the CDK context that holds the choices.
const contextKey = "chimewatch"

// logRetentions are the days that CloudWatch Logs offers.
var logRetentions = map[int]awslogs.RetentionDays{
	1: awslogs.RetentionDays_ONE_DAY, 3: awslogs.RetentionDays_THREE_DAYS, 5: awslogs.RetentionDays_FIVE_DAYS,
	7: awslogs.RetentionDays_ONE_WEEK, 14: awslogs.RetentionDays_TWO_WEEKS, 30: awslogs.RetentionDays_ONE_MONTH,
	60: awslogs.RetentionDays_TWO_MONTHS, 90: awslogs.RetentionDays_THREE_MONTHS, 120: awslogs.RetentionDays_FOUR_MONTHS,
	150: awslogs.RetentionDays_FIVE_MONTHS, 180: awslogs.RetentionDays_SIX_MONTHS, 365: awslogs.RetentionDays_ONE_YEAR,
	400: awslogs.RetentionDays_THIRTEEN_MONTHS, 545: awslogs.RetentionDays_EIGHTEEN_MONTHS, 731: awslogs.RetentionDays_TWO_YEARS,
	1096: awslogs.RetentionDays_THREE_YEARS, 1827: awslogs.RetentionDays_FIVE_YEARS, 3653: awslogs.RetentionDays_TEN_YEARS,
}

func logRetentionNames() string {
	var names []string
	for _, days := range slices.Sorted(maps.Keys(logRetentions)) {
		names = append(names, strconv.Itoa(days))
	}
	return strings.Join(names, ", ")
}

// choice is one key: what it takes, in words, and how it is taken.
type choice struct {
	name, allowed string
	take          func(c *Config, value string) bool
}

func choices() []choice {
	list := []choice{
		{"stackName", "letters, digits and hyphens, beginning with a letter, at most 128", func(c *Config, v string) bool {
			c.StackName = v
			return isStackName(v)
		}},
		boolean("production", func(c *Config) *bool { return &c.Production }),
		{"architecture", "arm64 or x86_64", func(c *Config, v string) bool {
			c.Architecture = v
			return v == "arm64" || v == "x86_64"
		}},
		{"retentionDays", "a number of days from 1 to 3653, or 0 to keep calls for ever", func(c *Config, v string) bool {
			n, err := strconv.Atoi(v)
			c.RetentionDays = n
			return err == nil && n >= 0 && n <= 3653
		}},
		{"logRetentionDays", "a number of days that CloudWatch Logs offers: " + logRetentionNames(), func(c *Config, v string) bool {
			n, err := strconv.Atoi(v)
			c.LogRetentionDays = n
			return err == nil && logRetentions[n] != ""
		}},
		boolean("retain", func(c *Config) *bool { return &c.Retain }),
		boolean("fullNumbers", func(c *Config) *bool { return &c.FullNumbers }),
		{"runbookUrl", "an https address, or nothing", func(c *Config, v string) bool {
			c.RunbookURL = v
			u, err := url.Parse(v)
			return v == "" || err == nil && u.Scheme == "https" && u.Host != "" && u.Fragment == ""
		}},
		emails("failureEmails", func(c *Config) *[]string { return &c.FailureEmails }),
		emails("alertEmails", func(c *Config) *[]string { return &c.AlertEmails }),
	}
	list = append(list, voiceChoices()...)
	for _, key := range settings.Keys() {
		list = append(list, choice{key.Name, key.Allowed(), func(c *Config, v string) bool {
			return key.Set(&c.Settings, key.Name, v) == nil
		}})
	}
	return list
}

func boolean(name string, field func(*Config) *bool) choice {
	return choice{name, "true or false", func(c *Config, v string) bool {
		*field(c) = v == "true"
		return v == "true" || v == "false"
	}}
}

func emails(name string, field func(*Config) *[]string) choice {
	return choice{name, "e-mail addresses, a list or separated by commas", func(c *Config, v string) bool {
		*field(c) = nil
		for address := range strings.SplitSeq(v, ",") {
			if address = strings.TrimSpace(address); address == "" {
				continue
			}
			parsed, err := mail.ParseAddress(address)
			if err != nil || parsed.Address != address {
				return false
			}
			*field(c) = append(*field(c), address)
		}
		return true
	}}
}

func isStackName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 128
}

// ReadConfig reads the choices; context looks a key of the CDK context up and
// gives nil where there is none. The error names every key that is wrong, its
// value and what is allowed.
func ReadConfig(context func(key string) any) (Config, error) {
	c := Default()
	given := map[string]any{}
	switch object := context(contextKey).(type) {
	case nil:
	case map[string]any:
		given = object
	default:
		return c, fault.New(fault.Invalid, "context key "+contextKey, fmt.Sprintf("is %v", object), "make it an object, as in cdk.json")
	}
	var errs []error
	known := []string{}
	for _, one := range choices() {
		known = append(known, one.name)
		value, where := given[one.name], contextKey+"."+one.name
		if over := context(contextKey + ":" + one.name); over != nil {
			value, where = over, contextKey+":"+one.name
		}
		if value == nil {
			continue
		}
		text, ok := plain(value)
		if ok {
			ok = one.take(&c, text)
		}
		if !ok {
			errs = append(errs, fault.New(fault.Invalid, "context key "+where, fmt.Sprintf("is %q", fmt.Sprint(value)), "set "+one.allowed))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			errs = append(errs, fault.New(fault.Invalid, "context key "+contextKey+"."+name, "is not known", "use one of "+strings.Join(known, ", ")))
		}
	}
	if len(errs) == 0 {
		errs = c.voiceProblems()
	}
	return c, errors.Join(errs...)
}

// plain gives a value of the context as text: lists with commas between.
func plain(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			text, ok := part.(string)
			if !ok {
				return "", false
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}
