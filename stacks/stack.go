package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

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
