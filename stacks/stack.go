// Package stacks is what is deployed: one file for each concern.
package stacks

import (
	"fmt"
	_ "time/tzdata" // config needs it, and the machine that deploys may not have it

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// watchtower is the stack while it is put together.
type watchtower struct {
	stack     awscdk.Stack
	chosen    config.Stack
	code      Code
	table     awsdynamodb.ITable
	topics    topics
	queues    queues
	voice     voice
	functions map[string]function
	// rules are those of the routing table, without the schedules.
	rules []awsevents.Rule
}

// New puts the stack into an app, with the checks of cdk-nag over the app. It
// returns an error if the routing table names a function that is not deployed.
func New(app awscdk.App, chosen config.Stack, code Code) (awscdk.Stack, error) {
	w := &watchtower{chosen: chosen, code: code, functions: map[string]function{}}
	w.stack = awscdk.NewStack(app, jsii.String(chosen.StackName), &awscdk.StackProps{
		Description: jsii.String("Watches Amazon Chime SDK call analytics"),
		// The account and Region are those of the deployment.
		TerminationProtection: jsii.Bool(chosen.Production),
	})
	w.checkRegions()
	w.table = w.newTable()
	w.topics = w.newTopics()
	w.warnWhereNobodyListens()
	w.queues = w.newQueues()
	for _, spec := range w.specs() {
		w.functions[spec.name] = w.newFunction(spec)
	}
	for _, rule := range eventrule.Table(eventrule.Options{Rehearsal: chosen.Rehearsal, Account: *w.stack.Account()}) {
		if err := w.route(rule); err != nil {
			return nil, err
		}
	}
	for _, schedule := range eventrule.Schedules() {
		if err := w.schedule(schedule); err != nil {
			return nil, err
		}
	}
	if err := w.newVoice(); err != nil {
		return nil, err
	}
	w.newAlarms()
	w.newOutputs()
	w.check(app)
	return w.stack, nil
}

// functionOf finds the function that a rule names.
func (w *watchtower) functionOf(rule, name string) (function, error) {
	f, ok := w.functions[name]
	if !ok {
		return f, apperr.New(apperr.Internal, "rule "+rule, fmt.Sprintf("goes to the function %q, which the stack does not deploy", name), "add it to the stack")
	}
	return f, nil
}
