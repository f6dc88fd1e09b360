// Package notify renders updates of incidents, rule matches and warnings as messages,
// and publishes each once to an SNS topic. Rendering is pure: the same value has the
// same message, to the byte, so that one that is sent again has the same ID.
package notify

import (
	"maps"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Kind says what a message is about.
type Kind string

// The kinds of messages; a warning has the name of its condition.
// TestKind is what an operator sends to see who receives it.
const (
	IncidentUpdate Kind = "incident"
	RuleMatch      Kind = "rule-match"
	TestKind       Kind = "test"
)

// Message is what is published to a topic.
type Message struct {
	// ID is the same for every message about the same thing.
	ID   string
	Kind Kind
	// Title is the message in one line of at most maxTitle characters.
	Title string
	// Subject is Title as far as SNS allows: ASCII, at most MaxSubject characters,
	// no line breaks.
	Subject string
	// Body is plain text of a few lines. Each is complete in itself: they are read on
	// a phone, in a proportional font.
	Body string
	// SMS is one segment of a text message: at most 160 septets of the GSM 03.38
	// alphabet.
	SMS string
	// Card is a custom notification of Amazon Q Developer in chat applications,
	// Data the message for machines; both are JSON objects.
	Card, Data string
	// Attributes are for subscription filters. None is empty, which SNS rejects, and
	// there are at most MaxAttributes.
	Attributes map[string]string

	https HTTPSBody
}

const (
	// MaxSubject is how many characters SNS accepts as a subject.
	MaxSubject = 100
	// MaxAttributes is how many attributes SNS delivers to a queue that receives raw
	// messages.
	MaxAttributes = 10
)

// Options are what the deployer chooses.
type Options struct {
	// FullNumbers shows whole phone numbers; otherwise only their last four digits.
	FullNumbers bool
	// RunbookURL is where docs/RUNBOOK.md can be read; without it no message
	// links there. The cause's class, or the kind of message where it has no cause,
	// is added as the fragment.
	RunbookURL string
	// HTTPS is what subscribers by https receive; the zero value is HTTPSCard.
	HTTPS HTTPSBody
}

// runbook returns the link to a section, empty where there is no runbook.
func (o Options) runbook(section string) string {
	if o.RunbookURL == "" {
		return ""
	}
	return o.RunbookURL + "#" + section
}

// lines builds a body.
type lines struct{ text string }

func (l *lines) line(text string) { l.text += text + "\n" }

func (l *lines) blank() { l.text += "\n" }

// field adds a line "label: value"; nothing when there is no value.
func (l *lines) field(label, value string) {
	if value != "" {
		l.line(label + ": " + value)
	}
}

// attributes cleans the values, and drops those that are empty.
func attributes(all map[string]string) map[string]string {
	for key, value := range all {
		all[key] = clean(value, maxID)
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// configurationName returns the last part of a configuration's ARN.
func configurationName(arn string) string {
	return clean(arn[strings.LastIndexByte(arn, '/')+1:], maxID)
}

// place names account and Region.
func place(account, region string) string {
	return join(", ", clean(account, maxID), clean(region, maxID))
}

// callParties returns who calls whom: "…0137 to …0190, Inbound".
func callParties(call pipeline.State) string {
	to := call.ToNumber
	if to != "" {
		to = "to " + to
	}
	return join(", ", join(" ", call.FromNumber, to), clean(call.Direction, maxWord))
}

// showCommand returns the command that shows a pipeline, to be pasted into a shell.
func showCommand(id string) string {
	return "chimewatch calls show " + shellQuote(clean(id, maxID))
}

// join joins what is not empty.
func join(between string, parts ...string) string {
	empty := func(part string) bool { return part == "" }
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), empty), between)
}
