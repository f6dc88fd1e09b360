// The infrastructure of a call center: the bucket of its recordings, and chimewatch.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/stacks"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("CallCenter"), nil)
	awss3.NewBucket(stack, jsii.String("Recordings"), nil)

	config := stacks.DefaultConfig()
	config.FailureEmails = []string{"ops@example.com"}
	config.AlarmEmails = []string{"ops@example.com"}
	config.RetentionDays = 30
	config.VoiceSources = []string{stacks.VoiceSQS}
	watch := stacks.NewChimewatch(stack, jsii.String("Chimewatch"), &stacks.ChimewatchProps{Config: &config})
	watch.AddOutputs(stack) // for the command: chimewatch calls list --stack CallCenter

	app.Synth(nil)
}
