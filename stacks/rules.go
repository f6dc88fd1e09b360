package stacks

import (
	"encoding/json"
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// newRule makes a rule of the routing table on the default bus, with the function as its target.
func newRule(
	scope constructs.Construct, rule eventrule.Rule, f awslambda.Function, deadLetters awssqs.IQueue, p ChimewatchProps,
) awsevents.Rule {
	return awsevents.NewRule(scope, jsii.String("Rule-"+rule.Name), &awsevents.RuleProps{
		Description: jsii.String(rule.Description), EventPattern: patternOf(rule),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: deadLetters, RetryAttempts: p.DeliveryAttempts, MaxEventAge: p.DeliveryAge,
		})},
	})
}

// newSchedule invokes a function again and again. A run that cannot be started is only retried until the next one
// is due.
func newSchedule(scope constructs.Construct, s eventrule.Schedule, f awslambda.Function) {
	rule := awsevents.NewRule(scope, jsii.String("Schedule-"+s.Name), &awsevents.RuleProps{
		Description: jsii.String(s.Description),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(s.Every.Minutes()))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f, &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(2), MaxEventAge: awscdk.Duration_Minutes(jsii.Number(1)),
		})},
	})
	acknowledge(rule, "Serverless-EventBusDLQ", "No event is lost if a run cannot be started: "+
		"the next run does the same, and an alarm reports that none runs.")
}

// patternOf returns the pattern of a rule in the CDK's form.
func patternOf(rule eventrule.Rule) *awsevents.EventPattern {
	fields := maps.Clone(rule.Pattern)
	fields["detailType"] = fields["detail-type"] // the CDK's name for it
	delete(fields, "detail-type")
	pattern := &awsevents.EventPattern{}
	text, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(text, pattern)
	}
	if err != nil {
		panic(apperr.Wrap(err, apperr.Internal, "rule "+rule.Name, "has a pattern that the CDK does not know", ""))
	}
	return pattern
}
