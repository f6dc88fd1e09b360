// Package stacks is what is deployed: one file for each concern, and in config
// what a deployer may choose.
package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/rules"
	"github.com/chimewatch/chimewatch/stacks/config"
)

// watchtower is the stack while it is put together.
type watchtower struct {
	stack     awscdk.Stack
	chosen    config.Stack
	root      string
	table     awsdynamodb.Table
	topics    topics
	queues    queues
	voice     voice
	functions map[string]function
	rules     []awsevents.Rule
}

// New puts the stack into an app, and the AwsSolutions checks over the app. root
// is the folder of go.mod, from which functions are built. An error means that
// the routing table names what is not deployed.
func New(app awscdk.App, chosen config.Stack, root string) (awscdk.Stack, error) {
	w := &watchtower{chosen: chosen, root: root, functions: map[string]function{}}
	w.stack = awscdk.NewStack(app, jsii.String(chosen.StackName), &awscdk.StackProps{
		Description: jsii.String("Watches Amazon Chime SDK call analytics"),
		// The account and Region are those of the deployment.
		TerminationProtection: jsii.Bool(chosen.Production),
	})
	w.table = w.newTable()
	w.topics = w.newTopics()
	w.queues = w.newQueues()
	for _, spec := range w.specs() {
		w.functions[spec.name] = w.newFunction(spec)
	}
	for _, rule := range rules.Table(rules.Options{Rehearsal: !chosen.Production}) {
		if err := w.route(rule); err != nil {
			return nil, err
		}
	}
	for _, schedule := range rules.Schedules() {
		if err := w.schedule(schedule); err != nil {
			return nil, err
		}
	}
	w.newVoice()
	w.newAlarms()
	w.newOutputs()
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	return w.stack, nil
}

// functionOf finds the function that a rule names.
func (w *watchtower) functionOf(rule, name string) (function, error) {
	f, ok := w.functions[name]
	if !ok {
		return f, fault.New(fault.Internal, "rule "+rule, fmt.Sprintf("goes to the function %q, which the stack does not deploy", name), "add it to the stack")
	}
	return f, nil
}

// acknowledge tells cdk-nag why a finding is as it should be.
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
