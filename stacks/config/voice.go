package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// The sources of voice-analytics notifications that can be chosen.
const (
	VoiceLambda  = "lambda"
	VoiceSQS     = "sqs"
	VoiceSNS     = "sns"
	VoiceKinesis = "kinesis"
)

// domainARN is what names a voice profile domain.
var domainARN = regexp.MustCompile(`^arn:aws[a-z-]*:chime:[a-z0-9-]+:[0-9]{12}:voice-profile-domain/[A-Za-z0-9-]+$`)

// connectorID is what an id of a Voice Connector looks like.
var connectorID = regexp.MustCompile(`^[a-z0-9]{1,128}$`)

// voiceChoices are the keys about voice analytics.
func voiceChoices() []choice {
	return []choice{
		subset("voiceSources", func(c *Stack) *[]string { return &c.VoiceSources }, VoiceLambda, VoiceSQS, VoiceSNS, VoiceKinesis),
		subset("voiceTasks", func(c *Stack) *[]string { return &c.VoiceTasks }, string(voicetask.SpeakerSearch), string(voicetask.VoiceTone)),
		{name: "voiceProfileDomainArn", allowed: "the ARN of a voice profile domain, like arn:aws:chime:us-east-1:111122223333:voice-profile-domain/ID, or nothing", take: func(c *Stack, v string) bool {
			c.VoiceProfileDomainARN = v
			return v == "" || domainARN.MatchString(v)
		}},
		{name: "voiceConnectorIds", allowed: "ids of Voice Connectors, a list or separated by commas",
			take: func(c *Stack, v string) bool { return c.takeConnectors(v) }},
		boolean("voiceAccessRole", func(c *Stack) *bool { return &c.VoiceAccessRole }),
	}
}

// takeConnectors reads the ids of Voice Connectors; false where one is none.
func (c *Stack) takeConnectors(value string) bool {
	c.VoiceConnectorIDs = nil
	for id := range strings.SplitSeq(value, ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		if !connectorID.MatchString(id) {
			return false
		}
		c.VoiceConnectorIDs = append(c.VoiceConnectorIDs, id)
	}
	return true
}

// subset takes some of the allowed words, each once, in any order; they are kept
// in the order in which they are allowed.
func subset(name string, field func(*Stack) *[]string, allowed ...string) choice {
	return choice{name: name, allowed: "any of " + strings.Join(allowed, ", ") + ", a list or separated by commas", take: func(c *Stack, v string) bool {
		var words []string
		for word := range strings.SplitSeq(v, ",") {
			if word = strings.TrimSpace(word); word == "" {
				continue
			}
			if !slices.Contains(allowed, word) || slices.Contains(words, word) {
				return false
			}
			words = append(words, word)
		}
		slices.SortFunc(words, func(a, b string) int { return slices.Index(allowed, a) - slices.Index(allowed, b) })
		*field(c) = words
		return true
	}}
}

// voiceProblems are choices that make no sense together.
func (c Stack) voiceProblems() (errs []error) {
	wrong := func(key, what, fix string) {
		errs = append(errs, apperr.New(apperr.Invalid, "context key "+contextKey+"."+key, what, fix))
	}
	if slices.Contains(c.VoiceTasks, string(voicetask.SpeakerSearch)) && c.VoiceProfileDomainARN == "" {
		wrong("voiceProfileDomainArn", `is "", but voiceTasks has speaker-search`, "set the ARN of the voice profile domain to search in")
	}
	if len(c.VoiceTasks) > 0 && len(c.VoiceSources) == 0 {
		wrong("voiceSources", "is empty, but voiceTasks is not", "choose by which way calls tell that they are ready: lambda, sqs, sns, kinesis")
	}
	if c.VoiceAccessRole && len(c.VoiceSources) == 0 {
		wrong("voiceSources", "is empty, but voiceAccessRole is true", "choose what the role is for: lambda, sqs, sns, kinesis")
	}
	return errs
}
