// Package config is what a deployer may choose of the stack, and how the CDK
// context says it. It needs nothing of the CDK.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the machine that deploys may not have it, and names of time zones are checked there

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/near"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/settings"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Stack is all that a deployer may choose. It comes from the CDK context: the
// object "chimewatch" of cdk.json, and over it the options -c chimewatch:KEY=VALUE.
type Stack struct {
	// StackName names the stack; chimewatch looks for the table in its outputs.
	StackName string
	// Production protects the stack from deletion.
	Production bool
	// Rehearsal lets rehearsed events in beside those of Amazon Chime.
	Rehearsal bool
	// AnyRegion permits a Region of which this version does not know that call
	// analytics runs there.
	AnyRegion bool
	// Architecture of the functions: arm64 or x86_64.
	Architecture string
	// RetentionDays is how long calls are kept, 0 for ever; LogRetentionDays how
	// long logs are.
	RetentionDays, LogRetentionDays int
	// Retain keeps the table and the queues when the stack is deleted.
	Retain bool
	// TableName is a table of an earlier stack that this one goes on with; empty
	// makes a new table.
	TableName string
	// FullNumbers shows phone numbers whole in notifications.
	FullNumbers bool
	// RunbookURL is where notifications and alarms link to; empty for nowhere.
	RunbookURL string
	// HTTPS is what https subscribers of the topics receive.
	HTTPS notify.HTTPSBodies
	// FailureEmails, AlertEmails and AlarmEmails are subscribed to the topics.
	FailureEmails, AlertEmails, AlarmEmails []string
	// AlarmTopicARN is a topic that the alarms publish to instead of their own.
	AlarmTopicARN string
	// MemoryMB is what each function has; its share of a CPU goes with it.
	MemoryMB int
	// ReservedConcurrency is how many executions each function keeps for itself and
	// may have at most; 0 leaves them all to the account's pool.
	ReservedConcurrency int
	// Tracing records a sample of the invocations with X-Ray.
	Tracing bool
	// Delivery is how EventBridge tries to invoke a function, Retry how Lambda
	// tries again one that failed. What is given up goes to a dead-letter queue.
	Delivery, Retry Attempts
	// Settings say how failures are watched.
	Settings settings.Settings
	// Routes are the severities of rule matches, and which go to other topics than
	// the alert topic.
	Routes rulematch.Routes
	// VoiceSources are the ways in which voice-analytics notifications come:
	// lambda, sqs, sns, kinesis; none by default.
	VoiceSources []string
	// VoiceTasks are the tasks that are started where there is consent:
	// speaker-search, voice-tone; none by default.
	VoiceTasks []string
	// VoiceProfileDomainARN is the voice profile domain that speaker searches need.
	VoiceProfileDomainARN string
	// VoiceConnectorIDs narrow the Voice Connectors on which tasks may be started
	// and stopped; none means all of the account.
	VoiceConnectorIDs []string
	// VoiceAccessRole makes the role by which the service reads the audio and
	// delivers notifications.
	VoiceAccessRole bool
}

// Attempts is how often a thing is tried again, and how old it may be then.
type Attempts struct {
	Most int
	Age  time.Duration
}

// Default is what is deployed where nothing was chosen.
func Default() Stack {
	return Stack{
		StackName: "Chimewatch", Production: true, Architecture: "arm64", MemoryMB: 256, Tracing: true,
		RetentionDays: 90, LogRetentionDays: 30, Retain: true,
		RunbookURL: "https://github.com/chimewatch/chimewatch/blob/main/docs/RUNBOOK.md",
		HTTPS:      notify.HTTPSBodies{Failures: notify.HTTPSCard, Alerts: notify.HTTPSCard},
		Delivery:   Attempts{185, 24 * time.Hour}, Retry: Attempts{2, 6 * time.Hour}, Settings: settings.Default(),
	}
}

// tableName is what DynamoDB accepts as a table's name.
var tableName = regexp.MustCompile(`^[A-Za-z0-9_.-]{3,255}$`)

// contextKey is the key of the CDK context that holds the choices.
const contextKey = "chimewatch"

// logRetentions are the days that CloudWatch Logs offers (retentionInDays in its
// PutRetentionPolicy).
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
	3288, 3653}

func logRetentionNames() string {
	names := make([]string, len(logRetentions))
	for i, days := range logRetentions {
		names[i] = strconv.Itoa(days)
	}
	return strings.Join(names, ", ")
}

// choice is one key: what it takes, in words, and how it is taken. parse, where
// there is one, takes it instead, and says itself what is wrong at which place.
type choice struct {
	name, allowed string
	take          func(c *Stack, value string) bool
	parse         func(c *Stack, where, value string) error
}

func choices() []choice {
	list := []choice{
		{name: "stackName", allowed: "letters, digits and hyphens, beginning with a letter, at most 128", take: func(c *Stack, v string) bool {
			c.StackName = v
			return isStackName(v)
		}},
		boolean("production", func(c *Stack) *bool { return &c.Production }),
		boolean("rehearsal", func(c *Stack) *bool { return &c.Rehearsal }),
		boolean("anyRegion", func(c *Stack) *bool { return &c.AnyRegion }),
		{name: "architecture", allowed: "arm64 or x86_64", take: func(c *Stack, v string) bool {
			c.Architecture = v
			return v == "arm64" || v == "x86_64"
		}},
		number("retentionDays", "a number of days from 1 to 3653, or 0 to keep calls for ever", 0, 3653, func(c *Stack) *int { return &c.RetentionDays }),
		{name: "logRetentionDays", allowed: "a number of days that CloudWatch Logs offers: " + logRetentionNames(), take: func(c *Stack, v string) bool {
			n, err := strconv.Atoi(v)
			c.LogRetentionDays = n
			return err == nil && slices.Contains(logRetentions, n)
		}},
		boolean("retain", func(c *Stack) *bool { return &c.Retain }),
		{name: "tableName", allowed: "the name of a table in the same account and Region, or nothing",
			take: func(c *Stack, v string) bool {
				c.TableName = v
				return v == "" || tableName.MatchString(v)
			}},
		boolean("fullNumbers", func(c *Stack) *bool { return &c.FullNumbers }),
		{name: "runbookUrl", allowed: "an https address, or nothing", take: func(c *Stack, v string) bool {
			c.RunbookURL = v
			u, err := url.Parse(v)
			return v == "" || err == nil && u.Scheme == "https" && u.Host != "" && u.Fragment == ""
		}},
		emails("failureEmails", func(c *Stack) *[]string { return &c.FailureEmails }),
		emails("alertEmails", func(c *Stack) *[]string { return &c.AlertEmails }),
		emails("alarmEmails", func(c *Stack) *[]string { return &c.AlarmEmails }),
		{name: "alarmTopicArn", allowed: "the ARN of a standard SNS topic, or nothing", take: func(c *Stack, v string) bool {
			c.AlarmTopicARN = v
			return v == "" || rulematch.IsTopicARN(v)
		}},
		{name: notify.HTTPSBodyKey, allowed: notify.HTTPSBodyAllowed, parse: func(c *Stack, where, v string) (err error) {
			c.HTTPS, err = notify.ParseHTTPSBodies(where, v)
			return err
		}},
		number("memoryMB", "a number of megabytes from 128 to 10240", 128, 10240, func(c *Stack) *int { return &c.MemoryMB }),
		number("reservedConcurrency", "a number from 1 to 1000, or 0 to reserve nothing", 0, 1000,
			func(c *Stack) *int { return &c.ReservedConcurrency }),
		boolean("tracing", func(c *Stack) *bool { return &c.Tracing }),
		// The bounds are those of a target of EventBridge and of Lambda's
		// asynchronous invocations (RetryPolicy and EventInvokeConfig in the
		// CloudFormation reference).
		number("deliveryAttempts", "a number from 0 to 185", 0, 185, func(c *Stack) *int { return &c.Delivery.Most }),
		age("deliveryAge", 24*time.Hour, func(c *Stack) *time.Duration { return &c.Delivery.Age }),
		number("retryAttempts", "a number from 0 to 2", 0, 2, func(c *Stack) *int { return &c.Retry.Most }),
		age("retryAge", 6*time.Hour, func(c *Stack) *time.Duration { return &c.Retry.Age }),
		{name: "routes", allowed: "a list of routes", parse: func(c *Stack, where, v string) (err error) {
			if c.Routes, err = rulematch.Parse(where, v); err != nil {
				return err
			}
			return c.routesFit(where)
		}},
	}
	list = append(list, voiceChoices()...)
	for _, key := range settings.Keys() {
		list = append(list, choice{name: key.Name, allowed: key.Allowed(), parse: func(c *Stack, where, v string) error {
			return key.Set(&c.Settings, where, v)
		}})
	}
	return list
}

func boolean(name string, field func(*Stack) *bool) choice {
	return choice{name: name, allowed: "true or false", take: func(c *Stack, v string) bool {
		*field(c) = v == "true"
		return v == "true" || v == "false"
	}}
}

func number(name, allowed string, least, most int, field func(*Stack) *int) choice {
	return choice{name: name, allowed: allowed, take: func(c *Stack, v string) bool {
		n, err := strconv.Atoi(v)
		*field(c) = n
		return err == nil && n >= least && n <= most
	}}
}

func age(name string, most time.Duration, field func(*Stack) *time.Duration) choice {
	return choice{name: name, allowed: fmt.Sprintf("a duration of whole seconds from 1m to %gh, written like 90s, 15m or 2h", most.Hours()), take: func(c *Stack, v string) bool {
		d, err := time.ParseDuration(v)
		*field(c) = d
		return err == nil && d >= time.Minute && d <= most && d%time.Second == 0
	}}
}

func emails(name string, field func(*Stack) *[]string) choice {
	return choice{name: name, allowed: "e-mail addresses, a list or separated by commas", take: func(c *Stack, v string) bool {
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

// Read reads the choices from the whole of the CDK context. The error
// names every key that is wrong, its value and what is allowed.
func Read(context map[string]any) (Stack, error) { return ReadOver(Default(), context) }

// ReadOver is Read with other choices than those of Default where the context has none.
func ReadOver(c Stack, context map[string]any) (Stack, error) {
	given, err := chosen(context)
	if err != nil {
		return c, err
	}
	var errs []error
	for _, one := range choices() {
		v, there := given[one.name]
		if !there {
			continue
		}
		text, ok := plain(v.value)
		switch {
		case ok && one.parse != nil:
			if err := one.parse(&c, "context key "+v.where, text); err != nil {
				errs = append(errs, err)
			}
		case !ok || !one.take(&c, text):
			errs = append(errs, apperr.New(apperr.Invalid, "context key "+v.where, fmt.Sprintf("is %q", fmt.Sprint(v.value)), "set "+one.allowed))
		}
	}
	known := Keys()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			errs = append(errs, apperr.New(apperr.Invalid, "context key "+given[name].where, "is not known", "use one of "+strings.Join(near.Names(known, name), ", ")))
		}
	}
	errs = append(errs, misplaced(context, known)...)
	if len(errs) == 0 {
		errs = append(c.voiceProblems(), c.combinationProblems()...)
	}
	return c, errors.Join(errs...)
}

// likePrefix is how people write the prefix of the choices, right or wrong.
var likePrefix = regexp.MustCompile(`(?i)^` + contextKey + `[^a-z0-9]`)

// misplaced refuses keys of the context that name a choice without the prefix, or
// with the prefix in another spelling: the CDK ignores them without a word.
func misplaced(context map[string]any, known []string) (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if key == contextKey || strings.HasPrefix(key, contextKey+":") {
			continue // read as choices
		}
		name := likePrefix.ReplaceAllString(key, "")
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
		switch {
		case i >= 0:
			name = known[i]
		case name != key || strings.EqualFold(key, contextKey):
			name = "KEY"
		default:
			continue // a key of the CDK, or of somebody else
		}
		errs = append(errs, apperr.New(apperr.Invalid, "context key "+key, "is not read: choices begin with "+contextKey+":",
			"write -c "+contextKey+":"+name+"=VALUE, or set it in the object "+contextKey+" of cdk.json"))
	}
	return errs
}

// maxRoutes bounds the routes as text, in bytes: they are one of the environment
// variables of a function, which may have 4 KB together (Lambda developer guide,
// "Lambda quotas"). The others take up to 1.7 KB.
const maxRoutes = 2200

func (c Stack) routesFit(where string) error {
	if n := len(c.Routes.WithoutKeys().String()); n > maxRoutes {
		return apperr.New(apperr.Invalid, where, fmt.Sprintf("takes %d bytes, and a function has room for %d", n, maxRoutes),
			"join rules of the same destination by the beginning of their names and an asterisk, and leave out severity medium")
	}
	return nil
}

// combinationProblems are choices that make no sense together.
func (c Stack) combinationProblems() (errs []error) {
	if c.AlarmTopicARN != "" && len(c.AlarmEmails) > 0 {
		errs = append(errs, apperr.New(apperr.Invalid, "context key "+contextKey+".alarmEmails",
			"is set, and so is alarmTopicArn", "subscribe the addresses to that topic, or leave alarmTopicArn out"))
	}
	return append(errs, c.watchProblems()...)
}

// watchProblems are what the functions would only find out when they run.
func (c Stack) watchProblems() (errs []error) {
	at := func(key string) string { return "context key " + contextKey + "." + key }
	zone := c.Settings.TimeZone
	if _, err := watchdog.NewHours(zone, ""); err != nil {
		errs = append(errs, apperr.New(apperr.Invalid, at("timeZone"), fmt.Sprintf("is %q, which is not known", zone), "set "+watchdog.TimeZoneAllowed))
	}
	if n := len(c.Routes.WithoutKeys().String()) + len(c.Settings.QuietHours); n > maxRoutes && len(c.Settings.QuietHours) > 0 {
		errs = append(errs, apperr.New(apperr.Invalid, at("quietHours"),
			fmt.Sprintf("and routes take %d bytes, and a function has room for %d", n, maxRoutes),
			"write ranges of days and dates, such as Mon-Fri, and shorten the routes"))
	}
	return errs
}

// given is a value and the key of the context that it was found under.
type given struct {
	where string
	value any
}

// Keys gives the names of all choices.
func Keys() []string {
	var names []string
	for _, one := range choices() {
		names = append(names, one.name)
	}
	return names
}

// Given returns the names of the choices that a context which Read accepts makes, sorted.
func Given(context map[string]any) []string {
	all, err := chosen(context)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(all))
}

// chosen gathers what was chosen, by name: the object first, then what is over it.
func chosen(context map[string]any) (map[string]given, error) {
	all := map[string]given{}
	switch object := context[contextKey].(type) {
	case nil:
	case map[string]any:
		for name, value := range object {
			all[name] = given{contextKey + "." + name, value}
		}
	default:
		return nil, apperr.New(apperr.Invalid, "context key "+contextKey, fmt.Sprintf("is %q", fmt.Sprint(object)),
			"make it an object in cdk.json; on the command line set one key at a time: -c "+contextKey+":KEY=VALUE")
	}
	for key, value := range context {
		if name, ok := strings.CutPrefix(key, contextKey+":"); ok {
			all[name] = given{key, value}
		}
	}
	return all, nil
}

// plain gives a value of the context as text: lists of texts with commas between,
// lists of objects as JSON.
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
			if _, object := part.(map[string]any); object {
				text, err := json.Marshal(v)
				return string(text), err == nil
			}
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
