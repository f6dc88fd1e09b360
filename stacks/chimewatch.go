// Package stacks is the infrastructure of chimewatch as CDK constructs: Chimewatch for an app of your own,
// its parts, and ChimewatchStack, which cmd/cdk deploys. Constructs panic where a property is wrong, as those of
// the CDK do.
package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// Chimewatch watches the call analytics of the account and Region that it is deployed to.
type Chimewatch struct {
	// Construct is the scope of all parts.
	Construct constructs.Construct
	// Table stores calls, incidents and consent.
	Table awsdynamodb.ITable
	// FailureTopic receives notifications about incidents, AlertTopic those about rule matches, AlarmTopic the
	// alarms about chimewatch itself.
	FailureTopic, AlertTopic awssns.Topic
	AlarmTopic               awssns.ITopic
	// RuleDeadLetters keeps events that EventBridge could not deliver, FunctionDeadLetters the records of
	// invocations that failed at each attempt.
	RuleDeadLetters, FunctionDeadLetters awssqs.Queue
	// Functions are the functions by name, such as status. Rules invoke them with events.
	Functions map[string]awslambda.Function
	// Rules match events of the default bus.
	Rules []awsevents.Rule
	// Voice receives voice-analytics notifications; nil without VoiceSources.
	Voice *VoiceIngest

	props  ChimewatchProps // with defaults
	config config.Stack    // what props stand for
	// ownAlarmTopic is AlarmTopic, unless the deployer chose another topic.
	ownAlarmTopic awssns.Topic
}

// NewChimewatch makes everything but the outputs that the command chimewatch reads: see AddOutputs. Its parts add
// their resources directly to it, with ids that begin with the part's id, so that logical ids do not depend on
// how the parts are divided.
func NewChimewatch(scope constructs.Construct, id *string, props *ChimewatchProps) *Chimewatch {
	p := props.withDefaults()
	this := constructs.NewConstruct(scope, id)
	c := &Chimewatch{Construct: this, Functions: map[string]awslambda.Function{}, props: p, config: p.config()}
	newRegionRules(this, p)
	if c.Table = p.Table; c.Table == nil {
		c.Table = NewTable(this, jsii.String("Table"), &TableProps{RetentionDays: *p.RetentionDays, Retain: *p.Retain})
	}
	key := newTopicKey(this, "TopicKey", "Encrypts the notifications of chimewatch")
	c.FailureTopic = NewNotificationTopic(this, jsii.String("FailureTopic"), &NotificationTopicProps{
		DisplayName: jsii.String("Call analytics failures"), Key: key, Emails: p.FailureEmails,
		Alarms: p.AlarmTopic == nil, // the alarm about undelivered alarms
	})
	c.AlertTopic = NewNotificationTopic(this, jsii.String("AlertTopic"), &NotificationTopicProps{
		DisplayName: jsii.String("Call alerts"), Key: key, Emails: p.AlertEmails,
	})
	if c.AlarmTopic = p.AlarmTopic; c.AlarmTopic == nil {
		// The alarms have a topic and a key of their own, so that they report faults of the others.
		c.ownAlarmTopic = NewNotificationTopic(this, jsii.String("AlarmTopic"), &NotificationTopicProps{
			DisplayName: jsii.String("chimewatch alarms"), Emails: p.AlarmEmails, Alarms: true,
			Key: newTopicKey(this, "AlarmTopicKey", "Encrypts the alarms of chimewatch"),
		})
		c.AlarmTopic = c.ownAlarmTopic
	}
	warnWhereNobodyIsSubscribed(this, p)
	deadLetters := &DeadLetterQueueProps{RetentionDays: *p.RetentionDays, Retain: *p.Retain}
	c.RuleDeadLetters = NewDeadLetterQueue(this, jsii.String("RuleDeadLetters"), deadLetters)
	c.FunctionDeadLetters = NewDeadLetterQueue(this, jsii.String("FunctionDeadLetters"), deadLetters)
	c.newFunctions(key)
	table := eventrule.Table(eventrule.Options{Rehearsal: *p.Rehearsal, Account: *awscdk.Stack_Of(this).Account()})
	for _, rule := range table {
		c.Rules = append(c.Rules, newRule(this, rule, c.function(rule.Name, rule.Function), c.RuleDeadLetters, p))
	}
	for _, schedule := range eventrule.Schedules() {
		newSchedule(this, schedule, c.function(schedule.Name, schedule.Function))
	}
	if len(p.VoiceSources) > 0 {
		c.Voice = NewVoiceIngest(this, jsii.String("Voice"), &VoiceIngestProps{
			Function: c.Functions["voice"], Sources: p.VoiceSources, AccessRole: *p.VoiceAccessRole,
			RetentionDays: *p.RetentionDays, Retain: *p.Retain,
		})
	}
	NewAlarms(this, jsii.String("Default"), &AlarmsProps{Chimewatch: c}) // Default: see NewChimewatchStack
	return c
}

// function returns the function that a rule names.
func (c *Chimewatch) function(rule, name string) awslambda.Function {
	f, ok := c.Functions[name]
	if !ok {
		panic(apperr.New(apperr.Internal, "rule "+rule,
			fmt.Sprintf("has the target %q, a function that is not deployed", name), "add it to internal/functionspec"))
	}
	return f
}

// AddOutputs adds outputs to a stack by which the command chimewatch finds the table, topics and queues (its
// option --stack names the stack), and those that the configuration of Amazon Chime needs. Their names are fixed:
// a stack has room for the outputs of one Chimewatch.
func (c *Chimewatch) AddOutputs(stack awscdk.Stack) {
	add := func(name, description string, value *string) {
		awscdk.NewCfnOutput(stack, jsii.String(name),
			&awscdk.CfnOutputProps{Value: value, Description: jsii.String(description)})
	}
	add("TableName", "The table of calls; the command chimewatch finds it by this output", c.Table.TableName())
	add("FailureTopicArn", "Subscribe here for incidents", c.FailureTopic.TopicArn())
	add("AlertTopicArn", "Subscribe here for rule matches", c.AlertTopic.TopicArn())
	add("AlarmTopicArn", "Subscribe here for faults of chimewatch itself", c.AlarmTopic.TopicArn())
	add("HttpsBody", "What https subscribers receive; chimewatch topics test sends the same", jsii.String(c.config.HTTPS.String()))
	add("RuleDeadLettersUrl", "Events that EventBridge could not deliver", c.RuleDeadLetters.QueueUrl())
	add("FunctionDeadLettersUrl", "Records of invocations that failed at each attempt",
		c.FunctionDeadLetters.QueueUrl())
	for _, f := range deployed(c.props) {
		add(constructID(f.Name)+"FunctionName", f.Description, c.Functions[f.Name].FunctionName())
	}
	if c.Voice != nil {
		c.Voice.addOutputs(add)
	}
}

// ChimewatchStackProps are the properties of a stack that has nothing but a Chimewatch.
type ChimewatchStackProps struct {
	awscdk.StackProps
	ChimewatchProps
	// TableName and AlarmTopicArn are names of existing resources, instead of Table and AlarmTopic.
	TableName, AlarmTopicArn *string
}

// NewChimewatchStack makes a stack with a Chimewatch and its outputs. Findings of cdk-nag that concern the whole
// stack are acknowledged in it.
func NewChimewatchStack(scope constructs.Construct, id *string, props *ChimewatchStackProps) awscdk.Stack {
	stack := awscdk.NewStack(scope, id, &props.StackProps)
	p := props.ChimewatchProps
	if props.TableName != nil {
		p.Table = awsdynamodb.Table_FromTableName(stack, jsii.String("Table"), props.TableName)
	}
	if props.AlarmTopicArn != nil {
		p.AlarmTopic = awssns.Topic_FromTopicArn(stack, jsii.String("AlarmTopic"), props.AlarmTopicArn)
	}
	// The CDK leaves the id Default out of logical ids, so they are those that the stack had before there was a
	// construct: an update of a deployed stack replaces nothing.
	c := NewChimewatch(stack, jsii.String("Default"), &p)
	c.AddOutputs(stack)
	acknowledgeInStack(stack, c.props)
	return stack
}
