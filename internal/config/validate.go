package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// maxRoutes bounds the routes and quiet hours as text, in bytes: they are environment
// variables of one function, which may have 4 KB together (Lambda developer guide,
// "Lambda quotas"). The others need up to 1.7 KB.
const maxRoutes = 2200

// Validate returns an error of class Invalid that names every setting that has a value
// which FromContext refuses, or, if all are valid alone, those that do not fit together.
// It needs the time zone database: a program imports time/tzdata where the machine may
// not have it.
func (c Stack) Validate() error {
	var errs []error
	for _, s := range registry {
		scratch := c
		errs = append(errs, s.parse(&scratch, at(s.Key), s.format(c)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return errors.Join(append(c.voiceProblems(), c.otherProblems()...)...)
}

// at names a setting in an error.
func at(key string) string { return "context key " + contextKey + "." + key }

func wrong(key, what, fix string) error { return apperr.New(apperr.Invalid, at(key), what, fix) }

func (c Stack) voiceProblems() (errs []error) {
	if slices.Contains(c.VoiceTasks, string(voicetask.SpeakerSearch)) && c.VoiceProfileDomainARN == "" {
		errs = append(errs, wrong("voiceProfileDomainArn", `is "", but voiceTasks has speaker-search`,
			"set the ARN of the voice profile domain to search in"))
	}
	if len(c.VoiceTasks) > 0 && len(c.VoiceSources) == 0 {
		errs = append(errs, wrong("voiceSources", "is empty, but voiceTasks is not",
			"choose how voice notifications come: lambda, sqs, sns, kinesis"))
	}
	if c.VoiceAccessRole && len(c.VoiceSources) == 0 {
		errs = append(errs, wrong("voiceSources", "is empty, but voiceAccessRole is true",
			"choose what the role is for: lambda, sqs, sns, kinesis"))
	}
	return errs
}

func (c Stack) otherProblems() (errs []error) {
	if c.AlarmTopicARN != "" && len(c.AlarmEmails) > 0 {
		errs = append(errs, wrong("alarmEmails", "is set, and so is alarmTopicArn",
			"subscribe the addresses to that topic, or leave alarmTopicArn out"))
	}
	if _, err := watchdog.NewHours(c.TimeZone, ""); err != nil {
		errs = append(errs, wrong("timeZone", fmt.Sprintf("is %q, which is not known", c.TimeZone),
			"set "+watchdog.TimeZoneAllowed))
	}
	routes, quiet := len(c.Routes.WithoutKeys().String()), len(c.QuietHours)
	switch {
	case routes > maxRoutes:
		errs = append(errs, wrong("routes", fmt.Sprintf("has %d bytes, and a function has room for %d", routes, maxRoutes),
			"join rules of the same destination by the beginning of their names and an asterisk, and leave out severity medium"))
	case quiet > 0 && routes+quiet > maxRoutes:
		errs = append(errs, wrong("quietHours",
			fmt.Sprintf("and routes have %d bytes, and a function has room for %d", routes+quiet, maxRoutes),
			"write ranges of days and dates, such as Mon-Fri, and shorten the routes"))
	}
	return errs
}

// CheckTopicRegions returns an error of class Invalid that names the topics of routes, and
// the topic of the alarms, that are in another Region than the stack. SNS refuses them:
// its clients publish within their own Region only. An empty Region is not checked.
func (c Stack) CheckTopicRegions(region string) error {
	var errs []error
	check := func(key, topic string) {
		if in := RegionOf(topic); region != "" && topic != "" && in != region {
			errs = append(errs, wrong(key, fmt.Sprintf("is %q, a topic in %s, but the stack is in %s", topic, in, region),
				"name a topic in "+region+"; it may forward to another Region by a subscription"))
		}
	}
	for i, route := range c.Routes {
		check(fmt.Sprintf("routes[%d].topic", i), route.Topic)
	}
	check("alarmTopicArn", c.AlarmTopicARN)
	return errors.Join(errs...)
}

// RegionOf returns the Region in an ARN, empty if there is none.
func RegionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}
