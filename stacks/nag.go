package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// AddChecks runs four rule packs of cdk-nag over an app. A finding that is not acknowledged fails the synth.
func AddChecks(app awscdk.App) {
	props := &cdknag.NagPackProps{Verbose: jsii.Bool(true)}
	packs := awscdk.Aspects_Of(app)
	packs.Add(cdknag.NewAwsSolutionsChecks(props), nil)
	packs.Add(cdknag.NewHIPAASecurityChecks(props), nil)
	packs.Add(cdknag.NewNIST80053R5Checks(props), nil)
	packs.Add(cdknag.NewServerlessChecks(props), nil)
}

// acknowledgeInStack answers the findings of cdk-nag that concern a whole stack.
func acknowledgeInStack(stack awscdk.Stack, settings Config) {
	suppressions := []*cdknag.NagPackSuppression{}
	because := func(reason string, rules ...string) {
		for _, rule := range rules {
			suppressions = append(suppressions,
				&cdknag.NagPackSuppression{Id: jsii.String(rule), Reason: jsii.String(reason)})
		}
	}
	because("Each policy belongs to one role and changes with the code of its function; "+
		"a managed policy could be attached elsewhere.", hipaaAndNIST("IAMNoInlinePolicy")...)
	because("The functions call public AWS endpoints only, over TLS; they use no resource inside a VPC.",
		hipaaAndNIST("LambdaInsideVPC")...)
	because("What fails goes to an OnFailure destination, a queue, which also keeps the reason; a dead-letter queue "+
		"would keep the event alone. The next run of watch is its retry.",
		append(hipaaAndNIST("LambdaDLQ"), "Serverless-LambdaDLQ")...)
	because("watch runs every minute: its next run is its retry, and alarms report that it fails or does not run.",
		"Serverless-LambdaAsyncFailureDestination")
	because("An SQS source has no failure destination; its queue has a dead-letter queue.",
		"Serverless-LambdaEventSourceMappingDestination")
	because("Point-in-time recovery covers up to 35 days. A backup plan is the account's policy, and would keep "+
		"personal data for longer than retentionDays.", hipaaAndNIST("DynamoDBInBackupPlan")...)
	because("CloudWatch Logs encrypts every log group with a key of its own. Log lines have no full phone number.",
		hipaaAndNIST("CloudWatchLogGroupEncrypted")...)
	if settings.ReservedConcurrency == 0 {
		because("Reserving is a choice of the deployer (reservedConcurrency): the quota of a new account is too "+
			"small for it. Alarms report throttling.", hipaaAndNIST("LambdaConcurrency")...)
	}
	if !settings.Tracing {
		because("The deployer turned tracing off.", "Serverless-LambdaTracing")
	}
	cdknag.NagSuppressions_AddStackSuppressions(stack, &suppressions, nil)
}

// hipaaAndNIST returns the ids of rules that both packs have.
func hipaaAndNIST(rules ...string) (ids []string) {
	for _, rule := range rules {
		ids = append(ids, "HIPAA.Security-"+rule, "NIST.800.53.R5-"+rule)
	}
	return ids
}

// acknowledge records why findings of cdk-nag on a construct are correct as they are.
func acknowledge(c constructs.IConstruct, reason string, rules ...string) {
	suppressions := make([]*cdknag.NagPackSuppression, len(rules))
	for i, rule := range rules {
		suppressions[i] = &cdknag.NagPackSuppression{Id: &rule, Reason: &reason}
	}
	cdknag.NagSuppressions_AddResourceSuppressions(c, &suppressions, jsii.Bool(true))
}

// acknowledgeWildcard records why a role's statement has a resource with an asterisk.
func acknowledgeWildcard(role constructs.IConstruct, reason, resource string) {
	cdknag.NagSuppressions_AddResourceSuppressions(role, &[]*cdknag.NagPackSuppression{{
		Id: jsii.String("AwsSolutions-IAM5"), Reason: &reason, AppliesTo: &[]any{"Resource::" + resource},
	}}, jsii.Bool(true))
}
