// Package notify holds the words that people read: it renders a failure or a rule
// match as a message for a topic. It is pure: the same value gives the same
// message, to the byte, so that one that is sent again can be told by its ID.
package notify

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Kind says what a message is about.
type Kind string

// The kinds of messages.
const (
	RuleMatch Kind = "rule-match"
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
	// Body is plain text of a few lines, each of which stands for itself: they
	// are read on a phone, in a proportional font.
	Body string
	// SMS is one segment of a text message: at most 160 septets of the GSM 03.38
	// alphabet.
	SMS string
	// Card is a custom notification of Amazon Q Developer in chat applications,
	// Data the message for machines; both are JSON objects.
	Card, Data string
	// Attributes are for subscription filters. None is empty, which SNS refuses,
	// and there are at most MaxAttributes.
	Attributes map[string]string

	https HTTPSBody
}

const (
	// MaxSubject is how long a subject SNS takes.
	MaxSubject = 100
	// MaxAttributes is how many attributes SNS hands on to a queue that takes
	// messages raw.
	MaxAttributes = 10
)

// Options are what the deployer chooses.
type Options struct {
	// FullNumbers shows phone numbers whole; otherwise their last four digits.
	FullNumbers bool
	// RunbookURL is where docs/RUNBOOK.md can be read; without it no message
	// links there. The cause's class, or the kind of message where it has no cause,
	// is added as the fragment.
	RunbookURL string
	// HTTPS is what subscribers by https get; the zero value is HTTPSCard.
	HTTPS HTTPSBody
}

// runbook gives the link to a section, empty where there is no runbook.
func (o Options) runbook(section string) string {
	if o.RunbookURL == "" {
		return ""
	}
	return o.RunbookURL + "#" + section
}

// lines builds a body.
type lines struct{ strings.Builder }

// say adds a line.
func (l *lines) say(text string) {
	l.WriteString(text)
	l.WriteByte('\n')
}

// tell adds a line "label: value"; nothing when there is no value.
func (l *lines) tell(label, value string) {
	if value != "" {
		l.say(label + ": " + value)
	}
}

// blank adds an empty line.
func (l *lines) blank() { l.WriteByte('\n') }

// attributes drops those that are empty.
func attributes(all map[string]string) map[string]string {
	for key, value := range all {
		if value = clean(value, maxID); value == "" {
			delete(all, key)
		} else {
			all[key] = value
		}
	}
	return all
}

// configurationName is the last part of a configuration's ARN.
func configurationName(arn string) string {
	return clean(arn[strings.LastIndexByte(arn, '/')+1:], maxID)
}

// place names account and Region.
func place(account, region string) string {
	return join(", ", clean(account, maxID), clean(region, maxID))
}

// people tells who talks to whom: "…0137 to …0190, Inbound".
func people(call pipeline.State) string {
	from, to := clean(call.FromNumber, maxID), clean(call.ToNumber, maxID)
	if to != "" {
		to = "to " + to
	}
	return join(", ", join(" ", from, to), clean(call.Direction, maxWord))
}

// show is the command that tells all about a pipeline, to be pasted into a shell.
func show(id string) string {
	return "chimewatch calls show " + shellQuote(clean(id, maxID))
}

// join joins what is not empty.
func join(between string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, between)
}
