package incident_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func TestClassOfText(t *testing.T) {
	tests := []struct {
		name, text string
		want       incident.Class
	}{
		{"nothing", "", incident.Unknown},
		{"words that say nothing", "The pipeline has failed", incident.Unknown},
		{"a fault of the service", "An internal error occurred", incident.ServiceFault},
		{"documented literal", "Access denied when assuming resource access role", incident.Permissions},
		{"literal in other letters and spaces",
			"ACCESS  denied when\nassuming resource access role.",
			incident.Permissions},
		{"refusal of IAM",
			refusal + "kinesis:PutRecord on resource: arn:aws:kinesis:us-east-1:111122223333:stream/quota-stream",
			incident.Permissions},
		{"name of a role says nothing", "Failed with arn:aws:iam::111122223333:role/access-denied", incident.Unknown},
		{"name of a bucket says nothing", `Failed to write "s3://deleted-calls/not-found"`, incident.Unknown},
		{"error code alone", "AccessDeniedException", incident.Permissions},
		{"key refused", "KMSAccessDeniedException: the ciphertext refers to a key", incident.Permissions},
		{"refused or missing", "Access denied or the role does not exist", incident.Permissions},
		{"bucket missing", "The specified bucket does not exist (NoSuchBucket)", incident.MissingResource},
		{"stream deleted", "Kinesis data stream was deleted", incident.MissingResource},
		{"stream not found",
			"ResourceNotFoundException: Stream calls under account 111122223333 not found.",
			incident.MissingResource},
		{"Transcribe throttles", "ThrottlingException: Rate exceeded", incident.Throttled},
		{"Kinesis throttles", "ProvisionedThroughputExceededException", incident.Throttled},
		{"rate before limit", "ClientLimitExceededException", incident.Throttled},
		{"quota by code", "ResourceLimitExceededException", incident.Quota},
		{"quota by words", "You have reached the maximum number of active pipelines", incident.Quota},
		{"Transcribe's limit", "LimitExceededException: concurrent streams", incident.Quota},
		{"media", "Incompatible media format on the KVS stream", incident.IncompatibleMedia},
		{"media by sample rate", "BadRequestException: sample rate 4000 is not supported", incident.IncompatibleMedia},
		{"channels are no quota",
			"The maximum number of channels is 2: number of channels was 3",
			incident.IncompatibleMedia},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := incident.CauseOfText(tt.text).Class; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestClassOfCreation(t *testing.T) {
	tests := []struct {
		name, code, reason string
		want               incident.Class
	}{
		{"creation 400", "400", "Bad request", incident.CreationRefused},
		{"creation 400 for a quota", "400", "ResourceLimitExceeded", incident.Quota},
		{"creation 401", "401", "", incident.Permissions},
		{"creation 403", "403", "no", incident.Permissions},
		{"creation 404", " 404 ", "", incident.MissingResource},
		{"creation 409", "409", "", incident.CreationRefused},
		{"creation 429", "429", "", incident.Throttled},
		{"creation 429 for a quota",
			"429", "The maximum number of active media insights pipelines has been reached",
			incident.Quota},
		{"creation 500", "500", "Internal failure", incident.ServiceFault},
		{"creation 503 without words", "503", "", incident.ServiceFault},
		{"creation 400 with a generic code", "400", "BadRequestException: Invalid element", incident.CreationRefused},
		{"creation with a generic code and a status", "403", "BadRequestException: no", incident.Permissions},
		{"creation 500 that a code explains", "500", "KMSDisabledException", incident.KeyUnusable},
		{"creation without code", "", "", incident.CreationRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			failure := &pipeline.Failure{HTTPStatusCode: tt.code, Origin: "Voice Connector", Reason: tt.reason}
			st := pipeline.State{Status: pipeline.CreateFailed, Failure: failure}
			if got := incident.CauseOfState(st).Class; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	st := pipeline.State{Status: pipeline.Failed, Failure: &pipeline.Failure{HTTPStatusCode: "403"}}
	if got := incident.CauseOfState(st).Class; got != incident.Unknown {
		t.Errorf("got %s of a code without a failed creation, want unknown", got)
	}
}

func TestClassOfElement(t *testing.T) {
	tests := []struct {
		name, kind, status, detail string
		want                       incident.Class
	}{
		{"enhancement of a long call",
			"VoiceEnhancement", "NotSupported", "Unsupported recording length",
			incident.RecordingLength},
		{"enhancement not supported", "VoiceEnhancementSink", "NotSupported", "", incident.RecordingLength},
		{"enhancement failed", "VoiceEnhancement", "Failed", "", incident.Unknown},
		{"other element not supported", "S3RecordingSink", "NotSupported", "", incident.Unknown},
		{"element with a detail", "S3RecordingSink", "Failed", "AccessDenied", incident.Permissions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := chime.Element{Type: tt.kind, Status: tt.status, StatusDetail: tt.detail}
			if got := incident.CauseOfElement(e).Class; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestClassOfPipeline(t *testing.T) {
	long := chime.Element{Type: chime.ElementVoiceEnhancement, Status: chime.StatusNotSupported}
	silent := chime.Element{Type: chime.ElementRecordingSink, Status: chime.StatusFailed}
	denied := chime.Element{Type: chime.ElementSqsSink, Status: chime.StatusFailed, StatusDetail: "AccessDenied"}
	fine := chime.Element{Type: chime.ElementSnsSink, Status: chime.StatusStopped, StatusDetail: "not throttled"}
	failed := func(reason string, elements ...chime.Element) pipeline.State {
		return pipeline.State{
			Status: pipeline.Failed, Failure: &pipeline.Failure{Reason: reason}, Elements: elements,
		}
	}
	refused := pipeline.State{Status: pipeline.CreateFailed, Failure: &pipeline.Failure{HTTPStatusCode: "403"}}
	stopped := pipeline.State{Status: pipeline.Stopped, Elements: []chime.Element{fine, long}}
	tests := []struct {
		name  string
		state pipeline.State
		want  incident.Class
	}{
		{"nothing known", pipeline.State{Status: pipeline.Failed}, incident.Unknown},
		{"reason", failed("Rate exceeded", denied), incident.Throttled},
		{"failed element says more than the reason", failed("failed", fine, silent, denied, long), incident.Permissions},
		{"failed element without a reason", stopped, incident.RecordingLength},
		{"creation", refused, incident.Permissions},
		{"creation without anything", pipeline.State{Status: pipeline.CreateFailed}, incident.CreationRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := incident.CauseOfState(tt.state).Class; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
