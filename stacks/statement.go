package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

// Statement is one statement of a role's policy.
type Statement struct {
	Sid        string
	Actions    []string
	Resources  []*string
	Conditions map[string]any
	// Wildcard is why the resources cannot be named one by one; Findings are what cdk-nag reports about that.
	Wildcard string
	Findings []string
}

// allow adds statements to a role, and acknowledges their wildcards.
func allow(role awsiam.IRole, statements ...Statement) {
	for _, s := range statements {
		props := &awsiam.PolicyStatementProps{
			Sid: jsii.String(s.Sid), Actions: jsii.Strings(s.Actions...), Resources: &s.Resources,
		}
		if s.Conditions != nil {
			props.Conditions = &s.Conditions
		}
		role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(props))
		if s.Wildcard != "" {
			acknowledge(role, "AwsSolutions-IAM5", s.Wildcard, s.Findings...)
		}
	}
}

// arn returns the ARN of a resource in the stack's account and Region.
func arn(stack awscdk.Stack, service, resource, name string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
	})
}
