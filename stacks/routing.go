package stacks

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// route makes a rule on the default bus of one of the routing table, with the
// function as its target.
func (w *watchtower) route(rule eventrule.Rule) error {
	f, err := w.functionOf(rule.Name, rule.Function)
	if err != nil {
		return err
	}
	pattern, err := patternOf(rule)
	if err != nil {
		return err
	}
	w.rules = append(w.rules, awsevents.NewRule(w.stack, jsii.String("Rule-"+rule.Name), &awsevents.RuleProps{
		Description: jsii.String(rule.Description), EventPattern: pattern,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f.Function, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: w.queues.rules, RetryAttempts: jsii.Number(w.chosen.Delivery.Max), MaxEventAge: awscdk.Duration_Seconds(jsii.Number(w.chosen.Delivery.Age.Seconds())),
		})},
	}))
	return nil
}

// schedule runs a function again and again. A run that cannot be started is not
// tried for longer than the next one is away, and is no dead letter: the next run
// does the same, and an alarm reports that none runs.
func (w *watchtower) schedule(s eventrule.Schedule) error {
	f, err := w.functionOf(s.Name, s.Function)
	if err != nil {
		return err
	}
	rule := awsevents.NewRule(w.stack, jsii.String("Schedule-"+s.Name), &awsevents.RuleProps{
		Description: jsii.String(s.Description),
		Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(s.Every.Minutes()))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f.Function, &awseventstargets.LambdaFunctionProps{
			RetryAttempts: jsii.Number(2), MaxEventAge: awscdk.Duration_Minutes(jsii.Number(1)),
		})},
	})
	acknowledge(rule, "Serverless-EventBusDLQ", "A run that cannot be started is no event that is lost: "+
		"the next one does the same, and an alarm reports that none runs.")
	return nil
}

// patternOf returns the pattern in the form that the CDK takes.
func patternOf(rule eventrule.Rule) (*awsevents.EventPattern, error) {
	text, err := json.Marshal(rule.Pattern)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "rule "+rule.Name, "has a pattern that is no JSON", "")
	}
	var fields struct {
		Source     []string       `json:"source"`
		Account    []string       `json:"account"`
		DetailType []string       `json:"detail-type"`
		Detail     map[string]any `json:"detail"`
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "rule "+rule.Name,
			"matches the source, the account or the detail type by more than equality", "")
	}
	pattern := &awsevents.EventPattern{Source: jsii.Strings(fields.Source...)}
	if len(fields.DetailType) > 0 {
		pattern.DetailType = jsii.Strings(fields.DetailType...)
	}
	if len(fields.Account) > 0 {
		pattern.Account = jsii.Strings(fields.Account...)
	}
	if fields.Detail != nil {
		pattern.Detail = &fields.Detail
	}
	return pattern, nil
}
