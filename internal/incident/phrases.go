package incident

// phrases are the words that say a class, in lower case, with one space between words and
// without punctuation. A phrase matches whole words, next to each other; the first phrase
// that a text has decides. A comment says how the phrases are known, and so how far to
// trust them: literal in the guide, the developer guide prints this text in an event;
// named in the guide, it names this cause, but not the text of it; API reference, that of
// a service prints this text; AWS wording, services of AWS word such errors like this.
//
// The order matters where one text can have several: literals first, then what names the
// cause most closely. "Throttled" stands before "quota" because texts about rates contain
// words about limits, and "permissions" before "missing" because services that hide what
// one may not see say "access denied or does not exist".
var phrases = []struct {
	class Class
	words []string
}{
	{Permissions, []string{ // literal in the guide: failureReason of a permanent failure
		"access denied when assuming resource access role"}},
	{RecordingLength, []string{ // literal in the guide: statusDetail of VoiceEnhancement
		"unsupported recording length"}},

	{NoAudio, []string{ // AWS wording: Transcribe streaming, BadRequestException
		"no new audio", "no audio was received", "no audio received"}},
	{NoAudio, []string{ // API reference: Kinesis Video Streams GetMedia, error 4000
		"requested fragment is not found"}},
	{NoAudio, []string{ // AWS wording: Kinesis Video Streams, texts about fragments that did not come
		"no fragments were received", "no fragment was received", "no media was received", "no fragments received",
		"no media received"}},

	{KeyUnusable, []string{ // API reference: Kinesis Video Streams GetMedia, errors 4501 to 4505
		"stream's kms key is disabled", "validation error on the stream's kms key",
		"kms key specified in the stream is unavailable", "invalid usage of the kms key",
		"invalid state of the kms key"}},
	{KeyUnusable, []string{ // AWS wording: text of KMS about the state of a key
		"key is disabled", "key was disabled", "key has been disabled", "key is not enabled", "key isn't enabled",
		"disabled key", "pending deletion", "pending import", "pending replica deletion", "key is unavailable",
		"key is in an invalid state", "key state is invalid", "scheduled for deletion"}},
	{MissingResource, []string{ // API reference: Kinesis Video Streams GetMedia, error 4506
		"unable to find the kms key"}},

	{RecordingLength, []string{"recording length"}}, // named in the guide: calls of over 30 minutes are not enhanced
	{Throttled, []string{ // named in the guide: throttling by a service called on your behalf
		"throttled", "throttling", "throttle", "throttles"}},
	{Throttled, []string{ // AWS wording: text of ThrottlingException, SlowDown and status 429
		"rate exceeded", "rate limit", "rate limits", "request rate", "too many requests", "too many calls"}},
	{IncompatibleMedia, []string{ // API reference: FailureReason of Transcribe jobs
		"unsupported media format", "number of channels", "invalid sample rate",
		"the sample rate provided does not match", "media format provided does not match"}},
	{Quota, []string{ // AWS wording: Transcribe, text of LimitExceededException and BadRequestException
		"too many jobs", "limit of concurrent", "concurrent streams", "too many concurrent"}},
	{Quota, []string{ // AWS wording: texts of ServiceQuotaExceeded, ResourceLimitExceeded and LimitExceeded
		"quota", "quotas", "limit of active", "limit exceeded", "exceeds the resource limit", "exceeded the limit",
		"maximum number of", "limit has been reached", "limit was reached", "reached your limit",
		"reached the limit"}},
	{Permissions, []string{ // named in the guide: insufficient permissions on the resource access role
		"access denied", "denied access", "permission", "permissions", "assume role", "assuming role",
		"assume the role", "assuming the role", "assume resource access role"}},
	{Permissions, []string{ // AWS wording: text of IAM's refusals and of statuses 401 and 403
		"not authorized", "unauthorized", "forbidden", "explicit deny", "assumerole", "cannot be assumed",
		"not allowed to access", "not permitted", "denied", "security token", "trust policy"}},
	{MissingResource, []string{ // named in the guide: missing or deleted resources
		"does not exist", "doesn't exist", "do not exist", "no longer exists", "non-existent", "nonexistent",
		"not found", "missing resource", "deleted", "cannot be found", "can't be found", "could not be found",
		"couldn't be found", "can't find", "cannot find", "unable to find"}},
	{IncompatibleMedia, []string{ // named in the guide: incompatible media formats on the KVS stream
		"media format", "media formats", "incompatible", "audio format", "codec", "codecs"}},
	{IncompatibleMedia, []string{ // AWS wording: Transcribe BadRequestException, status 415
		"unsupported media", "encoding", "mediaencoding", "sample rate", "sampling rate", "mediasampleratehertz",
		"decode the audio"}},
	{ServiceFault, []string{ // API reference: GetMedia, error 5000; ErrorMessage of Kinesis PutRecords
		"internal error", "internal service failure"}},
	{ServiceFault, []string{ // AWS wording: text of InternalFailure and ServiceUnavailable
		"internal failure", "internal server error", "internal service error", "service unavailable",
		"service is unavailable", "service is currently unavailable", "service is temporarily unavailable",
		"temporarily unavailable", "unexpected error"}},
	{InvalidConfiguration, []string{ // AWS wording: text of ValidationException
		"validation error", "validation errors", "invalid parameter", "invalid configuration"}},
}
