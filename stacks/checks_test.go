package stacks_test

import (
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// Every finding of the packs AwsSolutions, HIPAA Security, NIST 800-53 and
// Serverless is acknowledged.
func TestEveryConfigurationPassesTheChecks(t *testing.T) {
	inEveryConfiguration(t, func(*testing.T, synthesized) {}) // which fails where the synth does
}

// Each setting has another value than its default in at least one of the configurations. Otherwise the tests would
// pass with a constant in its place.
func TestEverySettingVariesAmongTheConfigurations(t *testing.T) {
	standard := reflect.ValueOf(config.Default())
	for i := range standard.NumField() {
		made := false
		for _, c := range configurations() {
			made = made || !reflect.DeepEqual(reflect.ValueOf(c).Field(i).Interface(), standard.Field(i).Interface())
		}
		if !made {
			t.Errorf("%s is the default in every configuration", standard.Type().Field(i).Name)
		}
	}
}

// A stack in production is protected from deletion, and no other.
func TestProductionIsProtected(t *testing.T) {
	inEveryConfiguration(t, func(t *testing.T, s synthesized) {
		if s.protected != s.chosen.Production {
			t.Errorf("got protected %t, want %t", s.protected, s.chosen.Production)
		}
	})
}

// The packs fail the synth of a stack that does not comply.
func TestChecksFailWhatDoesNotComply(t *testing.T) {
	app, stack := newStack(t, config.Default())
	awssqs.NewQueue(stack, jsii.String("Careless"), nil)
	awss3.NewBucket(stack, jsii.String("Open"), nil)
	awslambda.NewFunction(stack, jsii.String("Untraced"), &awslambda.FunctionProps{
		Runtime: awslambda.Runtime_PROVIDED_AL2023(), Handler: jsii.String("bootstrap"), Code: codeOf(t)("status", "arm64"),
	})
	report, _ := synth(t, app)
	for _, finding := range []string{
		"AwsSolutions-SQS4", "HIPAA.Security-S3DefaultEncryptionKMS", "NIST.800.53.R5-S3BucketVersioningEnabled",
		"Serverless-LambdaTracing",
	} {
		if !strings.Contains(report, finding) {
			t.Errorf("got no finding %s in the report of a careless stack", finding)
		}
	}
}

// cfn-lint finds no error in the three Regions.
func TestCfnLintFindsNoError(t *testing.T) {
	lint := need.Tool(t, "cfn-lint")
	args := []string{"--non-zero-exit-code", "error", "--regions"}
	args = append(append(args, config.CallAnalyticsRegions...), "--template")
	for name := range configurations() {
		if s := stackOf(t, name); s.file != "" {
			args = append(args, s.file)
		}
	}
	if out, err := exec.CommandContext(t.Context(), lint, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
