package stacks

import (
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	// So that go.sum of every module which imports this package has all that the functions are built of.
	_ "github.com/chimewatch/chimewatch/internal/app"
)

// Code returns the code of a function, named by its folder below functions/, for an
// architecture, arm64 or x86_64.
type Code func(function, architecture string) awslambda.Code

// Build returns code that go build makes when the app is synthesized: static binaries, the same bytes for the same
// source and Go release. dir is a folder of a module that requires chimewatch, or of chimewatch itself; the
// binaries are written below its folder bin/lambda.
func Build(dir string) Code {
	return func(function, architecture string) awslambda.Code {
		output := filepath.Join("bin", "lambda", architecture, function)
		environment := map[string]string{}
		for _, pair := range os.Environ() {
			key, value, _ := strings.Cut(pair, "=")
			environment[key] = value
		}
		goarch := map[string]string{"arm64": "arm64", "x86_64": "amd64"}[architecture]
		maps.Copy(environment, map[string]string{"GOOS": "linux", "GOARCH": goarch, "CGO_ENABLED": "0"})
		return awslambda.Code_FromCustomCommand(jsii.String(filepath.Join(dir, output)), jsii.Strings(
			"go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=",
			"-o", filepath.Join(output, "bootstrap"), "github.com/chimewatch/chimewatch/functions/"+function,
		), &awslambda.CustomCommandOptions{CommandOptions: &map[string]any{"cwd": dir, "env": environment}})
	}
}
