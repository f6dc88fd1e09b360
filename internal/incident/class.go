// Package incident knows why pipelines fail and what a failure costs: it turns
// the free text and the codes of events into classes with a remedy each. It is
// pure: no AWS, no clock, no state.
package incident

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
	// Unknown: nothing that is known here tells the cause.
	Unknown Class = "unknown"
)

// Classes gives all classes, in the order of the runbook.
func Classes() []Class {
	return []Class{Permissions, MissingResource, Throttled, Quota, IncompatibleMedia, CreationRefused, RecordingLength, Unknown}
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
			"Call analytics may not assume the resource access role, or the role may not use a resource that the configuration names.",
			"Check the trust policy and the permissions of the resource access role; every call that uses it is likely to fail.",
			"Try: check the access role.",
		}
	case MissingResource:
		return words{
			"missing or deleted resource",
			"A resource that the configuration names (stream, bucket, queue, topic, function, key or role) does not exist in this account and Region.",
			"Find which resource of the configuration was deleted or renamed, and restore it or update the configuration.",
			"Try: restore it.",
		}
	case Throttled:
		return words{
			"throttled dependency",
			"A service that call analytics calls on your behalf, such as Transcribe or Kinesis, answered that it is called too often.",
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
			"The audio in the Kinesis video stream has an encoding, a sample rate or channels that the failed element does not take.",
			"Compare what the stream carries with what the processor takes: 16-bit PCM of 8 to 48 kHz, with two channels for Transcribe Call Analytics.",
			"Try: compare the audio format.",
		}
	case CreationRefused:
		return words{
			"creation refused",
			"The service did not create the pipeline: below 500 the status code blames the request or the configuration, from 500 up the service itself.",
			"Below status 500 compare the configuration with the reason; from 500 up look at the AWS Health Dashboard.",
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
