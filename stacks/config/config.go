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
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/near"
	"github.com/chimewatch/chimewatch/internal/routing"
	"github.com/chimewatch/chimewatch/internal/settings"
)

// Stack is all that a deployer may choose. It comes from the CDK context: the
// object "chimewatch" of cdk.json, and over it the options -c chimewatch:KEY=VALUE.
type Stack struct {
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
	// MemoryMB is what each function has; its share of a CPU goes with it.
	MemoryMB int
	// Delivery is how EventBridge tries to invoke a function, Retry how Lambda
	// tries again one that failed. What is given up goes to a dead-letter queue.
	Delivery, Retry Attempts
	// Settings say how failures are watched.
	Settings settings.Settings
	// Routes say how grave rule matches are, and which go to other topics than the
	// alert topic.
	Routes routing.Routes
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

// Attempts is how often a thing is tried again, and how old it may be then.
type Attempts struct {
	Most int
	Age  time.Duration
}

// Default is what is deployed where nothing was chosen.
func Default() Stack {
	return Stack{
		StackName: "Chimewatch", Architecture: "arm64", RetentionDays: 90, LogRetentionDays: 30, Retain: true,
		RunbookURL: "https://github.com/chimewatch/chimewatch/blob/main/docs/RUNBOOK.md",
		MemoryMB:   256, Delivery: Attempts{185, 24 * time.Hour}, Retry: Attempts{2, 6 * time.Hour}, Settings: settings.Default(),
	}
}

// contextKey is the key of the CDK context that holds the choices.
const contextKey = "chimewatch"

// logRetentions are the days that CloudWatch Logs offers (retentionInDays in its
// PutRetentionPolicy).
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653}

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
		boolean("fullNumbers", func(c *Stack) *bool { return &c.FullNumbers }),
		{name: "runbookUrl", allowed: "an https address, or nothing", take: func(c *Stack, v string) bool {
			c.RunbookURL = v
			u, err := url.Parse(v)
			return v == "" || err == nil && u.Scheme == "https" && u.Host != "" && u.Fragment == ""
		}},
		emails("failureEmails", func(c *Stack) *[]string { return &c.FailureEmails }),
		emails("alertEmails", func(c *Stack) *[]string { return &c.AlertEmails }),
		number("memoryMB", "a number of megabytes from 128 to 10240", 128, 10240, func(c *Stack) *int { return &c.MemoryMB }),
		// The bounds are those of a target of EventBridge and of Lambda's
		// asynchronous invocations (RetryPolicy and EventInvokeConfig in the
		// CloudFormation reference).
		number("deliveryAttempts", "a number from 0 to 185", 0, 185, func(c *Stack) *int { return &c.Delivery.Most }),
		age("deliveryAge", 24*time.Hour, func(c *Stack) *time.Duration { return &c.Delivery.Age }),
		number("retryAttempts", "a number from 0 to 2", 0, 2, func(c *Stack) *int { return &c.Retry.Most }),
		age("retryAge", 6*time.Hour, func(c *Stack) *time.Duration { return &c.Retry.Age }),
		{name: "routes", allowed: "a list of routes", parse: func(c *Stack, where, v string) (err error) {
			c.Routes, err = routing.Parse(where, v)
			return err
		}},
	}
	list = append(list, voiceChoices()...)
	for _, key := range settings.Keys() {
		list = append(list, choice{name: key.Name, allowed: key.Allowed(), take: func(c *Stack, v string) bool {
			return key.Set(&c.Settings, key.Name, v) == nil
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
func Read(context map[string]any) (Stack, error) {
	c := Default()
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
			errs = append(errs, fault.New(fault.Invalid, "context key "+v.where, fmt.Sprintf("is %q", fmt.Sprint(v.value)), "set "+one.allowed))
		}
	}
	known := Keys()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			errs = append(errs, fault.New(fault.Invalid, "context key "+given[name].where, "is not known", "use one of "+strings.Join(near.Names(known, name), ", ")))
		}
	}
	if len(errs) == 0 {
		errs = c.voiceProblems()
	}
	return c, errors.Join(errs...)
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
		return nil, fault.New(fault.Invalid, "context key "+contextKey, fmt.Sprintf("is %q", fmt.Sprint(object)),
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
