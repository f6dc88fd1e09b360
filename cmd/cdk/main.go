// Command cdk is the CDK app: it reads the configuration and makes the stack.
// The CDK's command line runs it, as cdk.json says.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/stacks"
	"github.com/chimewatch/chimewatch/stacks/config"
)

func main() { os.Exit(run()) }

// run gives the exit code, so that the CDK's child process is ended before.
func run() (code int) {
	defer jsii.Close()
	// The CDK panics when a check fails or a function cannot be built, and says
	// what is wrong. A fault of our own keeps its trace.
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
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	chosen, err := config.Read(context)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	root, err := os.Getwd() // the CDK runs the app in the folder of cdk.json
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := stacks.New(app, chosen, root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	app.Synth(nil)
	return 0
}
