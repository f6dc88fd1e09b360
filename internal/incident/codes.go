package incident

import (
	"slices"
	"strings"
)

// Code is an error code of an AWS service that says something about a cause.
type Code struct {
	// Code is the code as the service documents it, without the ending
	// "Exception": that may follow, or "Error", or "Fault". Where the rest is an
	// English word, Code has the ending, and the code is only known with one.
	// Upper and lower case and underscores make no difference.
	Code  string
	Class Class
	// Target is what has to be repaired or raised, one of Targets, as far as the
	// code says it.
	Target string
	// Generic is whether the code wraps many causes, so that words say more.
	Generic bool
	// Source is whose code it is.
	Source string
}

// Codes returns the table of codes that CauseOf uses. Of several codes in a text,
// one with a target is more specific than one without, and a generic one is the
// least specific.
func Codes() []Code { return slices.Clone(codes) }

var codes = slices.Concat(
	of(Permissions, "", "common errors of AWS APIs, IAM, S3, STS, Kinesis, media pipelines",
		"AccessDenied", "AllAccessDisabled", "AccessDisabled", "NotAuthorized", "AuthorizationError",
		"UnauthorizedAccess", "UnauthorizedOperation", "UnauthorizedException", "UnauthorizedClient",
		"ForbiddenException", "InsufficientPermissions", "InvalidSecurity", "InvalidPayer"),
	of(Permissions, "", "common errors of AWS APIs: the credentials of the role are not accepted",
		"ExpiredToken", "InvalidToken", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClient",
		"MissingAuthenticationToken", "SignatureDoesNotMatch", "IncompleteSignature", "RequestExpired",
		"TokenRefreshRequired", "InvalidSignature"),
	of(Permissions, TargetAccount, "common errors of AWS APIs, STS, S3",
		"OptInRequired", "KMSOptInRequired", "SubscriptionRequired", "NotSignedUp", "AccountProblem",
		"RegionDisabled", "InvalidRegion"),
	of(Permissions, TargetKMS, "Kinesis, Kinesis Video Streams, SNS, SQS, Lambda",
		"KMSAccessDenied", "KMSKeyAccessDenied"),
	of(Permissions, TargetLambda, "Lambda",
		"EC2AccessDenied", "ImageAccessDenied", "InsufficientRolePermissions", "EFSMountFailure",
		"S3FilesMountFailure"),
	of(Permissions, TargetRoleTrust, "STS", "InvalidIdentityToken"),

	of(MissingResource, "", "media pipelines, Kinesis, SNS, Lambda, KMS, IAM",
		"NotFound", "ResourceNotFound", "NoSuchEntity", "NoSuchResource", "GoneException"),
	of(MissingResource, TargetKMS, "Kinesis, Kinesis Video Streams, SNS, SQS, Lambda",
		"KMSNotFound", "KMSKeyNotFound", "KMSNoSuchKey"),
	of(MissingResource, TargetS3, "S3: no bucket of that name, or not in this Region",
		"NoSuchBucket", "NoSuchAccessPoint", "NoSuchKey", "NoSuchUpload", "PermanentRedirect",
		"IllegalLocationConstraint", "AuthorizationHeaderMalformed", "NoSuchVersion"),
	of(MissingResource, TargetSQS, "SQS",
		"NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently", "InvalidAddress"),
	of(MissingResource, TargetLambda, "Lambda", "NoPublishedVersion", "ImageDeleted"),
	of(MissingResource, TargetKinesisVideo, "Kinesis Video Streams, PutMedia",
		"StreamNotActive", "StreamDeleted"),

	of(KeyUnusable, TargetKMS, "KMS",
		"DisabledException", "KMSDisabled", "KMSKeyDisabled", "DisabledKMSKey", "KMSInvalidState",
		"KMSKeyInvalidState", "InvalidStateKMSKey", "KeyUnavailable", "KMSKeyUnavailable", "InvalidKeyUsage",
		"KMSInvalidKeyUsage", "KMSKeyInvalidUsage", "KMSKeyValidationError", "IncorrectKey",
		"IncorrectKeyMaterial", "CustomKeyStoreInvalidState", "CloudHsmClusterNotActive",
		"CloudHsmClusterInvalidConfiguration", "XksProxyUriUnreachable", "XksProxyInvalidResponse",
		"XksProxyInvalidConfiguration", "XksProxyIncorrectAuthenticationCredential",
		"XksKeyInvalidConfiguration", "XksKeyNotFound", "CloudHsmClusterNotFound", "CustomKeyStoreNotFound",
		"InvalidCiphertext", "XksProxyVpcEndpointServiceInvalidConfiguration",
		"XksProxyVpcEndpointServiceNotFound"),

	of(Throttled, "", "common errors of AWS APIs, Transcribe, Lambda, SQS, S3",
		"ThrottlingException", "ThrottledException", "RequestThrottled", "TooManyRequests",
		"RequestLimitExceeded", "BandwidthLimitExceeded", "PriorRequestNotComplete", "SlowDown"),
	of(Throttled, TargetMediaPipelines, "media pipelines, status 429", "ThrottledClient"),
	of(Throttled, TargetKinesis, "Kinesis PutRecord", "ProvisionedThroughputExceeded"),
	of(Throttled, TargetKMS, "Kinesis PutRecord, SNS, SQS", "KMSThrottling", "KMSThrottled"),
	of(Throttled, TargetKinesisVideo, "Kinesis Video Streams GetMedia",
		"ClientLimitExceeded", "ConnectionLimitExceeded"),
	of(Throttled, TargetLambda, "Lambda Invoke, also as the reason of TooManyRequestsException",
		"EC2Throttled", "EC2RequestLimitExceeded", "ConcurrentInvocationLimitExceeded",
		"FunctionInvocationRateLimitExceeded", "ReservedFunctionConcurrentInvocationLimitExceeded",
		"ReservedFunctionInvocationRateLimitExceeded", "CallerRateLimitExceeded",
		"ConcurrentSnapshotCreateLimitExceeded"),

	of(Quota, TargetMediaPipelines, "media pipelines and voice APIs", "ResourceLimitExceeded"),
	of(Quota, "", "common errors of AWS APIs", "ServiceQuotaExceeded", "QuotaExceeded", "OverLimit"),
	of(Quota, TargetLambda, "Lambda",
		"ENILimitReached", "EniLimitExceeded", "SubnetIPAddressLimitReached", "SubnetOutOfIPAddresses",
		"CodeStorageExceeded", "VcpuLimitExceeded", "CapacityProviderLimitExceeded",
		"CapacityProviderScalingLimitExceeded", "FunctionVersionsPerCapacityProviderLimitExceeded"),
	of(Quota, TargetKinesisVideo, "Kinesis Video Streams",
		"AccountStreamLimitExceeded", "AccountChannelLimitExceeded", "DeviceStreamLimitExceeded"),
	of(Quota, TargetSNS, "SNS",
		"TopicLimitExceeded", "SubscriptionLimitExceeded", "FilterPolicyLimitExceeded", "TagLimitExceeded",
		"ReplayLimitExceeded"),
	generic(Quota, "Transcribe streaming, Kinesis, KMS: a limit of numbers or a rate", "LimitExceeded"),

	of(IncompatibleMedia, "", "Kinesis Video Streams",
		"InvalidCodecPrivateData", "MissingCodecPrivateData", "InvalidMediaFrame", "UnsupportedStreamMediaType",
		"InvalidMKVData", "MoreThanAllowedTracksFound", "MoreThanOneTrackFound", "TrackNumberMismatch",
		"FramesMissingForTrack", "FragmentTimecodeLesserThanPrevious", "InvalidProducerTimestamp",
		"MaxFragmentSizeReached", "MaxFragmentDurationReached", "FragmentMetadataLimitReached"),

	of(InvalidConfiguration, TargetLambda, "Lambda: the function cannot run as it is configured",
		"InvalidRuntime", "InvalidZipFile", "InvalidSecurityGroupID", "InvalidSubnetID", "InvalidSecurityGroup",
		"InvalidSubnet", "InvalidImage", "SnapStartException", "SnapStartTimeout", "EFSIO",
		"EFSMountConnectivity", "EFSMountTimeout", "S3FilesMountConnectivity", "S3FilesMountTimeout",
		"FunctionError", "RecursiveInvocation", "DisallowedByVpcEncryptionControl", "CodeVerificationFailed",
		"InvalidCodeSignature"),
	of(InvalidConfiguration, TargetS3, "S3",
		"InvalidBucketName", "InvalidBucketState", "InvalidEncryptionAlgorithm", "InvalidStorageClass",
		"EncryptionTypeMismatch", "AccessControlListNotSupported", "KMSUnsupportedOperation", "InvalidTag",
		"MalformedACLError", "KeyTooLong", "InvalidObjectState", "ObjectLockConfigurationNotFound",
		"InvalidACL", "UnsupportedSignature"),
	of(InvalidConfiguration, TargetKinesisVideo, "Kinesis Video Streams",
		"NoDataRetention", "InvalidEndpoint", "InvalidResourceFormat", "InvalidDevice"),
	of(InvalidConfiguration, TargetSNS, "SNS", "EndpointDisabled", "PlatformApplicationDisabled"),
	of(InvalidConfiguration, TargetSQS, "SQS", "InvalidAttributeName", "InvalidAttributeValue"),
	of(InvalidConfiguration, "", "STS, KMS, IAM",
		"MalformedPolicyDocument", "PackedPolicyTooLarge", "InvalidArn", "InvalidAliasName", "InvalidGrantToken"),
	generic(InvalidConfiguration, "common errors of AWS APIs",
		"BadRequest", "ValidationException", "InvalidParameter", "InvalidParameterValue",
		"ParameterValueInvalid", "InvalidParameterCombination", "InvalidQueryParameter", "MissingParameter",
		"InvalidRequest", "InvalidConfiguration", "UnprocessableEntity", "UserError", "InvalidInput",
		"InvalidArgument", "UnsupportedOperation"),

	generic(ServiceFault, "common errors of AWS APIs",
		"InternalFailure", "InternalError", "InternalServerError", "InternalServiceError", "ServiceFailure",
		"ServiceUnavailable", "ServiceException", "KMSInternal", "DependencyTimeout", "ArchivalError",
		"RequestTimeout", "EC2Unexpected", "InsufficientCapacity", "TemporaryRedirect", "BusyException",
		"ServerException"),
)

func of(class Class, target, source string, names ...string) []Code {
	list := make([]Code, len(names))
	for n, name := range names {
		list[n] = Code{Code: name, Class: class, Target: target, Source: source}
	}
	return list
}

func generic(class Class, source string, names ...string) []Code {
	list := of(class, "", source, names...)
	for n := range list {
		list[n].Generic = true
	}
	return list
}

var byName = func() map[string]Code {
	index := make(map[string]Code, len(codes))
	for _, c := range codes {
		name, _ := plain(c.Code)
		index[name] = c
	}
	return index
}()

// siblings are the ends of codes that no table knows, of services and versions to
// come: they only count where an ending "Exception", "Error" or "Fault" follows.
var siblings = []struct{ before, after string }{
	{"accessdenied", "AccessDenied"}, {"notauthorized", "AccessDenied"},
	{"notfound", "NotFound"}, {"doesnotexist", "NotFound"},
	{"throttling", "ThrottlingException"}, {"throttled", "ThrottlingException"}, {"toomanyrequests",
		"TooManyRequests"},
	{"quotaexceeded", "QuotaExceeded"}, {"limitexceeded", "LimitExceeded"}, {"limitreached", "LimitExceeded"},
	{"internal", "InternalError"}, {"internalfailure", "InternalError"}, {"unavailable", "ServiceUnavailable"},
	{"validation", "ValidationException"},
}

// codeNamed returns the code of a name in lower case. A name that is certainly the
// name of an error type needs no ending.
func codeNamed(name string, typed bool) (Code, bool) {
	bare, ended := plain(name)
	ended = ended || typed
	if c, ok := byName[bare]; ok {
		_, wanted := plain(c.Code)
		return c, ended || !wanted
	}
	if !ended {
		return Code{}, false
	}
	for _, s := range siblings {
		if strings.HasSuffix(bare, s.before) {
			like, _ := plain(s.after)
			return byName[like], true
		}
	}
	return Code{}, false
}

// plain returns the name of a code in lower case, without underscores and its
// endings ("InternalErrorException" has two), and whether it has one.
func plain(name string) (bare string, ended bool) {
	bare = strings.ReplaceAll(strings.ToLower(name), "_", "")
	for again := true; again; {
		again = false
		for _, ending := range []string{"exception", "error", "fault"} {
			if cut, ok := strings.CutSuffix(bare, ending); ok && cut != "" {
				bare, ended, again = cut, true, true
			}
		}
	}
	return bare, ended
}
