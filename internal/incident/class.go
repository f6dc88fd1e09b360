// Package incident is everything about incidents: why calls fail and what they lose by it
// (cause.go, loss.go), which incident a failure joins, opens or reopens (choose.go,
// reopen.go), when people are notified (policy.go), and the service that does it
// (service.go, record.go, review.go).
package incident

// Class is the kind of a failure's cause. Each has a section of that name in
// docs/RUNBOOK.md.
type Class string

// The classes. The first four are the causes that the developer guide lists for
// a permanent failure; the others are what its examples and the API add.
const (
	Permissions          Class = "permissions"           // the role may not do what it must, or not be assumed
	MissingResource      Class = "missing-resource"      // something that the configuration names is not there
	Throttled            Class = "throttled"             // a service asked to be called less often
	IncompatibleMedia    Class = "incompatible-media"    // the element does not accept this form of audio
	Quota                Class = "quota"                 // no more pipelines, streams or tasks may be active
	CreationRefused      Class = "creation-refused"      // the pipeline could not be created, for no other class of cause
	RecordingLength      Class = "recording-length"      // the recording is too long to be enhanced
	KeyUnusable          Class = "key-unusable"          // a KMS key is disabled, being deleted, or of the wrong kind
	InvalidConfiguration Class = "invalid-configuration" // a service refused a value, or how a target is configured
	NoAudio              Class = "no-audio"              // the call was connected, and no audio came on its stream
	ServiceFault         Class = "service-fault"         // a service of AWS failed by itself
	Unknown              Class = "unknown"               // nothing that is known here says the cause
)

// explanation is what people read about a class.
type explanation struct {
	class Class
	// limit is the gravest severity that a failure of the class has, whatever it loses.
	limit Severity
	// title names the cause, remedy is the first thing to try, and hint the same in as few
	// words as a text message has room for.
	title, hint, remedy string
}

// explanations are those of all classes, in the order of the runbook. Where no audio came
// there was nothing to record, and a recording that is too long to be enhanced is complete.
var explanations = []explanation{
	{Permissions, Critical, "missing permissions", "Try: check the access role.",
		"Check the trust policy and the permissions of the resource access role; every call that uses it is likely to fail."},
	{MissingResource, Critical, "missing or deleted resource", "Try: restore it.",
		"Find which resource of the configuration was deleted or renamed, and restore it or update the configuration."},
	{KeyUnusable, Critical, "KMS key cannot be used", "Try: enable the KMS key.",
		"Find the key's state with describe-key; enable it, or cancel its deletion before the waiting period is over."},
	{Throttled, Critical, "throttled dependency", "Try: see what throttles.",
		"See in CloudWatch which service throttles, and raise its limit or capacity."},
	{Quota, Critical, "quota reached", "Try: delete what lingers.",
		"Count the active pipelines, delete those that linger, and ask for a higher quota."},
	{InvalidConfiguration, Critical, "invalid configuration", "Try: compare the settings.",
		"Read what the reason names, and compare it with the element's configuration and with its target."},
	{IncompatibleMedia, Critical, "incompatible media", "Try: compare the audio format.",
		"Compare what the stream carries with what the processor accepts: 16-bit PCM of 8 to 48 kHz, with two " +
			"channels for Transcribe Call Analytics."},
	{NoAudio, Medium, "no audio on the line", "Try: check for audio.",
		"If single calls fail, look at those calls; if many do, check that the Voice Connector or the producer sends audio."},
	{CreationRefused, Critical, "creation refused", "Try: read reason and status.",
		"Compare the configuration with the reason and the status code."},
	{RecordingLength, Low, "recording too long to enhance", "Nothing needs repair.",
		"Nothing needs repair; where long calls are usual, switch voice enhancement off."},
	{ServiceFault, Critical, "fault of an AWS service", "Try: see AWS Health.",
		"Look at the AWS Health Dashboard, and open a support case if it goes on."},
	{Unknown, Critical, "cause unknown", "Try: look in CloudTrail.",
		"Look in CloudTrail for calls of the resource access role that were refused at that time."},
}

// explanation returns that of the class; of one that is not known here, that of Unknown.
func (c Class) explanation() explanation {
	for _, e := range explanations {
		if e.class == c {
			return e
		}
	}
	return explanations[len(explanations)-1]
}

// Classes returns all classes, in the order of the runbook.
func Classes() (list []Class) {
	for _, e := range explanations {
		list = append(list, e.class)
	}
	return list
}

// Cap returns the severity of a failure of this class that would have severity s by its
// loss alone: a class may make a failure less grave, never graver.
func (c Class) Cap(s Severity) Severity {
	if limit := c.explanation().limit; s.WorseThan(limit) {
		return limit
	}
	return s
}

// Title names the cause in a few words.
func (c Class) Title() string { return c.explanation().title }

// Remedy says the first thing to try.
func (c Class) Remedy() string { return c.explanation().remedy }

// Hint is Remedy in as few words as a text message has room for.
func (c Class) Hint() string { return c.explanation().hint }
