// Package settings is what a deployer may choose of how failures are watched:
// one list of keys, limits and environment variables for the stack that sets
// them, the functions that read them and the local stack.
package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Settings are the choices.
type Settings struct {
	incident.Timing
	watchdog.Limits
	// MatchWindow is the least time between two messages about a rule on a call;
	// zero sends one for every match.
	MatchWindow time.Duration
}

// Default gives what is chosen where the deployer chose nothing.
func Default() Settings {
	return Settings{incident.DefaultTiming, watchdog.DefaultLimits, 5 * time.Minute}
}

// Key is one choice.
type Key struct {
	// Name is the key in the CDK context.
	Name string
	// Variable is the environment variable of the functions.
	Variable string
	// About says what it is.
	About string

	span        func(*Settings) *time.Duration
	number      func(*Settings) *int
	text        func(*Settings) *string
	check       func(where, value string) error // of a text
	allowed     string                          // of a text
	least, most time.Duration
	off         bool // 0 switches it off
}

// Keys lists every choice.
func Keys() []Key {
	return []Key{
		{Name: "incidentWindow", Variable: "CHIMEWATCH_INCIDENT_WINDOW", About: "the least time between two messages about an open incident",
			span: func(s *Settings) *time.Duration { return &s.Window }, least: time.Second, most: 24 * time.Hour},
		{Name: "incidentQuiet", Variable: "CHIMEWATCH_INCIDENT_QUIET", About: "how long no failure may come, while calls succeed, for an incident to be over",
			span: func(s *Settings) *time.Duration { return &s.Quiet }, least: time.Second, most: 24 * time.Hour},
		{Name: "incidentReopen", Variable: "CHIMEWATCH_INCIDENT_REOPEN", About: "how long after its end a cause that comes back reopens an incident",
			span: func(s *Settings) *time.Duration { return &s.Reopen }, least: time.Second, most: 7 * 24 * time.Hour, off: true},
		{Name: "recovery", Variable: "CHIMEWATCH_RECOVERY", About: "how long a temporary failure may last before people are told",
			span: func(s *Settings) *time.Duration { return &s.Recovery }, least: time.Second, most: 8 * time.Hour},
		{Name: "silentPipeline", Variable: "CHIMEWATCH_SILENT_PIPELINE", About: "how long an open pipeline may have no event before the API is asked about it",
			span: func(s *Settings) *time.Duration { return &s.Silent }, least: time.Minute, most: 8 * time.Hour},
		{Name: "heartbeat", Variable: "CHIMEWATCH_HEARTBEAT", About: "how long there may be no event at all, where there usually are some; 0 disables the check",
			span: func(s *Settings) *time.Duration { return &s.Heartbeat }, least: 5 * time.Minute, most: 7 * 24 * time.Hour, off: true},
		{Name: "timeZone", Variable: "CHIMEWATCH_TIME_ZONE", About: "the time zone of quietHours, and by whose clocks days are compared",
			text: func(s *Settings) *string { return &s.TimeZone }, check: watchdog.CheckTimeZoneName, allowed: watchdog.TimeZoneAllowed},
		{Name: "quietHours", Variable: "CHIMEWATCH_QUIET_HOURS", About: "when the absence of events is no news",
			text: func(s *Settings) *string { return &s.QuietHours }, check: watchdog.CheckQuietHours, allowed: watchdog.QuietHoursAllowed + ", or nothing"},
		{Name: "matchWindow", Variable: "CHIMEWATCH_MATCH_WINDOW", About: "the least time between two messages about a rule on a call; 0 sends one for every match",
			span: func(s *Settings) *time.Duration { return &s.MatchWindow }, least: time.Second, most: 24 * time.Hour, off: true},
		{Name: "pipelineQuota", Variable: "CHIMEWATCH_PIPELINE_QUOTA", About: "how many pipelines may be active in the Region",
			number: func(s *Settings) *int { return &s.Quota }},
	}
}

// mostPipelines bounds a quota, to catch a slip of the keyboard.
const mostPipelines = 1_000_000

// Allowed says which values the key takes.
func (k Key) Allowed() string {
	if k.text != nil {
		return k.allowed
	}
	if k.number != nil {
		return "a number from 1 to " + strconv.Itoa(mostPipelines)
	}
	text := fmt.Sprintf("a duration from %s to %s, written like 90s, 15m or 2h", Brief(k.least), Brief(k.most))
	if k.off {
		text += ", or 0"
	}
	return text
}

// Brief writes a duration without units that are zero: 1m, not 1m0s.
func Brief(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = strings.TrimSuffix(s, zero[1:])
		}
	}
	return s
}

// Set reads one choice; where names what the value was found under. The error
// is of class Invalid and names the value and what is allowed.
//
// Of a time zone only the form of its name is checked: not every function has the
// database of time zones.
func (k Key) Set(s *Settings, where, value string) error {
	if k.text != nil {
		if err := k.check(where, value); err != nil {
			return err
		}
		*k.text(s) = value
		return nil
	}
	refused := apperr.New(apperr.Invalid, where, fmt.Sprintf("is %q", value), "set "+k.Allowed())
	if k.number != nil {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > mostPipelines {
			return refused
		}
		*k.number(s) = n
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || !(d >= k.least && d <= k.most || d == 0 && k.off) {
		return refused
	}
	*k.span(s) = d
	return nil
}

// value writes the choice so that Set reads it.
func (k Key) value(s Settings) string {
	if k.text != nil {
		return *k.text(&s)
	}
	if k.number != nil {
		return strconv.Itoa(*k.number(&s))
	}
	return Brief(*k.span(&s))
}

// Environment gives the variables that make Read give s.
func (s Settings) Environment() map[string]string {
	env := map[string]string{}
	for _, k := range Keys() {
		env[k.Variable] = k.value(s)
	}
	return env
}

// Read reads the choices from the environment; what is not set is as Default.
func Read(getenv func(string) string) (Settings, error) {
	s := Default()
	var errs []error
	for _, k := range Keys() {
		if value := getenv(k.Variable); value != "" {
			errs = append(errs, k.Set(&s, "environment variable "+k.Variable, value))
		}
	}
	return s, errors.Join(errs...)
}

// Lookup finds a key by its name.
func Lookup(name string) (Key, bool) {
	keys := Keys()
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}
