// Package test holds what crosses packages: what is deployed against what runs.
package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/rules"
	"github.com/chimewatch/chimewatch/internal/settings"
	"github.com/chimewatch/chimewatch/internal/store"
)

// assembly is a synthesized stack; a test of package stacks holds it against
// what is synthesized now.
const assembly = "testdata/cdk.out"

// template is a CloudFormation template, as far as tests look at it.
type template struct {
	Resources map[string]resource
	Outputs   map[string]struct{ Value any }
}

type resource struct {
	Type       string
	Properties map[string]any
}

func readTemplate(t *testing.T) template {
	t.Helper()
	return templateIn(t, assembly)
}

func templateIn(t *testing.T, dir string) template {
	t.Helper()
	text, err := os.ReadFile(dir + "/Chimewatch.template.json")
	if err != nil {
		t.Fatal(err)
	}
	var got template
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// of gives the resources of a type, by logical id.
func (c template) of(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for id, r := range c.Resources {
		if r.Type == kind {
			found[id] = r.Properties
		}
	}
	return found
}

// at follows names and indexes into a value; nil where there is nothing.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// functionOf gives the logical id and the name of the function that a rule's
// only target is.
func (c template) functionOf(t *testing.T, rule map[string]any) (id, name string) {
	t.Helper()
	if targets, _ := rule["Targets"].([]any); len(targets) != 1 {
		t.Fatalf("got %d targets, want one", len(targets))
	}
	id, _ = at(rule, "Targets", 0, "Arn", "Fn::GetAtt", 0).(string)
	if c.Resources[id].Type != "AWS::Lambda::Function" {
		t.Fatalf("the target %q is no function", id)
	}
	key, _ := at(c.Resources[id].Properties, "Code", "S3Key").(string)
	return id, strings.TrimSuffix(key, ".zip")
}

// plain is a value as JSON gives it.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTemplateHasTheRoutingTable(t *testing.T) {
	c := readTemplate(t)
	found := c.of("AWS::Events::Rule")
	byAbout := map[string]map[string]any{}
	for _, properties := range found {
		about, _ := properties["Description"].(string)
		byAbout[about] = properties
	}
	table, schedules := rules.Table(rules.Options{}), rules.Schedules()
	if got, want := len(found), len(table)+len(schedules); got != want {
		t.Errorf("got %d rules, want %d", got, want)
	}
	for _, rule := range table {
		got := byAbout[rule.Description]
		if diff := cmp.Diff(plain(t, rule.Pattern), got["EventPattern"]); diff != "" {
			t.Errorf("rule %s: want (-), got (+):\n%s", rule.Name, diff)
			continue
		}
		checkTarget(t, c, rule.Name, rule.Function, got)
	}
	for _, s := range schedules {
		got := byAbout[s.Description]
		if got["ScheduleExpression"] != "rate(1 minute)" {
			t.Errorf("schedule %s: got %v, want rate(1 minute)", s.Name, got["ScheduleExpression"])
			continue
		}
		checkTarget(t, c, s.Name, s.Function, got)
	}
}

// checkTarget holds a rule's target against the function it should go to, which
// EventBridge must be allowed to invoke, and to which delivery must not be lost.
func checkTarget(t *testing.T, c template, rule, function string, properties map[string]any) {
	t.Helper()
	id, name := c.functionOf(t, properties)
	if name != function {
		t.Errorf("rule %s: goes to %s, want %s", rule, name, function)
	}
	for _, path := range [][]any{{"DeadLetterConfig", "Arn"}, {"RetryPolicy", "MaximumRetryAttempts"}, {"RetryPolicy", "MaximumEventAgeInSeconds"}} {
		if at(properties, append([]any{"Targets", 0}, path...)...) == nil {
			t.Errorf("rule %s: its target has no %v", rule, path)
		}
	}
	for _, permission := range c.of("AWS::Lambda::Permission") {
		if at(permission, "FunctionName", "Fn::GetAtt", 0) == id && permission["Principal"] == "events.amazonaws.com" {
			return
		}
	}
	t.Errorf("rule %s: EventBridge may not invoke %s", rule, name)
}

func TestTemplateHasTheTable(t *testing.T) {
	tables := readTemplate(t).of("AWS::DynamoDB::Table")
	if len(tables) != 1 {
		t.Fatalf("got %d tables, want one", len(tables))
	}
	definition := store.Definition()
	keys := func(partition, sort string) any {
		return []any{map[string]any{"AttributeName": partition, "KeyType": "HASH"}, map[string]any{"AttributeName": sort, "KeyType": "RANGE"}}
	}
	var indexes []any
	for _, i := range definition.Indexes {
		indexes = append(indexes, map[string]any{"IndexName": i.Name, "KeySchema": keys(i.PartitionKey, i.SortKey), "Projection": map[string]any{"ProjectionType": "KEYS_ONLY"}})
	}
	for _, got := range tables {
		for name, want := range map[string]any{
			"KeySchema": keys(definition.PartitionKey, definition.SortKey), "GlobalSecondaryIndexes": indexes, "BillingMode": "PAY_PER_REQUEST",
			"TimeToLiveSpecification":          map[string]any{"AttributeName": definition.TTLAttribute, "Enabled": true},
			"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": true},
			"SSESpecification":                 map[string]any{"SSEEnabled": true},
		} {
			if diff := cmp.Diff(want, got[name]); diff != "" {
				t.Errorf("%s: want (-), got (+):\n%s", name, diff)
			}
		}
	}
}

// The actions that each function calls, read off internal/handler and internal/store.
var wantActions = map[string][]string{
	"status":   {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
	"failures": {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"},
	"alerts":   {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", "kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"},
	"consent":  {"chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask", "chime:StopSpeakerSearchTask", "chime:StopVoiceToneAnalysisTask", "dynamodb:PutItem", "dynamodb:Query"},
	"watch": {"chime:GetMediaPipeline", "chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask", "chime:StopSpeakerSearchTask", "chime:StopVoiceToneAnalysisTask", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
		"dynamodb:Query on by-state", "dynamodb:Query on by-time", "dynamodb:UpdateItem", "kms:Decrypt", "kms:GenerateDataKey", "sns:Publish"},
}

// everyFunction is what all functions may do: write logs and traces, and send the
// record of a failed invocation.
var everyFunction = []string{"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage",
	"xray:PutTelemetryRecords", "xray:PutTraceSegments"}

func TestFunctionsMayDoWhatTheyCallAndNothingElse(t *testing.T) {
	c := readTemplate(t)
	for id, f := range c.of("AWS::Lambda::Function") {
		key, _ := at(f, "Code", "S3Key").(string)
		name := strings.TrimSuffix(key, ".zip")
		want, known := wantActions[name]
		if !known {
			t.Errorf("function %s: this test does not know what it calls", name)
			continue
		}
		want = append(slices.Clone(want), everyFunction...)
		if name == "watch" { // its next run is its retry
			want = slices.DeleteFunc(want, func(a string) bool { return strings.HasPrefix(a, "sqs:") })
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.actionsOf(f)); diff != "" {
			t.Errorf("function %s (%s): want (-), got (+):\n%s", name, id, diff)
		}
	}
}

// actionsOf gives what a function's role may do, each action once; the name of an
// index follows. A grant on everything is only for tracing.
func (c template) actionsOf(f map[string]any) []string {
	role := at(f, "Role", "Fn::GetAtt", 0)
	var actions []string
	for _, policy := range c.of("AWS::IAM::Policy") {
		if at(policy, "Roles", 0, "Ref") != role {
			continue
		}
		statements, _ := at(policy, "PolicyDocument", "Statement").([]any)
		for _, s := range statements {
			for _, action := range listed(at(s, "Action")) {
				for _, resource := range listed(at(s, "Resource")) {
					text, _ := action.(string)
					end, _ := at(resource, "Fn::Join", 1, 1).(string)
					if index, ok := strings.CutPrefix(end, "/index/"); ok {
						text += " on " + index
					}
					if resource == "*" && !strings.HasPrefix(text, "xray:") {
						text += " on everything"
					}
					actions = append(actions, text)
				}
			}
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// listed is a value that stands for a list of one as that list.
func listed(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

func TestWatchingFunctionsAreToldHow(t *testing.T) {
	c := readTemplate(t)
	for _, f := range c.of("AWS::Lambda::Function") {
		key, _ := at(f, "Code", "S3Key").(string)
		if key != "failures.zip" && key != "watch.zip" {
			continue
		}
		got, err := settings.Read(func(name string) string {
			value, _ := at(f, "Environment", "Variables", name).(string)
			return value
		})
		if err != nil || got != settings.Default() {
			t.Errorf("%s: got %+v (%v), want the defaults", key, got, err)
		}
		for _, k := range settings.Keys() {
			if at(f, "Environment", "Variables", k.Variable) == nil {
				t.Errorf("%s: %s is not set", key, k.Variable)
			}
		}
	}
}

func TestOutputsNameWhatToolsNeed(t *testing.T) {
	outputs := readTemplate(t).Outputs
	for _, name := range []string{"TableName", "FailureTopicArn", "AlertTopicArn", "RuleDeadLettersUrl", "FunctionDeadLettersUrl"} {
		if outputs[name].Value == nil {
			t.Errorf("output %s: got none", name)
		}
	}
}

func TestCfnLintFindsNoError(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	out, err := exec.CommandContext(t.Context(), lint, "--non-zero-exit-code", "error", "--regions", "us-east-1", "us-west-2", "eu-central-1", "--template", assembly+"/Chimewatch.template.json").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
