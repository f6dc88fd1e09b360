package stacks_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// wantAcknowledged are the rules of cdk-nag that are acknowledged for the whole stack.
// All other rules also check what is added later.
func wantAcknowledged(c config.Stack) []string {
	rules := []string{
		"CloudWatchLogGroupEncrypted", "DynamoDBInBackupPlan", "IAMNoInlinePolicy", "LambdaDLQ", "LambdaInsideVPC",
	}
	if c.ReservedConcurrency == 0 {
		rules = append(rules, "LambdaConcurrency")
	}
	want := []string{
		"Serverless-LambdaAsyncFailureDestination", "Serverless-LambdaDLQ",
		"Serverless-LambdaEventSourceMappingDestination",
	}
	if !c.Tracing {
		want = append(want, "Serverless-LambdaTracing")
	}
	for _, rule := range rules {
		want = append(want, "HIPAA.Security-"+rule, "NIST.800.53.R5-"+rule)
	}
	slices.Sort(want)
	return want
}

// acknowledgements are those in the metadata of the stack or of a resource.
func acknowledgements(metadata map[string]any) []any {
	return cfn.Listed(cfn.At(metadata, "cdk_nag", "rules_to_suppress"))
}

func acknowledgementChecks() []check {
	acknowledge := func(metadata map[string]any, acknowledgement map[string]any) {
		all := cfn.At(metadata, "cdk_nag").(map[string]any)
		all["rules_to_suppress"] = append(all["rules_to_suppress"].([]any), acknowledgement)
	}
	return []check{{
		name: "findings are acknowledged for what they are about",
		find: func(s synthesized) (problems []string) {
			var got []string
			for _, a := range acknowledgements(s.Metadata) {
				got = append(got, fmt.Sprint(cfn.At(a, "id")))
			}
			slices.Sort(got)
			if diff := cmp.Diff(wantAcknowledged(s.chosen), got); diff != "" {
				problems = append(problems, "for the stack: want (-), got (+):\n"+diff)
			}
			for _, r := range s.Resources {
				for _, a := range acknowledgements(r.Metadata) {
					if !acknowledgedWhere(s, r, a) {
						problems = append(problems, r.Path()+": got the acknowledgement "+cfn.AsText(a))
					}
				}
			}
			return problems
		},
		breakages: []breakage{
			{name: "wildcards in the whole stack", do: func(c cfn.Template) {
				acknowledge(c.Metadata, map[string]any{"id": "AwsSolutions-IAM5"})
			}},
			{name: "what the deployer did not choose", do: func(c cfn.Template) {
				acknowledge(c.Metadata, map[string]any{"id": "Serverless-LambdaTracing"})
			}},
			{name: "every wildcard of a role", do: func(c cfn.Template) {
				delete(acknowledgements(c.Get(iamRole, "StatusRole").Metadata)[0].(map[string]any), "applies_to")
			}},
			{name: "every action of a service", do: func(c cfn.Template) {
				acknowledge(c.Get(iamRole, "StatusRole").Metadata, map[string]any{
					"id": "AwsSolutions-IAM5", "applies_to": []any{"Action::s3:*"},
				})
			}},
			{name: "another queue", do: func(c cfn.Template) {
				c.Get(sqsQueue, "VoiceQueue").Metadata["cdk_nag"] = c.Get(sqsQueue, "RuleDeadLetters").Metadata["cdk_nag"]
			}},
		},
	}}
}

// acknowledgedWhere reports whether a finding may be acknowledged on a resource:
// resources that have no name before they exist, and what is a dead-letter queue, a
// topic of notifications or a copy of data itself.
func acknowledgedWhere(s synthesized, r *cfn.Resource, acknowledgement any) bool {
	first, _, _ := strings.Cut(r.Path(), "/") // with what belongs to it
	switch cfn.At(acknowledgement, "id") {
	case "AwsSolutions-IAM5":
		findings := cfn.Listed(cfn.At(acknowledgement, "applies_to"))
		anything := func(finding any) bool { return !strings.HasPrefix(fmt.Sprint(finding), "Resource::") }
		return len(findings) > 0 && !slices.ContainsFunc(findings, anything) && s.Get(iamRole, first) != nil
	case "AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy":
		return strings.HasSuffix(first, "DeadLetters")
	case "Serverless-SNSRedrivePolicy":
		return s.Get(snsTopic, first) != nil
	case "Serverless-EventBusDLQ":
		return first == "Schedule-watch"
	case "AwsSolutions-KDS3":
		return first == "VoiceStream"
	case "HIPAA.Security-S3DefaultEncryptionKMS", "NIST.800.53.R5-S3DefaultEncryptionKMS":
		return first == "VoiceStreamFailuresLog"
	case "HIPAA.Security-S3BucketReplicationEnabled", "NIST.800.53.R5-S3BucketReplicationEnabled",
		"HIPAA.Security-S3BucketVersioningEnabled", "NIST.800.53.R5-S3BucketVersioningEnabled":
		return s.Get(s3Bucket, first) != nil
	}
	return false
}
