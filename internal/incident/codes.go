package incident

import (
	"slices"
	"strings"
)

// Code is an error code of an AWS service that says something about a cause.
type Code struct {
	// Name is the code as the tables below have it.
	Name  string
	Class Class
	// Target is what has to be repaired or raised, as far as the code says it.
	Target string
	// Generic reports whether the code wraps many causes, so that words say more.
	Generic bool
}

// codeTable lists error codes by what they say. A name is the code as the service
// documents it, without the ending "Exception": that may follow, or "Error", or "Fault".
// Where the rest is an English word, the name has the ending, and the code is only known
// with one. Upper and lower case and underscores make no difference. A comment says whose
// codes they are, where the target does not.
type codeTable []struct {
	class  Class
	target string
	names  string
}

// specificCodes each name a cause. Of several in a text, one with a target is more
// specific than one without.
var specificCodes = codeTable{
	{Permissions, "", // common errors of AWS APIs, IAM, S3, STS, Kinesis, media pipelines
		`AccessDenied AllAccessDisabled AccessDisabled NotAuthorized AuthorizationError UnauthorizedAccess
		UnauthorizedOperation UnauthorizedException UnauthorizedClient ForbiddenException InsufficientPermissions
		InvalidSecurity InvalidPayer`},
	{Permissions, "", // common errors of AWS APIs: the credentials of the role are not accepted
		`ExpiredToken InvalidToken InvalidClientTokenId InvalidAccessKeyId UnrecognizedClient MissingAuthenticationToken
		SignatureDoesNotMatch IncompleteSignature RequestExpired TokenRefreshRequired InvalidSignature`},
	{Permissions, TargetAccount, // common errors of AWS APIs, STS, S3
		`OptInRequired KMSOptInRequired SubscriptionRequired NotSignedUp AccountProblem RegionDisabled InvalidRegion`},
	{Permissions, TargetKMS, "KMSAccessDenied KMSKeyAccessDenied"}, // Kinesis, Kinesis Video Streams, SNS, SQS, Lambda
	{Permissions, TargetLambda,
		`EC2AccessDenied ImageAccessDenied InsufficientRolePermissions EFSMountFailure S3FilesMountFailure`},
	{Permissions, TargetRoleTrust, "InvalidIdentityToken"}, // STS

	{MissingResource, "", // media pipelines, Kinesis, SNS, Lambda, KMS, IAM
		`NotFound ResourceNotFound NoSuchEntity NoSuchResource GoneException DoesNotExistException`},
	{MissingResource, TargetKMS, // Kinesis, Kinesis Video Streams, SNS, SQS, Lambda
		`KMSNotFound KMSKeyNotFound KMSNoSuchKey`},
	{MissingResource, TargetS3, // S3: no bucket of that name, or not in this Region
		`NoSuchBucket NoSuchAccessPoint NoSuchKey NoSuchUpload PermanentRedirect IllegalLocationConstraint
		AuthorizationHeaderMalformed NoSuchVersion`},
	{MissingResource, TargetSQS, "NonExistentQueue QueueDoesNotExist QueueDeletedRecently InvalidAddress"},
	{MissingResource, TargetLambda, "NoPublishedVersion ImageDeleted"},
	{MissingResource, TargetKinesisVideo, "StreamNotActive StreamDeleted"}, // Kinesis Video Streams, PutMedia

	{KeyUnusable, TargetKMS,
		`DisabledException KMSDisabled KMSKeyDisabled DisabledKMSKey KMSInvalidState KMSKeyInvalidState
		InvalidStateKMSKey KeyUnavailable KMSKeyUnavailable InvalidKeyUsage KMSInvalidKeyUsage KMSKeyInvalidUsage
		KMSKeyValidationError IncorrectKey IncorrectKeyMaterial CustomKeyStoreInvalidState CloudHsmClusterNotActive
		CloudHsmClusterInvalidConfiguration XksProxyUriUnreachable XksProxyInvalidResponse XksProxyInvalidConfiguration
		XksProxyIncorrectAuthenticationCredential XksKeyInvalidConfiguration XksKeyNotFound CloudHsmClusterNotFound
		CustomKeyStoreNotFound InvalidCiphertext XksProxyVpcEndpointServiceInvalidConfiguration
		XksProxyVpcEndpointServiceNotFound`},

	{Throttled, "", // common errors of AWS APIs, Transcribe, Lambda, SQS, S3
		`ThrottlingException ThrottledException RequestThrottled TooManyRequests RequestLimitExceeded
		BandwidthLimitExceeded PriorRequestNotComplete SlowDown`},
	{Throttled, TargetMediaPipelines, "ThrottledClient"},                           // media pipelines, status 429
	{Throttled, TargetKinesis, "ProvisionedThroughputExceeded"},                    // Kinesis PutRecord
	{Throttled, TargetKMS, "KMSThrottling KMSThrottled"},                           // Kinesis PutRecord, SNS, SQS
	{Throttled, TargetKinesisVideo, "ClientLimitExceeded ConnectionLimitExceeded"}, // Kinesis Video Streams GetMedia
	{Throttled, TargetLambda, // Lambda Invoke, also as the reason of TooManyRequestsException
		`EC2Throttled EC2RequestLimitExceeded ConcurrentInvocationLimitExceeded FunctionInvocationRateLimitExceeded
		ReservedFunctionConcurrentInvocationLimitExceeded ReservedFunctionInvocationRateLimitExceeded
		CallerRateLimitExceeded ConcurrentSnapshotCreateLimitExceeded`},

	{Quota, TargetMediaPipelines, "ResourceLimitExceeded"},      // media pipelines and voice APIs
	{Quota, "", "ServiceQuotaExceeded QuotaExceeded OverLimit"}, // common errors of AWS APIs
	{Quota, TargetLambda,
		`ENILimitReached EniLimitExceeded SubnetIPAddressLimitReached SubnetOutOfIPAddresses CodeStorageExceeded
		VcpuLimitExceeded CapacityProviderLimitExceeded CapacityProviderScalingLimitExceeded
		FunctionVersionsPerCapacityProviderLimitExceeded`},
	{Quota, TargetKinesisVideo, "AccountStreamLimitExceeded AccountChannelLimitExceeded DeviceStreamLimitExceeded"},
	{Quota, TargetSNS,
		`TopicLimitExceeded SubscriptionLimitExceeded FilterPolicyLimitExceeded TagLimitExceeded ReplayLimitExceeded`},

	{IncompatibleMedia, "", // Kinesis Video Streams
		`InvalidCodecPrivateData MissingCodecPrivateData InvalidMediaFrame UnsupportedStreamMediaType InvalidMKVData
		MoreThanAllowedTracksFound MoreThanOneTrackFound TrackNumberMismatch FramesMissingForTrack
		FragmentTimecodeLesserThanPrevious InvalidProducerTimestamp MaxFragmentSizeReached MaxFragmentDurationReached
		FragmentMetadataLimitReached`},

	{InvalidConfiguration, TargetLambda, // Lambda: the function cannot run as it is configured
		`InvalidRuntime InvalidZipFile InvalidSecurityGroupID InvalidSubnetID InvalidSecurityGroup InvalidSubnet
		InvalidImage SnapStartException SnapStartTimeout EFSIO EFSMountConnectivity EFSMountTimeout
		S3FilesMountConnectivity S3FilesMountTimeout FunctionError RecursiveInvocation DisallowedByVpcEncryptionControl
		CodeVerificationFailed InvalidCodeSignature`},
	{InvalidConfiguration, TargetS3,
		`InvalidBucketName InvalidBucketState InvalidEncryptionAlgorithm InvalidStorageClass EncryptionTypeMismatch
		AccessControlListNotSupported KMSUnsupportedOperation InvalidTag MalformedACLError KeyTooLong InvalidObjectState
		ObjectLockConfigurationNotFound InvalidACL UnsupportedSignature`},
	{InvalidConfiguration, TargetKinesisVideo, "NoDataRetention InvalidEndpoint InvalidResourceFormat InvalidDevice"},
	{InvalidConfiguration, TargetSNS, "EndpointDisabled PlatformApplicationDisabled"},
	{InvalidConfiguration, TargetSQS, "InvalidAttributeName InvalidAttributeValue"},
	{InvalidConfiguration, "", // STS, KMS, IAM
		`MalformedPolicyDocument PackedPolicyTooLarge InvalidArn InvalidAliasName InvalidGrantToken`},
}

// genericCodes wrap many causes.
var genericCodes = codeTable{
	{Quota, "", // Transcribe streaming, Kinesis, KMS: a limit of numbers or a rate
		`LimitExceeded LimitReachedException`},
	{InvalidConfiguration, "", // common errors of AWS APIs
		`BadRequest ValidationException InvalidParameter InvalidParameterValue ParameterValueInvalid
		InvalidParameterCombination InvalidQueryParameter MissingParameter InvalidRequest InvalidConfiguration
		UnprocessableEntity UserError InvalidInput InvalidArgument UnsupportedOperation`},
	{ServiceFault, "", // common errors of AWS APIs
		`InternalFailure InternalError InternalServerError InternalServiceError ServiceFailure ServiceUnavailable
		ServiceException KMSInternal DependencyTimeout ArchivalError RequestTimeout EC2Unexpected InsufficientCapacity
		TemporaryRedirect BusyException ServerException UnavailableException`},
}

// codes are all of them, by their plain names.
var codes = func() map[string]Code {
	index := map[string]Code{}
	for n, row := range slices.Concat(specificCodes, genericCodes) {
		for name := range strings.FieldsSeq(row.names) {
			bare, _ := plain(name)
			index[bare] = Code{Name: name, Class: row.class, Target: row.target, Generic: n >= len(specificCodes)}
		}
	}
	return index
}()

// siblings are the ends of codes that no table knows, of services and versions to
// come: they only count where an ending "Exception", "Error" or "Fault" follows.
var siblings = strings.Fields(`accessdenied notauthorized notfound doesnotexist throttling throttled toomanyrequests
	quotaexceeded limitexceeded limitreached internal internalfailure unavailable validation`)

// codeNamed returns the code of a name in lower case. A name that is certainly the
// name of an error type needs no ending.
func codeNamed(name string, typed bool) (Code, bool) {
	bare, ended := plain(name)
	ended = ended || typed
	if c, ok := codes[bare]; ok {
		_, wanted := plain(c.Name)
		return c, ended || !wanted
	}
	for _, sibling := range siblings {
		if ended && strings.HasSuffix(bare, sibling) {
			return codes[sibling], true
		}
	}
	return Code{}, false
}

// plain returns the name of a code in lower case, without underscores and its
// endings ("InternalErrorException" has two), and whether it has one.
func plain(name string) (bare string, ended bool) {
	bare = strings.ReplaceAll(strings.ToLower(name), "_", "")
	for {
		shorter := bare
		for _, ending := range []string{"exception", "error", "fault"} {
			shorter = strings.TrimSuffix(shorter, ending)
		}
		if shorter == bare || shorter == "" {
			return bare, ended
		}
		bare, ended = shorter, true
	}
}
