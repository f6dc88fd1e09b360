// Package stacks is the infrastructure of chimewatch as CDK constructs: Chimewatch for an app of your own,
// its parts, and ChimewatchStack, which cmd/cdk deploys. Constructs panic where a property is wrong, as those of
// the CDK do.
package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
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
	// RuleDeadLetters stores events that EventBridge could not deliver, FunctionDeadLetters the records of
	// invocations that failed at each attempt.
	RuleDeadLetters, FunctionDeadLetters awssqs.Queue
	// Functions are the functions by name, such as status. Rules invoke them with events.
	Functions map[string]awslambda.Function
	// Rules match events of the default bus.
	Rules []awsevents.Rule
	// Voice receives voice-analytics notifications; nil without VoiceSources.
	Voice *VoiceIngest

	config Config
	// ownAlarmTopic is AlarmTopic, unless the deployer chose another topic.
	ownAlarmTopic awssns.Topic
}

// NewChimewatch makes everything but the outputs that the command chimewatch reads: see AddOutputs. Its parts add
// their resources directly to it, with ids that begin with the part's id, so that logical ids do not depend on
// how the parts are divided.
func NewChimewatch(scope constructs.Construct, id *string, props *ChimewatchProps) *Chimewatch {
	p := props.withDefaults()
	settings := *p.Config
	validate(settings)
	this := constructs.NewConstruct(scope, id)
	c := &Chimewatch{
		Construct: this, Table: p.Table, AlarmTopic: p.AlarmTopic, Functions: map[string]awslambda.Function{},
		config: settings,
	}
	days, retain := float64(settings.RetentionDays), settings.Retain
	switch {
	case c.Table != nil:
	case settings.TableName != "":
		c.Table = awsdynamodb.Table_FromTableName(this, jsii.String("Table"), &settings.TableName)
	default:
		c.Table = NewTable(this, jsii.String("Table"), &TableProps{RetentionDays: days, Retain: retain})
	}
	if c.AlarmTopic == nil && settings.AlarmTopicARN != "" {
		c.AlarmTopic = awssns.Topic_FromTopicArn(this, jsii.String("AlarmTopic"), &settings.AlarmTopicARN)
	}
	key := newTopicKey(this, "TopicKey", "Encrypts the notifications of chimewatch")
	c.FailureTopic = NewNotificationTopic(this, jsii.String("FailureTopic"), &NotificationTopicProps{
		DisplayName: jsii.String("Call analytics failures"), Key: key, Emails: settings.FailureEmails,
		Alarms: c.AlarmTopic == nil, // the alarm about undelivered alarms
	})
	c.AlertTopic = NewNotificationTopic(this, jsii.String("AlertTopic"), &NotificationTopicProps{
		DisplayName: jsii.String("Call alerts"), Key: key, Emails: settings.AlertEmails,
	})
	if c.AlarmTopic == nil {
		// The alarms have a topic and a key of their own, so that they report faults of the others.
		c.ownAlarmTopic = NewNotificationTopic(this, jsii.String("AlarmTopic"), &NotificationTopicProps{
			DisplayName: jsii.String("chimewatch alarms"), Emails: settings.AlarmEmails, Alarms: true,
			Key: newTopicKey(this, "AlarmTopicKey", "Encrypts the alarms of chimewatch"),
		})
		c.AlarmTopic = c.ownAlarmTopic
	}
	c.addRegionRules()
	c.warnWhereNobodyIsSubscribed()
	deadLetters := &DeadLetterQueueProps{RetentionDays: days, Retain: retain}
	c.RuleDeadLetters = NewDeadLetterQueue(this, jsii.String("RuleDeadLetters"), deadLetters)
	c.FunctionDeadLetters = NewDeadLetterQueue(this, jsii.String("FunctionDeadLetters"), deadLetters)
	c.addFunctions(p.Code, key)
	c.addRules()
	if len(settings.VoiceSources) > 0 {
		c.Voice = NewVoiceIngest(this, jsii.String("Voice"), &VoiceIngestProps{
			Function: c.Functions["voice"], Sources: settings.VoiceSources, AccessRole: settings.VoiceAccessRole,
			RetentionDays: days, Retain: retain,
		})
	}
	c.addAlarms()
	return c
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
	add("HttpsBody", "What https subscribers receive; chimewatch topics test sends the same",
		jsii.String(c.config.HTTPS.String()))
	add("RuleDeadLettersUrl", "Events that EventBridge could not deliver", c.RuleDeadLetters.QueueUrl())
	add("FunctionDeadLettersUrl", "Records of invocations that failed at each attempt", c.FunctionDeadLetters.QueueUrl())
	for _, f := range c.deployed() {
		add(constructID(f.Name)+"FunctionName", f.Description, c.Functions[f.Name].FunctionName())
	}
	if c.Voice != nil {
		c.Voice.addOutputs(add)
	}
}

// NewChimewatchStack makes a stack with a Chimewatch and its outputs. Findings of cdk-nag that concern the whole
// stack are acknowledged in it.
func NewChimewatchStack(scope constructs.Construct, props *ChimewatchProps) awscdk.Stack {
	settings := props.withDefaults().Config
	stack := awscdk.NewStack(scope, &settings.StackName, &awscdk.StackProps{
		Description: jsii.String("Watches Amazon Chime SDK call analytics"), TerminationProtection: &settings.Production,
	})
	// The CDK leaves the id Default out of logical ids, so they are those that the stack had before there was a
	// construct: an update of a deployed stack replaces nothing.
	NewChimewatch(stack, jsii.String("Default"), props).AddOutputs(stack)
	acknowledgeInStack(stack, *settings)
	return stack
}
