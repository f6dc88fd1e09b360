package incident_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func TestClassOfSymptom(t *testing.T) {
	reason := func(text string) incident.Symptom { return incident.Symptom{Reason: text} }
	created := func(code, text string) incident.Symptom {
		return incident.Symptom{CreateFailed: true, HTTPStatusCode: code, Reason: text}
	}
	element := func(kind, status, detail string) incident.Symptom {
		return incident.Symptom{Element: chime.Element{Type: kind, Status: status, StatusDetail: detail}}
	}
	tests := []struct {
		name    string
		symptom incident.Symptom
		want    incident.Class
	}{
		{"nothing", incident.Symptom{}, incident.Unknown},
		{"words that say nothing", reason("The pipeline has failed"), incident.Unknown},
		{"a fault of the service", reason("An internal error occurred"), incident.ServiceFault},
		{"documented literal", reason("Access denied when assuming resource access role"), incident.Permissions},
		{"literal in other letters and spaces",
			reason("ACCESS  denied when\nassuming resource access role."), incident.Permissions},
		{"refusal of IAM",
			reason(refusal + "kinesis:PutRecord on resource: arn:aws:kinesis:us-east-1:111122223333:stream/quota-stream"),
			incident.Permissions},
		{"name of a role says nothing",
			reason("Failed with arn:aws:iam::111122223333:role/access-denied"), incident.Unknown},
		{"name of a bucket says nothing", reason(`Failed to write "s3://deleted-calls/not-found"`), incident.Unknown},
		{"error code alone", reason("AccessDeniedException"), incident.Permissions},
		{"key refused", reason("KMSAccessDeniedException: the ciphertext refers to a key"), incident.Permissions},
		{"refused or missing", reason("Access denied or the role does not exist"), incident.Permissions},
		{"bucket missing", reason("The specified bucket does not exist (NoSuchBucket)"), incident.MissingResource},
		{"stream deleted", reason("Kinesis data stream was deleted"), incident.MissingResource},
		{"stream not found",
			reason("ResourceNotFoundException: Stream calls under account 111122223333 not found."),
			incident.MissingResource},
		{"Transcribe throttles", reason("ThrottlingException: Rate exceeded"), incident.Throttled},
		{"Kinesis throttles", reason("ProvisionedThroughputExceededException"), incident.Throttled},
		{"rate before limit", reason("ClientLimitExceededException"), incident.Throttled},
		{"quota by code", reason("ResourceLimitExceededException"), incident.Quota},
		{"quota by words", reason("You have reached the maximum number of active pipelines"), incident.Quota},
		{"Transcribe's limit", reason("LimitExceededException: concurrent streams"), incident.Quota},
		{"media", reason("Incompatible media format on the KVS stream"), incident.IncompatibleMedia},
		{"media by sample rate",
			reason("BadRequestException: sample rate 4000 is not supported"), incident.IncompatibleMedia},
		{"channels are no quota",
			reason("The maximum number of channels is 2: number of channels was 3"), incident.IncompatibleMedia},

		{"creation 400", created("400", "Bad request"), incident.CreationRefused},
		{"creation 400 for a quota", created("400", "ResourceLimitExceeded"), incident.Quota},
		{"creation 401", created("401", ""), incident.Permissions},
		{"creation 403", created("403", "no"), incident.Permissions},
		{"creation 404", created(" 404 ", ""), incident.MissingResource},
		{"creation 409", created("409", ""), incident.CreationRefused},
		{"creation 429", created("429", ""), incident.Throttled},
		{"creation 429 for a quota",
			created("429", "The maximum number of active media insights pipelines has been reached"), incident.Quota},
		{"creation 500", created("500", "Internal failure"), incident.ServiceFault},
		{"creation 503 without words", created("503", ""), incident.ServiceFault},
		{"creation 400 with a generic code",
			created("400", "BadRequestException: Invalid element"), incident.CreationRefused},
		{"creation with a generic code and a status", created("403", "BadRequestException: no"), incident.Permissions},
		{"creation 500 that a code explains", created("500", "KMSDisabledException"), incident.KeyUnusable},
		{"creation without code", created("", ""), incident.CreationRefused},
		{"code without a failed creation", incident.Symptom{HTTPStatusCode: "403"}, incident.Unknown},

		{"enhancement of a long call",
			element("VoiceEnhancement", "NotSupported", "Unsupported recording length"), incident.RecordingLength},
		{"enhancement not supported", element("VoiceEnhancementSink", "NotSupported", ""), incident.RecordingLength},
		{"enhancement failed", element("VoiceEnhancement", "Failed", ""), incident.Unknown},
		{"other element not supported", element("S3RecordingSink", "NotSupported", ""), incident.Unknown},
		{"element with a detail", element("S3RecordingSink", "Failed", "AccessDenied"), incident.Permissions},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := incident.CauseOf(tt.symptom).Class; got != tt.want {
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
