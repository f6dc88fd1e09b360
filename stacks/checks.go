package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// check runs four rule packs of cdk-nag over the app. A finding that is not
// acknowledged fails the synth.
func (w *watchtower) check(app awscdk.App) {
	w.acknowledgeEverywhere()
	props := &cdknag.NagPackProps{Verbose: jsii.Bool(true)}
	packs := awscdk.Aspects_Of(app)
	packs.Add(cdknag.NewAwsSolutionsChecks(props), nil)
	packs.Add(cdknag.NewHIPAASecurityChecks(props), nil)
	packs.Add(cdknag.NewNIST80053R5Checks(props), nil)
	packs.Add(cdknag.NewServerlessChecks(props), nil)
}

// acknowledgeEverywhere answers the findings of the compliance packs that concern
// the whole stack.
func (w *watchtower) acknowledgeEverywhere() {
	suppressions := []*cdknag.NagPackSuppression{}
	for _, answer := range w.answers() {
		for _, rule := range answer.rules {
			suppressions = append(suppressions,
				&cdknag.NagPackSuppression{Id: jsii.String(rule), Reason: jsii.String(answer.reason)})
		}
	}
	cdknag.NagSuppressions_AddStackSuppressions(w.stack, &suppressions, nil)
}

// answer is why some rules of the packs are not followed.
type answer struct {
	rules  []string
	reason string
}

// both are the ids of a rule that the HIPAA and the NIST packs share.
func both(rule string) []string { return []string{"HIPAA.Security-" + rule, "NIST.800.53.R5-" + rule} }

func (w *watchtower) answers() []answer {
	answers := []answer{
		{both("IAMNoInlinePolicy"), "Each policy belongs to one role and changes with the code of its function; " +
			"a managed policy could be attached elsewhere."},
		{both("LambdaInsideVPC"), "The functions call public AWS endpoints only, over TLS; " +
			"they use no resource inside a VPC."},
		{append(both("LambdaDLQ"), "Serverless-LambdaDLQ"), "What fails goes to an OnFailure destination, a queue, " +
			"which also holds the reason; a dead-letter queue would hold the event alone. " +
			"The next run of watch is its retry."},
		{[]string{"Serverless-LambdaAsyncFailureDestination"}, "watch runs every minute: its next run is its retry, " +
			"and alarms report that it fails or does not run."},
		{[]string{"Serverless-LambdaEventSourceMappingDestination"}, "An SQS source has no failure destination; " +
			"its queue has a dead-letter queue."},
		{both("DynamoDBInBackupPlan"), "Point-in-time recovery covers up to 35 days. A backup plan is the account's " +
			"policy, and would keep personal data for longer than retentionDays."},
		{both("CloudWatchLogGroupEncrypted"), "CloudWatch Logs encrypts every log group with a key of its own. " +
			"Log lines hold no full phone number."},
	}
	if w.chosen.ReservedConcurrency == 0 {
		answers = append(answers, answer{both("LambdaConcurrency"), "Reserving is a choice of the deployer " +
			"(reservedConcurrency): the quota of a new account is too small for it. Alarms report throttling."})
	}
	if !w.chosen.Tracing {
		answers = append(answers, answer{[]string{"Serverless-LambdaTracing"}, "The deployer turned tracing off."})
	}
	return answers
}

// acknowledge records why a finding of cdk-nag on a construct is as it should be.
func acknowledge(c constructs.IConstruct, rule, reason string, appliesTo ...string) {
	suppression := &cdknag.NagPackSuppression{Id: jsii.String(rule), Reason: jsii.String(reason)}
	if len(appliesTo) > 0 {
		var list []any
		for _, finding := range appliesTo {
			list = append(list, finding)
		}
		suppression.AppliesTo = &list
	}
	cdknag.NagSuppressions_AddResourceSuppressions(c, &[]*cdknag.NagPackSuppression{suppression}, jsii.Bool(true))
}
