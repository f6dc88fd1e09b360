package stacks_test

import (
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const lambdaPermission = "AWS::Lambda::Permission"

// invokedBy is the grant by which a service invokes a function for one source.
func invokedBy(service, source, function string) string {
	return "[" + function + ".Arn]: " + service + " may lambda:InvokeFunction if SourceArn [" + source + "]"
}

// deadLetteredBy is the grant by which a rule sends to a dead-letter queue.
func deadLetteredBy(rule, queue string) string {
	return queue + ": events.amazonaws.com may sqs:SendMessage on [" + queue + ".Arn]" +
		" if ArnEquals aws:SourceArn [" + rule + ".Arn]"
}

// wantGrants are all that resources grant in a configuration: each to one service, for
// one source or for this account.
func wantGrants(c config.Stack) (want []string) {
	const ours = " if StringEquals aws:SourceAccount [AWS::AccountId]"
	add := func(grants ...string) { want = append(want, grants...) }
	has := func(source string) bool { return slices.Contains(c.VoiceSources, source) }
	key := func(path string) {
		add(path + ": arn:[AWS::Partition]:iam::[AWS::AccountId]:root may kms:* on *") // IAM decides
	}
	for _, r := range eventrule.Table(eventrule.Options{}) {
		add(invokedBy("events.amazonaws.com", "Rule-"+r.Name+".Arn", functionPath(r.Function)))
		add(deadLetteredBy("Rule-"+r.Name, "RuleDeadLetters"))
	}
	for _, r := range eventrule.Schedules() {
		add(invokedBy("events.amazonaws.com", "Schedule-"+r.Name+".Arn", functionPath(r.Function)))
	}
	key("TopicKey")
	if c.AlarmTopicARN == "" {
		key("AlarmTopicKey")
		for topic, key := range map[string]string{"AlarmTopic": "AlarmTopicKey", "FailureTopic": "TopicKey"} {
			add(topic+": cloudwatch.amazonaws.com may sns:Publish on ["+topic+"]"+ours,
				key+": cloudwatch.amazonaws.com may kms:Decrypt, kms:GenerateDataKey on *"+ours)
		}
	}
	if has("sqs") || has("sns") || has("kinesis") {
		key("VoiceKey")
	}
	if has("lambda") {
		for _, service := range []string{"mediapipelines", "voiceconnector"} {
			add("[Voice.Arn]: " + service + ".chime.amazonaws.com may lambda:InvokeFunction" +
				" if SourceAccount [AWS::AccountId]")
		}
	}
	if has("sns") {
		add(invokedBy("sns.amazonaws.com", "VoiceTopic", "Voice"),
			"VoiceDeadLetters: sns.amazonaws.com may sqs:SendMessage on [VoiceDeadLetters.Arn]"+
				" if ArnEquals aws:SourceArn [VoiceTopic]")
	}
	if has("kinesis") {
		add("VoiceStreamFailuresLog: logging.s3.amazonaws.com may s3:PutObject on [VoiceStreamFailuresLog.Arn]/*" +
			" if ArnLike aws:SourceArn [VoiceStreamFailures.Arn]" + ours)
		for _, bucket := range []string{"VoiceStreamFailures", "VoiceStreamFailuresLog"} {
			if !c.Retain { // by the CDK's own function, which deletes objects
				add(bucket + ": [Custom::S3AutoDeleteObjectsCustomResourceProvider/Role.Arn]" +
					" may s3:DeleteObject*, s3:GetBucket*, s3:List*, s3:PutBucketPolicy" +
					" on [" + bucket + ".Arn], [" + bucket + ".Arn]/*")
			}
		}
	}
	slices.Sort(want)
	return want
}

func grantChecks() []check {
	// allow adds a statement to the policy of a resource.
	allow := func(kind, path, document string, statement map[string]any) func(cfn.Template) {
		return func(c cfn.Template) {
			policy := c.Get(kind, path).Properties[document].(map[string]any)
			policy["Statement"] = append(policy["Statement"].([]any), statement)
		}
	}
	return []check{{
		name: "resources grant access to the services that need it, and to nobody else",
		find: func(s synthesized) (problems []string) {
			if diff := cmp.Diff(wantGrants(s.chosen), s.Grants()); diff != "" {
				problems = append(problems, "want (-), got (+):\n"+diff)
			}
			return problems
		},
		breakages: []breakage{
			{name: "anybody sends", do: allow(sqsPolicy, "FunctionDeadLetters/Policy", "PolicyDocument",
				map[string]any{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})},
			{name: "anybody publishes", do: allow(snsPolicy, "FailureTopic/Policy", "PolicyDocument",
				map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "sns:Publish"})},
			{name: "anybody decrypts", do: allow(kmsKey, "VoiceKey", "KeyPolicy",
				map[string]any{"Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"})},
			{name: "any rule invokes", do: func(c cfn.Template) {
				for _, p := range c.Of(lambdaPermission) {
					delete(p.Properties, "SourceArn")
				}
			}},
			{name: "the service may not log who reads", do: remove(s3Policy, "VoiceStreamFailuresLog/Policy")},
			{name: "alarms of any account", do: set(snsPolicy, "AlarmTopic/Policy", map[string]any{},
				"PolicyDocument", "Statement", 1, "Condition")},
		},
	}}
}
