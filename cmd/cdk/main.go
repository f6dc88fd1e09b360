// Command cdk is the CDK app: it reads the configuration, and makes the stack with its checks. The CDK's command line
// runs it, as cdk.json says.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/topiccheck"
	"github.com/chimewatch/chimewatch/stacks"
)

func main() { os.Exit(run()) }

// run returns the exit code after it has ended the CDK's child process.
func run() (code int) {
	defer jsii.Close()
	// Constructs panic when a property is wrong, a check fails or a function cannot be built. That is the deployer's
	// mistake and is printed without a trace; a fault of our own is printed with its trace.
	defer func() {
		switch problem := recover().(type) {
		case nil:
		case runtime.Error:
			panic(problem)
		default:
			fmt.Fprintln(os.Stderr, problem)
			code = 1
		}
	}()
	app := awscdk.NewApp(nil)
	if err := build(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	app.Synth(nil)
	return 0
}

// build reads the configuration, checks it against what is known about the account and the Region, and adds the
// stack to the app.
func build(app awscdk.App) error {
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	chosen, err := config.FromContext(context)
	if err != nil {
		return err
	}
	region := os.Getenv("CDK_DEFAULT_REGION") // set by the CDK's command line
	if err := errors.Join(chosen.CheckRegion(region), chosen.CheckTopicRegions(region)); err != nil {
		return err
	}
	if err := checkTopics(chosen, region); err != nil {
		return err
	}
	stacks.AddChecks(app)
	stacks.NewChimewatchStack(app, &stacks.ChimewatchProps{Config: &chosen})
	return nil
}

// checkTopics refuses topics that do not exist, or that the functions could not publish to. It needs credentials:
// only if the CDK's command line found some does it name the account.
func checkTopics(chosen config.Stack, region string) error {
	if len(chosen.Routes.Topics()) == 0 {
		return nil
	}
	warn := func(about ...any) { fmt.Fprintln(os.Stderr, append([]any{"chimewatch:"}, about...)...) }
	if os.Getenv("CDK_DEFAULT_ACCOUNT") == "" {
		warn("no AWS credentials: whether the topics of the routes exist, and how they are encrypted, is not checked")
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region)) // if empty, that of the environment
	if err != nil {
		warn("whether the topics of the routes exist is not checked:", err)
		return nil
	}
	unchecked, err := topiccheck.Check(ctx, sns.NewFromConfig(aws), chosen.Routes)
	for _, why := range unchecked {
		warn(why)
	}
	return err
}
