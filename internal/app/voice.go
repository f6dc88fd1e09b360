package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// voiceTasks reads which tasks are turned on.
func voiceTasks(getenv func(name string) string) (voicetask.Settings, error) {
	on := voicetask.Settings{}
	for name := range strings.SplitSeq(getenv(config.EnvVoiceTasks), ",") {
		switch task := voicetask.Task(strings.TrimSpace(name)); task {
		case "":
		case voicetask.SpeakerSearch, voicetask.VoiceTone:
			on[task] = true
		default:
			return nil, apperr.New(apperr.Invalid, "environment variable "+config.EnvVoiceTasks, fmt.Sprintf("names the unknown task %q", task),
				fmt.Sprintf("use %s and %s, joined by a comma, or nothing", voicetask.SpeakerSearch, voicetask.VoiceTone))
		}
	}
	return on, nil
}

// taskRunner makes the runner of voice tasks. It can stop tasks even where none is
// turned on.
func (p parts) taskRunner() *voicetask.TaskRunner {
	on, err := voiceTasks(p.Getenv)
	if err != nil {
		p.check(err)
	}
	arn := p.Getenv(config.EnvVoiceProfileDomainARN)
	_, domain, ok := strings.Cut(arn, ":voice-profile-domain/")
	if (arn != "" || on[voicetask.SpeakerSearch]) && (!ok || domain == "") {
		p.check(apperr.New(apperr.Invalid, "environment variable "+config.EnvVoiceProfileDomainARN, fmt.Sprintf("is %q, but speaker searches need a voice profile domain", arn),
			"set the domain's ARN, like arn:aws:chime:us-east-1:111122223333:voice-profile-domain/ID"))
	}
	return &voicetask.TaskRunner{
		Table: p.table, Service: chimeapi.VoiceTasks{API: chimeapi.New(p.AWS), DomainID: domain},
		On: on, Now: time.Now, Counts: p.Metrics,
	}
}

// voiceTasks makes the service of consent and voice notifications. Without a task that
// is turned on, the function voice stores notifications only; tasks that still run are
// stopped by consent and by the schedule.
func (p parts) voiceTasks() *voicetask.Service {
	return &voicetask.Service{
		Notifications: p.table, Ledger: p.table, Expiries: p.table, Calls: p.taskRunner(), Counts: p.Metrics, Now: time.Now,
	}
}
