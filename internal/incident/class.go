// Package incident knows why pipelines fail and what a failure costs: it turns
// the free text and the codes of events into classes with a remedy each. It is
// pure: no AWS, no clock, no state.
package incident

import "slices"

// Class is the kind of a failure's cause. Each has a section of that name in
// docs/RUNBOOK.md.
type Class string

// The classes. The first four are the causes that the developer guide lists for
// a permanent failure; the others are what its examples and the API add.
const (
	// Permissions: the resource access role may not do what it must, or may not
	// be assumed.
	Permissions Class = "permissions"
	// MissingResource: something that the configuration names is not there.
	MissingResource Class = "missing-resource"
	// Throttled: a service asked to be called less often.
	Throttled Class = "throttled"
	// IncompatibleMedia: the audio is not of a form that the element takes.
	IncompatibleMedia Class = "incompatible-media"
	// Quota: as many pipelines, streams or tasks are active as the account may have.
	Quota Class = "quota"
	// CreationRefused: the pipeline could not be created, for no cause that is
	// one of the others.
	CreationRefused Class = "creation-refused"
	// RecordingLength: the recording is too long to be enhanced.
	RecordingLength Class = "recording-length"
	// KeyUnusable: a KMS key is there, and is disabled, about to be deleted, or
	// not of the right kind.
	KeyUnusable Class = "key-unusable"
	// InvalidConfiguration: a service refused a value of the configuration, or the
	// way a target is configured.
	InvalidConfiguration Class = "invalid-configuration"
	// NoAudio: the call was connected, and no audio came on its stream.
	NoAudio Class = "no-audio"
	// ServiceFault: a service of AWS failed by itself.
	ServiceFault Class = "service-fault"
	// Unknown: nothing that is known here says the cause.
	Unknown Class = "unknown"
)

// Classes returns all classes, in the order of the runbook.
func Classes() []Class {
	return []Class{
		Permissions, MissingResource, KeyUnusable, Throttled, Quota, InvalidConfiguration, IncompatibleMedia, NoAudio,
		CreationRefused, RecordingLength, ServiceFault, Unknown,
	}
}

// Cap returns the severity of a failure of this class that would have severity s
// by its loss alone: a class may make a failure less grave, never graver. Where no
// audio came there was nothing to record, and a recording that is too long to be
// enhanced is complete.
func (c Class) Cap(s Severity) Severity {
	limit := Critical
	switch c {
	case NoAudio:
		limit = Medium
	case RecordingLength:
		limit = Low
	}
	ranks := []Severity{Critical, High, Medium, Low}
	if slices.Index(ranks, s) < slices.Index(ranks, limit) {
		return limit
	}
	return s
}

// Title names the cause in a few words.
func (c Class) Title() string { return c.words().title }

// Meaning says in one sentence what the cause means.
func (c Class) Meaning() string { return c.words().meaning }

// Remedy says the first thing to try.
func (c Class) Remedy() string { return c.words().remedy }

// Hint is Remedy in as few words as a text message has room for.
func (c Class) Hint() string { return c.words().hint }

type words struct{ title, meaning, remedy, hint string }

func (c Class) words() words {
	switch c {
	case Permissions:
		return words{
			"missing permissions",
			"Call analytics may not assume the resource access role, or the role may not use a resource that the " +
				"configuration names.",
			"Check the trust policy and the permissions of the resource access role; every call that uses it is " +
				"likely to fail.",
			"Try: check the access role.",
		}
	case MissingResource:
		return words{
			"missing or deleted resource",
			"A resource that the configuration names (stream, bucket, queue, topic, function, key or role) does " +
				"not exist in this account and Region.",
			"Find which resource of the configuration was deleted or renamed, and restore it or update the " +
				"configuration.",
			"Try: restore it.",
		}
	case KeyUnusable:
		return words{
			"KMS key cannot be used",
			"A KMS key that protects a stream, bucket, queue, topic or function is disabled, waits for its " +
				"deletion, or cannot encrypt.",
			"Find the key's state with describe-key; enable it, or cancel its deletion before the waiting period " +
				"is over.",
			"Try: enable the KMS key.",
		}
	case InvalidConfiguration:
		return words{
			"invalid configuration",
			"A service does not accept a value of the configuration or of the request, or a target cannot work as " +
				"it is configured.",
			"Read what the reason names, and compare it with the element's configuration and with its target.",
			"Try: compare the settings.",
		}
	case NoAudio:
		return words{
			"no audio on the line",
			"The stream of the call carried no audio for longer than a service waits, such as 15 seconds at " +
				"Transcribe.",
			"If single calls fail, look at those calls; if many do, check that the Voice Connector or the " +
				"producer sends audio.",
			"Try: check for audio.",
		}
	case ServiceFault:
		return words{
			"fault of an AWS service",
			"A service of AWS failed by itself. Nothing in the configuration is blamed.",
			"Look at the AWS Health Dashboard, and open a support case if it goes on.",
			"Try: see AWS Health.",
		}
	case Throttled:
		return words{
			"throttled dependency",
			"A service that call analytics calls on your behalf, such as Transcribe or Kinesis, answered that it " +
				"is called too often.",
			"See in CloudWatch which service throttles, and raise its limit or capacity.",
			"Try: see what throttles.",
		}
	case Quota:
		return words{
			"quota reached",
			"As many pipelines, transcription streams or tasks are active as the account may have in this Region.",
			"Count the active pipelines, delete those that linger, and ask for a higher quota.",
			"Try: delete what lingers.",
		}
	case IncompatibleMedia:
		return words{
			"incompatible media",
			"The audio in the Kinesis video stream has an encoding, a sample rate or channels that the failed " +
				"element does not accept.",
			"Compare what the stream carries with what the processor accepts: 16-bit PCM of 8 to 48 kHz, with two " +
				"channels for Transcribe Call Analytics.",
			"Try: compare the audio format.",
		}
	case CreationRefused:
		return words{
			"creation refused",
			"The service did not create the pipeline, and blames the request or the configuration.",
			"Compare the configuration with the reason and the status code.",
			"Try: read reason and status.",
		}
	case RecordingLength:
		return words{
			"recording too long to enhance",
			"Voice enhancement takes recordings of at most 30 minutes. The recording itself is not affected.",
			"Nothing needs repair; where long calls are usual, switch voice enhancement off.",
			"Nothing needs repair.",
		}
	}
	return words{
		"cause unknown",
		"The event gives no reason, or one that is not known here.",
		"Look in CloudTrail for calls of the resource access role that were refused at that time.",
		"Try: look in CloudTrail.",
	}
}
