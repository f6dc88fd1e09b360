package stacks_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/stacks/config"
)

const domain = "arn:aws:chime:us-east-1:111122223333:voice-profile-domain/8b0c1d2e-0f3a-4c5b-9d6e-7f8091a2b3c4"

// everyVoice chooses all that can be chosen.
func everyVoice() config.Stack {
	chosen := config.Default()
	chosen.VoiceSources = []string{"lambda", "sqs", "sns", "kinesis"}
	chosen.VoiceTasks = []string{"speaker-search", "voice-tone"}
	chosen.VoiceProfileDomainARN, chosen.VoiceAccessRole = domain, true
	return chosen
}

func TestVoicePassesTheChecks(t *testing.T) {
	app, _ := newStack(t, everyVoice())
	if report := synth(t, app); report != "" {
		t.Errorf("the checks found\n%s", report)
	}
}

// template is a synthesized template as far as these tests look at it.
type template struct {
	Resources map[string]struct {
		Type       string
		Properties map[string]any
	}
	Outputs map[string]struct{ Value any }
}

func templateOf(t *testing.T, chosen config.Stack) template {
	t.Helper()
	_, stack := newStack(t, chosen)
	text, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	var c template
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// of gives the properties of the resources of a type, by logical id.
func (c template) of(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for id, r := range c.Resources {
		if r.Type == kind {
			found[id] = r.Properties
		}
	}
	return found
}

// the gives the only resource of a type whose logical id begins so.
func (c template) the(t *testing.T, kind, prefix string) map[string]any {
	t.Helper()
	var found []map[string]any
	for id, properties := range c.of(kind) {
		if strings.HasPrefix(id, prefix) {
			found = append(found, properties)
		}
	}
	if len(found) != 1 {
		t.Fatalf("got %d of %s %s, want one", len(found), kind, prefix)
	}
	return found[0]
}

// asText is a value as one line, for a look at what is in it.
func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestEachVoiceSourceIsMadeAndWired(t *testing.T) {
	outputs := map[string][]string{
		"lambda": {"VoiceFunctionArn", "VoiceFunctionName"}, "sqs": {"VoiceDeadLettersUrl", "VoiceFunctionName", "VoiceQueueArn"}, "sns": {"VoiceDeadLettersUrl", "VoiceFunctionName", "VoiceTopicArn"},
		"kinesis": {"VoiceFunctionName", "VoiceStreamArn", "VoiceStreamFailuresName"},
	}
	for source, names := range outputs {
		t.Run(source, func(t *testing.T) {
			chosen := config.Default()
			chosen.VoiceSources = []string{source}
			c := templateOf(t, chosen)
			var got []string
			for name := range c.Outputs {
				if strings.HasPrefix(name, "Voice") {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(slices.Sorted(slices.Values(append(names, "VoiceAccessStatements"))), got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			if text := asText(c.the(t, "AWS::IAM::Policy", "VoiceRole")); strings.Contains(text, "chime:") || strings.Contains(text, "dynamodb:Query") {
				t.Errorf("got %s, want nothing of the tasks, which are off", text)
			}
			variables := c.the(t, "AWS::Lambda::Function", "Voice")["Environment"]
			if !strings.Contains(asText(variables), `"CHIMEWATCH_VOICE_TASKS":""`) {
				t.Errorf("got %s, want no task turned on", asText(variables))
			}
			if wants := source != "lambda"; wants {
				key := c.the(t, "AWS::KMS::Key", "VoiceKey")
				if !strings.Contains(asText(key["Tags"]), `{"Key":"AWSServiceName","Value":"ChimeSDK"}`) {
					t.Errorf("got the key's tags %s, want the one that the service asks for", asText(key["Tags"]))
				}
			}
		})
	}
	for id := range templateOf(t, config.Default()).Resources {
		if strings.HasPrefix(id, "Voice") {
			t.Errorf("got %s where no source is chosen, want nothing of voice", id)
		}
	}
}

func TestVoiceSourcesLoseNothing(t *testing.T) {
	c := templateOf(t, everyVoice())
	var queue, stream map[string]any
	for _, mapping := range c.of("AWS::Lambda::EventSourceMapping") {
		if mapping["StartingPosition"] != nil {
			stream = mapping
		} else {
			queue = mapping
		}
		if diff := cmp.Diff([]any{"ReportBatchItemFailures"}, mapping["FunctionResponseTypes"]); diff != "" {
			t.Errorf("replies for single records (-want +got):\n%s", diff)
		}
	}
	if queue["BatchSize"] != 25.0 || c.the(t, "AWS::SQS::Queue", "VoiceQueue")["RedrivePolicy"] == nil {
		t.Errorf("got %s, want batches of 25 of a queue with a dead-letter queue", asText(queue))
	}
	if v, timeout := c.the(t, "AWS::SQS::Queue", "VoiceQueue")["VisibilityTimeout"].(float64), c.the(t, "AWS::Lambda::Function", "Voice")["Timeout"].(float64); v < 6*timeout {
		t.Errorf("got a visibility timeout of %v s for a function of %v s, want six times as much", v, timeout)
	}
	if stream["BisectBatchOnFunctionError"] != true || stream["MaximumRetryAttempts"] != 5.0 || stream["MaximumRecordAgeInSeconds"] != 21600.0 ||
		!strings.Contains(asText(stream["DestinationConfig"]), "VoiceStreamFailures") {
		t.Errorf("got %s, want a stream that bisects, ends its retries and keeps what failed in the bucket", asText(stream))
	}
	if c.the(t, "AWS::SNS::Subscription", "Voice")["RedrivePolicy"] == nil {
		t.Error("what the topic cannot deliver is lost")
	}
	for _, kind := range []string{"VoiceDeadLettersAlarm", "VoiceStreamFailuresAlarm"} {
		c.the(t, "AWS::CloudWatch::Alarm", kind)
	}
}

func TestWhoMayInvokeAndWhoMayDeliver(t *testing.T) {
	c := templateOf(t, everyVoice())
	var principals []string
	for _, p := range c.of("AWS::Lambda::Permission") {
		if service := fmt.Sprint(p["Principal"]); strings.Contains(service, "chime") {
			principals = append(principals, service)
			if diff := cmp.Diff(map[string]any{"Ref": "AWS::AccountId"}, p["SourceAccount"]); diff != "" {
				t.Errorf("%s may invoke for any account (-want +got):\n%s", service, diff)
			}
		}
	}
	slices.Sort(principals)
	if diff := cmp.Diff([]string{"mediapipelines.chime.amazonaws.com", "voiceconnector.chime.amazonaws.com"}, principals); diff != "" {
		t.Errorf("who may invoke (-want +got):\n%s", diff)
	}
	trust := asText(c.the(t, "AWS::IAM::Role", "VoiceAccessRole")["AssumeRolePolicyDocument"])
	for _, part := range []string{`"Service":"mediapipelines.chime.amazonaws.com"`, `"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}`, `"ArnLike":{"aws:SourceArn":`, ":chime:*:"} {
		if !strings.Contains(trust, part) {
			t.Errorf("got the trust %s, want %s in it", trust, part)
		}
	}
	policy, statements := asText(c.the(t, "AWS::IAM::Policy", "VoiceAccessRole")), asText(c.Outputs["VoiceAccessStatements"].Value)
	for _, action := range []string{"lambda:InvokeFunction", "lambda:GetPolicy", "sqs:SendMessage", "sqs:GetQueueAttributes", "sns:Publish", "sns:GetTopicAttributes",
		"kinesis:PutRecord", "kms:GenerateDataKey", "kms:Decrypt", "aws:ResourceTag/AWSServiceName"} {
		if !strings.Contains(policy, action) || !strings.Contains(statements, action) {
			t.Errorf("%s: in the role's policy %t, in the output %t, want both", action, strings.Contains(policy, action), strings.Contains(statements, action))
		}
	}
	if strings.Contains(policy, `"Resource":"*"`) {
		t.Errorf("got %s, want no grant on everything", policy)
	}
}

func TestTasksAreAllowedWhereTheyAreTurnedOn(t *testing.T) {
	chosen := everyVoice()
	chosen.VoiceTasks = []string{"voice-tone"}
	c := templateOf(t, chosen)
	for _, function := range []string{"Voice", "Consent", "Watch"} {
		policy := asText(c.the(t, "AWS::IAM::Policy", function+"Role"))
		// What runs is stopped even when it is not turned on any more.
		if !strings.Contains(policy, `["chime:GetSpeakerSearchTask","chime:GetVoiceToneAnalysisTask","chime:StartVoiceToneAnalysisTask","chime:StopSpeakerSearchTask","chime:StopVoiceToneAnalysisTask"]`) {
			t.Errorf("%s: got %s, want to start the one task and to stop any", function, policy)
		}
		variables := asText(c.the(t, "AWS::Lambda::Function", function)["Environment"])
		if !strings.Contains(variables, `"CHIMEWATCH_VOICE_TASKS":"voice-tone"`) {
			t.Errorf("%s: got %s, want the task turned on", function, variables)
		}
	}
}
