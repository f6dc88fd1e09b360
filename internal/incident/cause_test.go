package incident_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

const refusal = "User: arn:aws:sts::111122223333:assumed-role/call-analytics/x is not authorized to perform: "

func TestCauseOfReason(t *testing.T) {
	tests := []struct {
		name, reason string
		class        incident.Class
		target       string
	}{
		{"no audio", "BadRequestException: Your request timed out because no new audio was received for 15 seconds.",
			incident.NoAudio, ""},
		{"too many jobs", "You have too many jobs running at the same time. Try your request again later.",
			incident.Quota, ""},
		{"key refused, upper case", "KMS_KEY_ACCESS_DENIED", incident.Permissions, incident.TargetKMS},
		{"key disabled, a name between", "The KMS key 1234abcd-12ab-34cd is disabled", incident.KeyUnusable,
			incident.TargetKMS},
		{"key disabled, an alias between", "The KMS key alias/call-recordings is disabled.", incident.KeyUnusable,
			incident.TargetKMS},
		{"key disabled, dots between", "The KMS key ... is disabled", incident.KeyUnusable, incident.TargetKMS},
		{"key about to be deleted", "The KMS key is pending deletion", incident.KeyUnusable, incident.TargetKMS},
		{"text of KMS", "arn:aws:kms:us-east-1:111122223333:key/x is disabled.", incident.KeyUnusable,
			incident.TargetKMS},
		{"something else is disabled", "The endpoint is disabled", incident.Unknown, ""},
		{"key deleted", "The KMS key was deleted", incident.MissingResource, incident.TargetKMS},
		{"internal failure", "Internal failure", incident.ServiceFault, ""},

		{"role cannot be assumed", "Access denied when assuming resource access role", incident.Permissions,
			incident.TargetRoleTrust},
		{"role refuses", refusal + "sts:AssumeRole on resource: arn:aws:iam::111122223333:role/x",
			incident.Permissions, incident.TargetRoleTrust},
		{"action of S3", refusal +
			`s3:PutObject on resource: "arn:aws:s3:::kms/x" because no identity-based policy allows the ` +
			`s3:PutObject action`, incident.Permissions, incident.TargetS3},
		{"the first action counts", refusal + "kms:Decrypt on resource: arn:x, after kinesis:PutRecord",
			incident.Permissions, incident.TargetKMS},
		{"an action in brackets", "Not authorized (sns:Publish).", incident.Permissions, incident.TargetSNS},
		{"an action of a service that is not used", refusal + "dynamodb:PutItem on resource: x", incident.Permissions,
			""},
		{"explicit deny", refusal +
			"kinesis:PutRecord on resource: x with an explicit deny in a service control policy",
			incident.Permissions, incident.TargetKinesis},
		{"pass role", refusal + "iam:PassRole on resource: x", incident.Permissions, incident.TargetPassRole},
		{"service-linked role", "The service-linked role may not be used: permission missing", incident.Permissions,
			incident.TargetServiceLinkedRole},
		{"no service-linked role", "The service-linked role does not exist", incident.MissingResource,
			incident.TargetServiceLinkedRole},
		{"a service-linked role and a key",
			"User: arn:aws:sts::1:assumed-role/AWSServiceRoleForAmazonChimeVoiceConnector/x is not authorized to " +
				"perform: kms:Decrypt",
			incident.Permissions, incident.TargetKMS},
		{"the action before the code", "KMSAccessDeniedException: " + refusal + "lambda:InvokeFunction",
			incident.Permissions, incident.TargetLambda},
		{"code and service without a space", "kms:DisabledException", incident.KeyUnusable, incident.TargetKMS},
		{"Region not enabled", "RegionDisabledException: STS is not activated in this region", incident.Permissions,
			incident.TargetAccount},

		{"service of Java's first SDK",
			"Access Denied (Service: AmazonS3; Status Code: 403; Error Code: AccessDenied; Request ID: X)",
			incident.Permissions, incident.TargetS3},
		{"service of Java's second SDK",
			"Rate exceeded (Service: TranscribeStreaming, Status Code: 400, Request ID: x)", incident.Throttled,
			incident.TargetTranscribe},
		{"service of Go",
			"operation error Lambda: Invoke, https response error StatusCode: 429, RequestID: x, " +
				"TooManyRequestsException: Rate Exceeded.", incident.Throttled, incident.TargetLambda},
		{"operation of Python",
			"An error occurred (ThrottlingException) when calling the Publish operation: Rate exceeded",
			incident.Throttled, incident.TargetSNS},
		{"type of Java", "software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException: no",
			incident.MissingResource, incident.TargetKinesis},
		{"Kinesis video, not Kinesis", "ResourceNotFoundException: the Kinesis video stream was not found",
			incident.MissingResource, incident.TargetKinesisVideo},
		{"two services", "The Lambda function could not write to the bucket: access denied", incident.Permissions, ""},
		{"a key and its user", "S3 may not use the KMS key: access denied", incident.Permissions, incident.TargetKMS},
		{"queue", "The specified queue does not exist for this wsdl version.", incident.MissingResource,
			incident.TargetSQS},
		{"no service", "Access denied", incident.Permissions, ""},

		{"status code alone", "Request failed (Service: S3, Status Code: 503, Request ID: x)", incident.ServiceFault,
			incident.TargetS3},
		{"the last status code", "HTTP 400, then status code: 403", incident.Permissions, ""},
		{"a status code that says nothing", "Status Code: 400", incident.Unknown, ""},
		{"a number is no status code", "503 calls", incident.Unknown, ""},
		{"words go before the status code", "Rate exceeded (Status Code: 400)", incident.Throttled, ""},

		{"a wrapper and the code of its cause", "InternalFailure: KMS.DisabledException", incident.KeyUnusable,
			incident.TargetKMS},
		{"the code that names what to repair",
			"KMSInvalidStateException: Lambda could not decrypt. KMS Exception: AccessDeniedException",
			incident.KeyUnusable, incident.TargetKMS},
		{"generic code, telling words", "LimitExceededException: Rate exceeded for stream insights",
			incident.Throttled, ""},
		{"a code of no table, by its end", "QuantumThrottlingException: slow", incident.Throttled, ""},
		{"a word that begins like a code", "NotFounded", incident.Unknown, ""},
		{"half a word", "Throttlewerk, recodecs, undeleted", incident.Unknown, ""},
		{"a code of no table without an ending", "UploaderAccessDenied", incident.Unknown, ""},
		{"an English word that is a code, as a type", "com.amazonaws.sns#Throttled", incident.Throttled,
			incident.TargetSNS},
		{"and as a type of Java", "software.amazon.awssdk.services.sns.model.Internal", incident.ServiceFault,
			incident.TargetSNS},
		{"the word itself", "Internal", incident.Unknown, ""},
		{"a code of KMS, passed on", "KMS.NotFoundException: no (AccessDenied)", incident.MissingResource,
			incident.TargetKMS},
		{"a type that is no code names its service",
			"com.amazonaws.services.sns.model.AmazonSNSException: Access denied", incident.Permissions,
			incident.TargetSNS},
		{"a host named like a code", "FunctionError.s3.amazonaws.com", incident.Unknown, ""},
		{"an id between words", "The KMS key 1234abcd is disabled", incident.KeyUnusable, incident.TargetKMS},
		{"a key of no service", "The key is disabled", incident.KeyUnusable, incident.TargetKMS},
		{"another apostrophe", "The bucket doesn’t exist", incident.MissingResource, incident.TargetS3},
		{"a verb that is an operation", "Could not publish to the queue: access denied", incident.Permissions,
			incident.TargetSQS},
		{"throttled at the role", "Rate exceeded when assuming the role", incident.Throttled, ""},
		{"unknown, of a service", "Kinesis is odd", incident.Unknown, ""},
		{"no audio, of a service", "Transcribe: no new audio", incident.NoAudio, ""},
		{"a document in quotation marks", `Answer: {\"code\":\"SlowDown\",\"bucket\":\"AccessDenied\"}`,
			incident.Throttled, ""},
		{"message of a document", `{"__type":"BadRequestException","message":"The bucket \"quota\" does not exist"}`,
			incident.MissingResource, incident.TargetS3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := incident.Cause{Class: tt.class, Target: tt.target}
			if got := incident.CauseOfText(tt.reason); got != want {
				t.Errorf("%q: got %v, want %v", tt.reason, got, want)
			}
		})
	}
}

func TestCauseOfCreation(t *testing.T) {
	tests := []struct {
		name, code, reason string
		want               incident.Cause
	}{
		{"too many requests", "429", "", incident.Cause{Class: incident.Throttled,
			Target: incident.TargetMediaPipelines}},
		{"a fault", "500", "", incident.Cause{Class: incident.ServiceFault, Target: incident.TargetMediaPipelines}},
		{"refused, by one of two roles", "403", "", incident.Cause{Class: incident.Permissions}},
		{"quota", "400", "The maximum number of active media insights pipelines has been reached",
			incident.Cause{Class: incident.Quota, Target: incident.TargetMediaPipelines}},
		{"nothing known", "400", "ConflictException", incident.Cause{Class: incident.CreationRefused}},
		{"a code that is not generic", "400", "InvalidRuntimeException",
			incident.Cause{Class: incident.InvalidConfiguration, Target: incident.TargetLambda}},
		{"half a status code", "50", "", incident.Cause{Class: incident.CreationRefused}},
		{"no status code", "6000", "", incident.Cause{Class: incident.CreationRefused}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			state := pipeline.State{Status: pipeline.CreateFailed, Failure: &pipeline.Failure{HTTPStatusCode: tt.code,
				Reason: tt.reason}}
			if got := incident.CauseOfState(state); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCauseOfElement(t *testing.T) {
	e := chime.Element{Type: chime.ElementRecordingSink, Status: chime.StatusFailed, StatusDetail: "NoSuchBucket"}
	want := incident.Cause{Class: incident.MissingResource, Target: incident.TargetS3}
	if got := incident.CauseOfElement(e); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	state := pipeline.State{Status: pipeline.Failed, Failure: &pipeline.Failure{Reason: "failed"},
		Elements: []chime.Element{e}}
	if got := incident.CauseOfState(state); got != want {
		t.Errorf("of its pipeline: got %v, want %v", got, want)
	}
	state.Failure.Reason = "KMS.DisabledException"
	want = incident.Cause{Class: incident.KeyUnusable, Target: incident.TargetKMS}
	if got := incident.CauseOfState(state); got != want {
		t.Errorf("of a pipeline that says more: got %v, want %v", got, want)
	}
}
