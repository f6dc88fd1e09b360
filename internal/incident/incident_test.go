package incident_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/google/go-cmp/cmp"
)

func TestClassify(t *testing.T) {
	reason := func(text string) incident.Symptom { return incident.Symptom{Reason: text} }
	created := func(code, text string) incident.Symptom {
		return incident.Symptom{CreateFailed: true, HTTPStatusCode: code, Origin: "Voice Connector", Reason: text}
	}
	element := func(kind, status, detail string) incident.Symptom {
		return incident.Symptom{ElementType: kind, ElementStatus: status, ElementDetail: detail}
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
		{"literal in other letters and spaces", reason("ACCESS  denied when\nassuming resource access role."), incident.Permissions},
		{"refusal of IAM", reason("User: arn:aws:sts::111122223333:assumed-role/Chime/x is not authorized to perform: kinesis:PutRecord on resource: arn:aws:kinesis:us-east-1:111122223333:stream/quota-stream"), incident.Permissions},
		{"name of a role tells nothing", reason("Failed with arn:aws:iam::111122223333:role/access-denied"), incident.Unknown},
		{"name of a bucket tells nothing", reason(`Failed to write "s3://deleted-calls/not-found"`), incident.Unknown},
		{"error code alone", reason("AccessDeniedException"), incident.Permissions},
		{"key refused", reason("KMSAccessDeniedException: the ciphertext refers to a key"), incident.Permissions},
		{"refused or missing", reason("Access denied or the role does not exist"), incident.Permissions},
		{"bucket missing", reason("The specified bucket does not exist (NoSuchBucket)"), incident.MissingResource},
		{"stream deleted", reason("Kinesis data stream was deleted"), incident.MissingResource},
		{"stream not found", reason("ResourceNotFoundException: Stream calls under account 111122223333 not found."), incident.MissingResource},
		{"Transcribe throttles", reason("ThrottlingException: Rate exceeded"), incident.Throttled},
		{"Kinesis throttles", reason("ProvisionedThroughputExceededException"), incident.Throttled},
		{"rate before limit", reason("ClientLimitExceededException"), incident.Throttled},
		{"quota by code", reason("ResourceLimitExceededException"), incident.Quota},
		{"quota by words", reason("You have reached the maximum number of active pipelines"), incident.Quota},
		{"Transcribe's limit", reason("LimitExceededException: concurrent streams"), incident.Quota},
		{"media", reason("Incompatible media format on the KVS stream"), incident.IncompatibleMedia},
		{"media by sample rate", reason("BadRequestException: sample rate 4000 is not supported"), incident.IncompatibleMedia},
		{"channels are no quota", reason("The maximum number of channels is 2: number of channels was 3"), incident.IncompatibleMedia},

		{"creation 400", created("400", "Bad request"), incident.CreationRefused},
		{"creation 400 for a quota", created("400", "ResourceLimitExceeded"), incident.Quota},
		{"creation 401", created("401", ""), incident.Permissions},
		{"creation 403", created("403", "no"), incident.Permissions},
		{"creation 404", created(" 404 ", ""), incident.MissingResource},
		{"creation 409", created("409", ""), incident.CreationRefused},
		{"creation 429", created("429", ""), incident.Throttled},
		{"creation 429 for a quota", created("429", "The maximum number of active media insights pipelines has been reached"), incident.Quota},
		{"creation 500", created("500", "Internal failure"), incident.ServiceFault},
		{"creation 503 without words", created("503", ""), incident.ServiceFault},
		{"creation 400 with a generic code", created("400", "BadRequestException: Invalid element"), incident.CreationRefused},
		{"creation with a generic code and a status", created("403", "BadRequestException: no"), incident.Permissions},
		{"creation 500 that a code explains", created("500", "KMSDisabledException"), incident.KeyUnusable},
		{"creation without code", created("", ""), incident.CreationRefused},
		{"code without a failed creation", incident.Symptom{HTTPStatusCode: "403"}, incident.Unknown},

		{"enhancement of a long call", element("VoiceEnhancement", "NotSupported", "Unsupported recording length"), incident.RecordingLength},
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
	tests := []struct {
		name  string
		state pipeline.State
		want  incident.Class
	}{
		{"nothing known", pipeline.State{Status: pipeline.Failed}, incident.Unknown},
		{"reason", pipeline.State{Status: pipeline.Failed, Failure: &pipeline.Failure{Reason: "Rate exceeded"}, Elements: []chime.Element{denied}}, incident.Throttled},
		{"failed element tells more than the reason", pipeline.State{Status: pipeline.Failed, Failure: &pipeline.Failure{Reason: "failed"}, Elements: []chime.Element{fine, silent, denied, long}}, incident.Permissions},
		{"failed element without a reason", pipeline.State{Status: pipeline.Stopped, Elements: []chime.Element{fine, long}}, incident.RecordingLength},
		{"creation", pipeline.State{Status: pipeline.CreateFailed, Failure: &pipeline.Failure{HTTPStatusCode: "403"}}, incident.Permissions},
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

// Every phrase decides for its own class: none stands behind another that it contains.
func TestPhrasesAreReachable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range incident.Phrases() {
		if seen[p.Phrase] {
			t.Errorf("%q stands twice", p.Phrase)
		}
		seen[p.Phrase] = true
		if p.Phrase != strings.ToLower(p.Phrase) || p.Source == "" || p.Evidence == "" {
			t.Errorf("%q: want lower case, a source and its evidence, got %+v", p.Phrase, p)
		}
		if got := incident.CauseOf(incident.Symptom{Reason: p.Phrase}).Class; got != p.Class {
			t.Errorf("%q: got %s, want %s", p.Phrase, got, p.Class)
		}
	}
}

func TestEveryClassHasItsWords(t *testing.T) {
	titles := map[string]bool{}
	for _, c := range incident.Classes() {
		if c.Title() == "" || c.Meaning() == "" || c.Remedy() == "" || titles[c.Title()] {
			t.Errorf("%s: got %q, %q, %q; want words of its own", c, c.Title(), c.Meaning(), c.Remedy())
		}
		titles[c.Title()] = true
	}
	if got, want := incident.Class("new").Title(), incident.Unknown.Title(); got != want {
		t.Errorf("got %q for a new class, want %q", got, want)
	}
}

func elementsOf(kind string) []chime.Element {
	return []chime.Element{{Type: kind, Status: chime.StatusFailed}}
}

func TestLossesAndSeverity(t *testing.T) {
	tests := []struct {
		name   string
		failed []string
		want   []incident.Loss
		grave  incident.Severity
	}{
		{"none", nil, nil, incident.Critical},
		{"recording", []string{chime.ElementRecordingSink}, []incident.Loss{incident.Recording}, incident.Critical},
		{"transcription", []string{chime.ElementTranscribe}, []incident.Loss{incident.Transcript, incident.Insights}, incident.High},
		{"call analytics", []string{chime.ElementTranscribeCallAnalytics}, []incident.Loss{incident.Transcript, incident.Insights}, incident.High},
		{"voice analytics", []string{chime.ElementVoiceAnalytics}, []incident.Loss{incident.Insights}, incident.Medium},
		{"data sinks", []string{chime.ElementKinesisSink, chime.ElementLambdaSink, chime.ElementSqsSink, chime.ElementSnsSink}, []incident.Loss{incident.Insights}, incident.Medium},
		{"enhancement in both spellings", []string{chime.ElementVoiceEnhancement, chime.ElementVoiceEnhancementSink}, []incident.Loss{incident.VoiceEnhancement}, incident.Low},
		{"unknown type", []string{"HologramSink"}, []incident.Loss{"HologramSink"}, incident.Medium},
		{"all, the gravest first", []string{chime.ElementVoiceEnhancement, "HologramSink", chime.ElementSqsSink, chime.ElementTranscribe, chime.ElementRecordingSink},
			[]incident.Loss{incident.Recording, incident.Transcript, incident.Insights, "HologramSink", incident.VoiceEnhancement}, incident.Critical},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var failed []chime.Element
			for _, kind := range tt.failed {
				failed = append(failed, chime.Element{Type: kind, Status: chime.StatusFailed})
			}
			got := incident.Losses(failed)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
			if grave := incident.SeverityOf(got); grave != tt.grave {
				t.Errorf("got severity %s, want %s", grave, tt.grave)
			}
		})
	}
}

// People filter by the class: docs/NOTIFY.md lists them all.
func TestGuideListsEachClass(t *testing.T) {
	guide, err := os.ReadFile("../../docs/NOTIFY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(guide), "\nThe classes are ")
	list, _, _ = strings.Cut(list, ".")
	for _, c := range incident.Classes() {
		if !strings.Contains(list, "`"+string(c)+"`") {
			t.Errorf("docs/NOTIFY.md does not list the class %q", c)
		}
	}
	if got, want := strings.Count(list, "`"), 2*len(incident.Classes()); got != want {
		t.Errorf("docs/NOTIFY.md lists %d classes, want %d", got/2, want/2)
	}
}

// The names of classes are in tables, filters and links: none is ever changed.
func TestClassNamesStay(t *testing.T) {
	names := map[incident.Class]string{
		incident.Permissions: "permissions", incident.MissingResource: "missing-resource", incident.Throttled: "throttled",
		incident.IncompatibleMedia: "incompatible-media", incident.Quota: "quota", incident.CreationRefused: "creation-refused",
		incident.RecordingLength: "recording-length", incident.Unknown: "unknown", incident.KeyUnusable: "key-unusable",
		incident.InvalidConfiguration: "invalid-configuration", incident.NoAudio: "no-audio", incident.ServiceFault: "service-fault",
	}
	for _, c := range incident.Classes() {
		if got := string(c); got != names[c] {
			t.Errorf("got %q, want %q", got, names[c])
		}
	}
}

// The table of the runbook says of which class a reason is: what it quotes has it.
func TestRunbookTableOfReasons(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(runbook), "| the reason says | class |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	quotes, seen := regexp.MustCompile("`([^`]+)`|\"([^\"]+)\""), 0
	for _, row := range strings.Split(table, "\n") {
		says, class, _ := strings.Cut(strings.Trim(row, "| "), " | ")
		class, _, _ = strings.Cut(strings.TrimPrefix(class, "["), "]")
		for _, m := range quotes.FindAllStringSubmatch(says, -1) {
			seen++
			reason := m[1] + m[2]
			if strings.HasPrefix(reason, "is ") { // of a key
				reason = "The KMS key x-1 " + reason
			}
			if got := incident.CauseOf(incident.Symptom{Reason: reason}).Class; got != incident.Class(class) {
				t.Errorf("%q: got %s, want %s", reason, got, class)
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d reasons, want 20 or more", seen)
	}
}

// Notifications link to the runbook by the class.
func TestRunbookHasASectionForEachClass(t *testing.T) {
	runbook, err := os.ReadFile("../../docs/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range incident.Classes() {
		if !strings.Contains(string(runbook), "\n## "+string(c)+"\n") {
			t.Errorf("docs/RUNBOOK.md has no section %q", c)
		}
	}
}
