package incident

// Evidence says how a phrase is known, and so how far to trust it.
type Evidence string

const (
	// Literal: the developer guide prints this text in an event.
	Literal Evidence = "developer guide, literal"
	// Named: the developer guide names this cause, but not the text of it.
	Named Evidence = "developer guide, cause"
	// ErrorCode: an AWS API documents this error code.
	ErrorCode Evidence = "AWS error code"
	// Convention: services of AWS word such errors like this.
	Convention Evidence = "AWS wording"
)

// Phrase is a piece of text that tells a cause.
type Phrase struct {
	// Phrase is in lower case; it matches anywhere in a text.
	Phrase   string
	Class    Class
	Evidence Evidence
	// Source says more closely where the phrase comes from.
	Source string
}

// Phrases gives the table that Classify goes by. The first phrase that a text
// contains decides.
func Phrases() []Phrase { return append([]Phrase(nil), phrases...) }

// The order matters where one text can hold several: literals first, then error
// codes, then words from the most to the least telling. "Throttled" stands
// before "quota" because the codes for rates contain those for limits, and
// "permissions" before "missing" because services that hide what one may not
// see say "access denied or does not exist".
var phrases = []Phrase{
	{"access denied when assuming resource access role", Permissions, Literal, "failureReason of a permanent failure"},
	{"unsupported recording length", RecordingLength, Literal, "statusDetail of VoiceEnhancement"},

	{"throttledclientexception", Throttled, ErrorCode, "media pipelines API, status 429"},
	{"throttlingexception", Throttled, ErrorCode, "common errors of AWS APIs"},
	{"provisionedthroughputexceeded", Throttled, ErrorCode, "Kinesis PutRecord"},
	{"kmsthrottling", Throttled, ErrorCode, "Kinesis PutRecord"},
	{"toomanyrequests", Throttled, ErrorCode, "Lambda Invoke"},
	{"requestlimitexceeded", Throttled, ErrorCode, "common errors of AWS APIs"},
	{"clientlimitexceeded", Throttled, ErrorCode, "Kinesis Video Streams GetMedia"},
	{"connectionlimitexceeded", Throttled, ErrorCode, "Kinesis Video Streams GetMedia"},
	{"slowdown", Throttled, ErrorCode, "S3 PutObject, status 503"},
	{"resourcelimitexceeded", Quota, ErrorCode, "media pipelines API"},
	{"servicequotaexceeded", Quota, ErrorCode, "common errors of AWS APIs"},
	{"limitexceededexception", Quota, ErrorCode, "Transcribe streaming"},
	{"accessdenied", Permissions, ErrorCode, "IAM, S3, KMS, STS"},
	{"unauthorizedclientexception", Permissions, ErrorCode, "media pipelines API, status 401"},
	{"forbiddenexception", Permissions, ErrorCode, "media pipelines API, status 403"},
	{"notauthorized", Permissions, ErrorCode, "Kinesis Video Streams, SNS AuthorizationError"},
	{"nosuchbucket", MissingResource, ErrorCode, "S3 PutObject"},
	{"nosuchentity", MissingResource, ErrorCode, "IAM"},
	{"nonexistentqueue", MissingResource, ErrorCode, "SQS SendMessage"},
	{"queuedoesnotexist", MissingResource, ErrorCode, "SQS SendMessage"},
	{"notfoundexception", MissingResource, ErrorCode, "media pipelines API, Kinesis, Lambda, KMS"},
	{"kmsnotfound", MissingResource, ErrorCode, "Kinesis PutRecord"},
	{"kmsdisabled", MissingResource, ErrorCode, "Kinesis PutRecord"},
	{"kmsinvalidstate", MissingResource, ErrorCode, "Kinesis PutRecord"},

	{"recording length", RecordingLength, Named, "calls of over 30 minutes are not enhanced"},
	{"throttl", Throttled, Named, "throttling by a service called on your behalf"},
	{"rate exceeded", Throttled, Convention, "text of ThrottlingException"},
	{"rate limit", Throttled, Convention, "media pipelines API, text of status 429"},
	{"too many requests", Throttled, Convention, "text of status 429"},
	{"reduce your request rate", Throttled, Convention, "text of SlowDown"},
	{"number of channels", IncompatibleMedia, Convention, "Transcribe BadRequestException"},
	{"quota", Quota, Convention, "text of ServiceQuotaExceededException"},
	{"limit of active", Quota, Convention, "active media insights pipelines"},
	{"limit exceeded", Quota, Convention, "text of LimitExceededException"},
	{"exceeds the resource limit", Quota, Convention, "text of ResourceLimitExceededException"},
	{"exceeded the limit", Quota, Convention, "text of LimitExceededException"},
	{"maximum number of", Quota, Convention, "text of resource limits"},
	{"access denied", Permissions, Named, "insufficient permissions on the resource access role"},
	{"permission", Permissions, Named, "insufficient permissions on the resource access role"},
	{"not authorized", Permissions, Convention, "text of IAM's refusals"},
	{"unauthorized", Permissions, Convention, "text of status 401"},
	{"forbidden", Permissions, Convention, "text of status 403"},
	{"assume role", Permissions, Named, "insufficient permissions on the resource access role"},
	{"assuming role", Permissions, Named, "insufficient permissions on the resource access role"},
	{"assumerole", Permissions, Convention, "action of STS"},
	{"does not exist", MissingResource, Named, "missing or deleted resources"},
	{"doesn't exist", MissingResource, Named, "missing or deleted resources"},
	{"no longer exists", MissingResource, Named, "missing or deleted resources"},
	{"not found", MissingResource, Named, "missing or deleted resources"},
	{"missing resource", MissingResource, Named, "missing or deleted resources"},
	{"deleted", MissingResource, Named, "missing or deleted resources"},
	{"media format", IncompatibleMedia, Named, "incompatible media formats on the KVS stream"},
	{"incompatible", IncompatibleMedia, Named, "incompatible media formats on the KVS stream"},
	{"unsupported media", IncompatibleMedia, Convention, "text of status 415"},
	{"audio format", IncompatibleMedia, Named, "incompatible media formats on the KVS stream"},
	{"encoding", IncompatibleMedia, Convention, "Transcribe BadRequestException"},
	{"sample rate", IncompatibleMedia, Convention, "Transcribe BadRequestException"},
	{"sampling rate", IncompatibleMedia, Convention, "Transcribe BadRequestException"},
	{"codec", IncompatibleMedia, Named, "incompatible media formats on the KVS stream"},
}
