package incident

import "slices"

// Evidence says how a phrase is known, and so how far to trust it.
type Evidence string

const (
	// Literal: the developer guide prints this text in an event.
	Literal Evidence = "developer guide, literal"
	// Named: the developer guide names this cause, but not the text of it.
	Named Evidence = "developer guide, cause"
	// Reference: the API reference of a service prints this text.
	Reference Evidence = "API reference, literal"
	// Convention: services of AWS word such errors like this.
	Convention Evidence = "AWS wording"
)

// Phrase is a sequence of words that says a cause.
type Phrase struct {
	// Phrase is in lower case, with one space between words and without
	// punctuation. It matches whole words, next to each other.
	Phrase   string
	Class    Class
	Evidence Evidence
	// Source says more closely where the phrase comes from.
	Source string
}

// Phrases returns the table of words that CauseOf uses. The first phrase that a
// text has decides.
func Phrases() []Phrase { return slices.Clone(phrases) }

// The order matters where one text can have several: literals first, then what
// names the cause most closely. "Throttled" stands before "quota" because texts
// about rates contain words about limits, and "permissions" before "missing"
// because services that hide what one may not see say "access denied or does not
// exist".
var phrases = slices.Concat(
	says(Permissions, Literal, "failureReason of a permanent failure",
		"access denied when assuming resource access role"),
	says(RecordingLength, Literal, "statusDetail of VoiceEnhancement", "unsupported recording length"),

	says(NoAudio, Convention, "Transcribe streaming, BadRequestException",
		"no new audio", "no audio was received", "no audio received"),
	says(NoAudio, Reference, "Kinesis Video Streams GetMedia, error 4000", "requested fragment is not found"),
	says(NoAudio, Convention, "Kinesis Video Streams, texts about fragments that did not come",
		"no fragments were received", "no fragment was received", "no media was received",
		"no fragments received", "no media received"),

	says(KeyUnusable, Reference, "Kinesis Video Streams GetMedia, errors 4501 to 4505",
		"stream's kms key is disabled", "validation error on the stream's kms key",
		"kms key specified in the stream is unavailable", "invalid usage of the kms key",
		"invalid state of the kms key"),
	says(KeyUnusable, Convention, "text of KMS about the state of a key",
		"key is disabled", "key was disabled", "key has been disabled", "key is not enabled",
		"key isn't enabled", "disabled key", "pending deletion", "pending import", "pending replica deletion",
		"key is unavailable", "key is in an invalid state", "key state is invalid", "scheduled for deletion"),
	says(MissingResource, Reference, "Kinesis Video Streams GetMedia, error 4506",
		"unable to find the kms key"),

	says(RecordingLength, Named, "calls of over 30 minutes are not enhanced", "recording length"),
	says(Throttled, Named, "throttling by a service called on your behalf",
		"throttled", "throttling", "throttle", "throttles"),
	says(Throttled, Convention, "text of ThrottlingException, SlowDown and status 429",
		"rate exceeded", "rate limit", "rate limits", "request rate", "too many requests", "too many calls"),
	says(IncompatibleMedia, Reference, "FailureReason of Transcribe jobs",
		"unsupported media format", "number of channels", "invalid sample rate",
		"the sample rate provided does not match", "media format provided does not match"),
	says(Quota, Convention, "Transcribe, text of LimitExceededException and BadRequestException",
		"too many jobs", "limit of concurrent", "concurrent streams", "too many concurrent"),
	says(Quota, Convention, "text of ServiceQuotaExceededException, ResourceLimitExceededException and LimitExceededException",
		"quota", "quotas", "limit of active", "limit exceeded", "exceeds the resource limit",
		"exceeded the limit", "maximum number of", "limit has been reached", "limit was reached",
		"reached your limit", "reached the limit"),
	says(Permissions, Named, "insufficient permissions on the resource access role",
		"access denied", "denied access", "permission", "permissions", "assume role", "assuming role",
		"assume the role", "assuming the role", "assume resource access role"),
	says(Permissions, Convention, "text of IAM's refusals and of statuses 401 and 403",
		"not authorized", "unauthorized", "forbidden", "explicit deny", "assumerole", "cannot be assumed",
		"not allowed to access", "not permitted", "denied", "security token", "trust policy"),
	says(MissingResource, Named, "missing or deleted resources",
		"does not exist", "doesn't exist", "do not exist", "no longer exists", "non-existent", "nonexistent",
		"not found", "missing resource", "deleted", "cannot be found", "can't be found", "could not be found",
		"couldn't be found", "can't find", "cannot find", "unable to find"),
	says(IncompatibleMedia, Named, "incompatible media formats on the KVS stream",
		"media format", "media formats", "incompatible", "audio format", "codec", "codecs"),
	says(IncompatibleMedia, Convention, "Transcribe BadRequestException, status 415",
		"unsupported media", "encoding", "mediaencoding", "sample rate", "sampling rate",
		"mediasampleratehertz", "decode the audio"),
	says(ServiceFault, Reference, "Kinesis Video Streams GetMedia, error 5000; ErrorMessage of Kinesis PutRecords",
		"internal error", "internal service failure"),
	says(ServiceFault, Convention, "text of InternalFailure and ServiceUnavailable",
		"internal failure", "internal server error", "internal service error", "service unavailable",
		"service is unavailable", "service is currently unavailable", "service is temporarily unavailable",
		"temporarily unavailable", "unexpected error"),
	says(InvalidConfiguration, Convention, "text of ValidationException",
		"validation error", "validation errors", "invalid parameter", "invalid configuration"),
)

func says(class Class, evidence Evidence, source string, list ...string) []Phrase {
	made := make([]Phrase, len(list))
	for n, phrase := range list {
		made[n] = Phrase{Phrase: phrase, Class: class, Evidence: evidence, Source: source}
	}
	return made
}
