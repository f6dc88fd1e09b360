package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// addRules makes the rules of the routing table on the default bus, and the schedules. A run that cannot be started is
// only retried until the next one is due.
func (c *Chimewatch) addRules() {
	account := *awscdk.Stack_Of(c.Construct).Account()
	delivery := c.config.Delivery
	for _, rule := range eventrule.Table(eventrule.Options{Rehearsal: c.config.Rehearsal, Account: account}) {
		c.Rules = append(c.Rules, awsevents.NewRule(c.Construct, jsii.String("Rule-"+rule.Name), &awsevents.RuleProps{
			Description: jsii.String(rule.Description), EventPattern: patternOf(rule),
			Targets: c.target(rule.Name, rule.Function, &awseventstargets.LambdaFunctionProps{
				DeadLetterQueue: c.RuleDeadLetters, RetryAttempts: jsii.Number(delivery.Max), MaxEventAge: seconds(delivery.Age),
			}),
		}))
	}
	for _, s := range eventrule.Schedules() {
		schedule := awsevents.NewRule(c.Construct, jsii.String("Schedule-"+s.Name), &awsevents.RuleProps{
			Description: jsii.String(s.Description), Schedule: awsevents.Schedule_Rate(seconds(s.Every)),
			Targets: c.target(s.Name, s.Function, &awseventstargets.LambdaFunctionProps{
				RetryAttempts: jsii.Number(2), MaxEventAge: seconds(time.Minute),
			}),
		})
		acknowledge(schedule, "No event is lost if a run cannot be started: the next run does the same, "+
			"and an alarm reports that none runs.", "Serverless-EventBusDLQ")
	}
}

// target returns the target of a rule: the function that it names.
func (c *Chimewatch) target(rule, name string, props *awseventstargets.LambdaFunctionProps) *[]awsevents.IRuleTarget {
	f, ok := c.Functions[name]
	if !ok {
		panic(apperr.New(apperr.Internal, "rule "+rule,
			fmt.Sprintf("has the target %q, a function that is not deployed", name), "add it to internal/functionspec"))
	}
	return &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f, props)}
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
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
