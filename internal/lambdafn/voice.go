package lambdafn

import (
	"fmt"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Variables by which the deployer turns voice-analytics tasks on.
const (
	// envTasks lists the tasks, joined by commas; empty means none.
	envTasks = "CHIMEWATCH_VOICE_TASKS"
	// envDomain is the ARN of the voice profile domain that speaker searches need.
	envDomain = "CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN"
)

// voiceTasks reads which tasks are turned on.
func voiceTasks(optional func(name string) string) (consent.Settings, error) {
	on := consent.Settings{}
	for name := range strings.SplitSeq(optional(envTasks), ",") {
		switch task := consent.Task(strings.TrimSpace(name)); task {
		case "":
		case consent.SpeakerSearch, consent.VoiceTone:
			on[task] = true
		default:
			return nil, apperr.New(apperr.Invalid, "environment variable "+envTasks, fmt.Sprintf("names the unknown task %q", task),
				fmt.Sprintf("use %s and %s, joined by a comma, or nothing", consent.SpeakerSearch, consent.VoiceTone))
		}
	}
	return on, nil
}

// Keeper makes the keeper of the holding area, as the environment says; what is
// wrong there is an error that New gives. The service can be called to stop tasks
// even where none is turned on.
func (p Parts) Keeper() *voicetask.Keeper {
	on, err := voiceTasks(p.Optional)
	if err != nil {
		p.wrong(err)
	}
	arn := p.Optional(envDomain)
	_, domain, ok := strings.Cut(arn, ":voice-profile-domain/")
	if (arn != "" || on[consent.SpeakerSearch]) && (!ok || domain == "") {
		p.wrong(apperr.New(apperr.Invalid, "environment variable "+envDomain, fmt.Sprintf("is %q, but speaker searches need a voice profile domain", arn),
			"set the domain's ARN, like arn:aws:chime:us-east-1:111122223333:voice-profile-domain/ID"))
	}
	return &voicetask.Keeper{
		Table: p.Table, Service: voicetask.Chime{API: chimeapi.New(p.AWS), DomainID: domain},
		On: on, Now: time.Now, Counts: p.Metrics,
	}
}
