package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// flagHelp holds help texts and lists of values that are too long for the struct with the flags.
var flagHelp = kong.Vars{
	"output_help": "Output format: table, json, jsonl (one object per line) or, for lists, csv (or $" +
		config.EnvOutput + ").",
	"table_help":    "DynamoDB table (or $" + config.EnvTable + "; else the stack's output TableName).",
	"stack_help":    "CloudFormation stack (or $" + config.EnvStack + ") whose outputs name the table",
	"endpoint_help": "Send AWS requests to this URL (or $AWS_ENDPOINT_URL).",
	"cursor_help":   "Continue an earlier list, which printed this cursor on the error stream.",
	"status_help":   "Only calls with this status: ${statuses}. Several: --status Failed,Lost, or repeat the flag.",
	"from_help": "Only calls first seen at this time or later: 2026-03-09T14:00:00Z, " +
		"or 2026-03-09 for the start of the day in UTC.",
	"to_help": "Only calls first seen at this time or earlier; a date is the start of its day, " +
		"so the day itself is left out.",
	"scope_help": "Only incidents whose scope contains this text: a Voice Connector, a configuration, a Region.",
	"formats":    "table,json,jsonl,csv",
	"scopes":     "speaker-search,voice-tone,both",
	"set_help": "Set a field, like detail.callId=abc or detail.list.0.status=Failed; repeatable. " +
		"The value is JSON if it parses as JSON, else text.",
	"functions_help": "Folder, here or next to the program, with NAME/bootstrap for each function",
	"keep_help":      "Keep the table, the dead letters and the notifications of the last run, instead of replacing them.",
	"config_help":    "Use the deployer's configuration in a cdk.json: routes, windows, fullNumbers and so on.",
	"validate_help": "Check events against the schemas and with the functions, and print which rules match and " +
		"which functions run.",
	"incident_id_help": "Id of the incident, or the end of it as shown in a text message, such as ae2b8d3fa1d3.7.",
}

// The values of some flags, as their help and errors list them.
var (
	statusNames   = joined(pipeline.Statuses())
	severityNames = joined(incident.Severities())
	classNames    = joined(incident.Classes())
)

// fullNumbersFlag is the flag of commands that print phone numbers.
type fullNumbersFlag struct {
	FullNumbers bool `help:"Print full phone numbers, not only the last four digits."`
}

// valueOf returns the flag that kong decodes, and its value.
func valueOf(ctx *kong.DecodeContext) (flag, text string, err error) {
	err = ctx.Scan.PopValueInto(ctx.Value.Name, &text)
	return "--" + ctx.Value.Name, text, err
}

// statusFlag is a status of a pipeline, in any case.
type statusFlag pipeline.Status

// Decode implements kong.MapperValue.
func (f *statusFlag) Decode(ctx *kong.DecodeContext) error {
	flag, text, err := valueOf(ctx)
	for _, status := range pipeline.Statuses() {
		if strings.EqualFold(strings.TrimSpace(text), string(status)) {
			*f = statusFlag(status)
			return err
		}
	}
	return cmp.Or(err, usage(flag, fmt.Sprintf("%q is no status of a pipeline", text), "use one of "+statusNames))
}

// timeFlag is a time: RFC 3339, or a date, which means its start in UTC. Empty text is the zero time.
type timeFlag struct{ time.Time }

// Decode implements kong.MapperValue.
func (f *timeFlag) Decode(ctx *kong.DecodeContext) error {
	flag, text, err := valueOf(ctx)
	if text == "" {
		return err
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			f.Time = t.UTC()
			return nil
		}
	}
	return usage(flag, fmt.Sprintf("%q is no time", text), "write it like 2026-03-09T14:00:00Z or 2026-03-09")
}

// spanFlag is a span of time that ends now: a duration of Go, or whole days like 7d. Empty text is no span.
type spanFlag time.Duration

// Decode implements kong.MapperValue.
func (f *spanFlag) Decode(ctx *kong.DecodeContext) error {
	flag, text, err := valueOf(ctx)
	if text == "" {
		return err
	}
	span, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int64
		n, err = strconv.ParseInt(days, 10, 16) // 16 bits of days do not overflow a Duration
		span = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || span <= 0 {
		return usage(flag, fmt.Sprintf("%q is no span of time", text), "write it like 90m, 24h or 7d")
	}
	*f = spanFlag(span)
	return nil
}

// start returns the start of the span; the zero time if there is no span.
func (f spanFlag) start(now time.Time) time.Time {
	if f == 0 {
		return time.Time{}
	}
	return now.Add(-time.Duration(f))
}
