package app

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Status makes the function status: it stores the state and history of pipelines.
func Status(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	return p.handler(lambdafn.Each(pipeline.Service{Recorder: p.table, Counts: p.Metrics}.Handle))
}

// Failures makes the function failures: it records failures in incidents.
func Failures(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	return p.handler(lambdafn.Each(p.incidents().Handle))
}

// Alerts makes the function alerts: it stores rule matches and notifies people.
func Alerts(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	return p.handler(lambdafn.Each(p.ruleMatches().Handle))
}

// Consent makes the function consent: it records consent, and starts and stops voice
// tasks accordingly.
func Consent(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	return p.handler(lambdafn.Each(p.voiceTasks().Handle))
}

// Voice makes the function voice: it stores voice notifications, and starts and
// stops the voice tasks of their calls.
func Voice(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	service := p.voiceTasks()
	if len(p.config.VoiceTasks) == 0 {
		service.Calls = nil // it stores only; consent and the schedule stop tasks that still run
	}
	return p.handler(func(ctx context.Context, messages []lambdafn.Message) []error {
		deliveries := make([]voicetask.Delivery, len(messages))
		for i, m := range messages {
			deliveries[i] = voicetask.Delivery{Body: m.Body, By: m.Source.Voice()}
		}
		return service.HandleNotifications(ctx, deliveries)
	})
}

// Watch makes the function watch: every minute it checks what no event reports.
func Watch(env lambdafn.Env) (lambdafn.Handler, error) {
	p := read(env)
	checks := watchdog.Service{
		Repo: p.table, Incidents: p.incidents(), API: chimeapi.New(p.AWS),
		Notifier: notify.Warnings{
			Outbox: p.table, Topic: p.failureTopic(), Options: p.rendering(p.config.HTTPS.Failures),
			Owner: lambdafn.RequestID,
		},
		Limits: p.config.Limits, Counts: p.Metrics, Account: p.Getenv(config.EnvAccount), Region: p.AWS.Region,
		Now: time.Now, Wait: wait,
	}
	return p.handler(lambdafn.Scheduled(checks.Run, p.ruleMatches().Run, p.voiceTasks().Run))
}

func (p parts) failureTopic() *notify.Topic {
	return notify.NewTopic(sns.NewFromConfig(p.AWS), p.require(config.EnvFailureTopicARN))
}

func (p parts) incidents() *incident.Service {
	return &incident.Service{
		Repo: p.table, Timing: p.config.Timing, Counts: p.Metrics, Now: time.Now,
		Notifier: notify.Incidents{
			Outbox: p.table, Topic: p.failureTopic(), Options: p.rendering(p.config.HTTPS.Failures),
			Owner: lambdafn.RequestID,
		},
	}
}

func (p parts) ruleMatches() *rulematch.Service {
	client := sns.NewFromConfig(p.AWS)
	return &rulematch.Service{
		Repo: p.table, Routes: p.config.Routes, Window: p.config.MatchWindow, Counts: p.Metrics,
		Now: time.Now, Wait: wait,
		Notifier: notify.Matches{
			Outbox: p.table, Topic: notify.NewTopic(client, p.require(config.EnvAlertTopicARN)),
			Topics:  func(arn string) notify.Publisher { return notify.NewTopic(client, arn) },
			Options: p.rendering(p.config.HTTPS.Alerts), Owner: lambdafn.RequestID,
		},
	}
}

// voiceTasks makes the service of consent and voice notifications. It can stop tasks
// even where none is turned on.
func (p parts) voiceTasks() *voicetask.Service {
	on := voicetask.Settings{}
	for _, task := range p.config.VoiceTasks {
		on[voicetask.Task(task)] = true
	}
	if on[voicetask.SpeakerSearch] && p.config.VoiceProfileDomainARN == "" {
		p.check(apperr.New(apperr.Invalid, "environment variable "+config.EnvVoiceProfileDomainARN,
			`is "", but speaker searches need a voice profile domain`, "set the domain's ARN"))
	}
	_, domain, _ := strings.Cut(p.config.VoiceProfileDomainARN, "/")
	runner := &voicetask.TaskRunner{
		Table: p.table, Service: chimeapi.VoiceTasks{API: chimeapi.New(p.AWS), DomainID: domain},
		On: on, Now: time.Now, Counts: p.Metrics,
	}
	return &voicetask.Service{
		Notifications: p.table, Ledger: p.table, Expiries: p.table, Calls: runner, Counts: p.Metrics, Now: time.Now,
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
