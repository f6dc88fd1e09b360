package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
)

// tableOutput is the output of the stack that names the table.
const tableOutput = "TableName"

// awsConfig returns the configuration of all AWS clients. As in the AWS CLI, a flag has precedence over
// its environment variable, and that over the profile. It is an error, with what to do, if there is no
// Region or there are no credentials.
func (a *app) awsConfig() (aws.Config, error) {
	if a.Local {
		state, err := local.FindRunning(a.ctx, a.LocalDir)
		return localConfig(state.Endpoint), err
	}
	cfg, err := awsconfig.LoadDefaultConfig(a.ctx,
		awsconfig.WithRegion(a.Region),
		awsconfig.WithSharedConfigProfile(a.Profile),
		awsconfig.WithBaseEndpoint(a.EndpointURL),
		awsconfig.WithLogger(logging.Nop{}), // the error stream is for the error of the command
	)
	var noProfile awsconfig.SharedConfigProfileNotExistError
	if errors.As(err, &noProfile) {
		return cfg, apperr.New(apperr.NotFound, fmt.Sprintf("AWS profile %q", noProfile.Profile),
			"it is not in the AWS configuration files",
			"use --profile with one that \"aws configure list-profiles\" prints")
	}
	if err != nil {
		return cfg, apperr.Wrap(err, apperr.Invalid, "AWS configuration", "it cannot be read",
			"correct ~/.aws/config, ~/.aws/credentials or the AWS_ variable it names")
	}
	if a.EndpointURL != "" {
		if err := checkEndpoint(a.EndpointURL); err != nil {
			return cfg, err
		}
		// Because of AWS_IGNORE_CONFIGURED_ENDPOINT_URLS the SDK ignores the flag, too.
		cfg.BaseEndpoint = aws.String(a.EndpointURL)
	}
	if cfg.Region == "" {
		return cfg, apperr.New(apperr.Invalid, "AWS Region", "none is given",
			"use --region, set AWS_REGION, or run \"aws configure\"")
	}
	if _, err := cfg.Credentials.Retrieve(a.ctx); err != nil {
		return cfg, apperr.Wrap(err, apperr.Invalid, "AWS credentials", "there are none that can be used",
			"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, use --profile, or run \"aws configure\" or \"aws sso login\"")
	}
	return cfg, nil
}

func checkEndpoint(endpoint string) error {
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return usage("--endpoint-url", fmt.Sprintf("%q is no URL of a service", endpoint),
			"give one like http://127.0.0.1:4100")
	}
	return nil
}

// isLoopback reports whether an endpoint is on this machine, and so not AWS itself.
func isLoopback(endpoint *string) bool {
	parsed, err := url.Parse(aws.ToString(endpoint))
	return err == nil && (parsed.Hostname() == "localhost" || net.ParseIP(parsed.Hostname()).IsLoopback())
}

// tableName returns the name of the table: from the flag or the variable, else from the outputs of
// the deployed stack.
func (a *app) tableName(cfg aws.Config) (string, error) {
	if a.Table != "" {
		return a.Table, nil
	}
	const unknown = "the table is not known, as "
	_, outputs, err := a.describeStack(cfg)
	if err != nil {
		known := *asFault(explain(err))
		known.What = unknown + known.What
		return "", &known
	}
	if name, ok := outputs[tableOutput]; ok {
		return name, nil
	}
	return "", apperr.New(apperr.NotFound, "stack "+a.Stack, unknown+"it has no output "+tableOutput,
		"use --table NAME, set "+config.EnvTable+", or name the deployed stack with --stack")
}

// describeStack returns the ARN of the deployed stack, and its outputs by name.
func (a *app) describeStack(cfg aws.Config) (arn string, outputs map[string]string, err error) {
	answer, err := cloudformation.NewFromConfig(cfg).DescribeStacks(a.ctx,
		&cloudformation.DescribeStacksInput{StackName: aws.String(a.Stack)})
	if isNoStack(err) {
		return "", nil, a.noStack(cfg)
	}
	if err != nil {
		return "", nil, apperr.Wrap(err, apperr.Internal, "stack "+a.Stack, "its outputs cannot be read", "")
	}
	outputs = map[string]string{}
	for _, stack := range answer.Stacks { // one, for a name
		arn = aws.ToString(stack.StackId)
		for _, o := range stack.Outputs {
			outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
		}
	}
	return arn, outputs, nil
}

// isNoStack reports whether err is CloudFormation's answer for a stack that does not exist. It has no
// code of its own (API reference, DescribeStacks).
func isNoStack(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == "ValidationError" &&
		strings.HasSuffix(strings.TrimSpace(answer.ErrorMessage()), "does not exist")
}

// noStack returns the error for a stack that does not exist. It says where, because the usual mistake is
// another Region or another profile.
func (a *app) noStack(cfg aws.Config) error {
	place := cfg.Region
	credentials, err := cfg.Credentials.Retrieve(a.ctx)
	if err == nil && credentials.AccountID != "" { // which redact keeps before a Region
		place = "account " + credentials.AccountID + ", " + cfg.Region
	}
	place += " (" + a.profileOf(credentials) + ")"
	if endpoint := aws.ToString(cfg.BaseEndpoint); endpoint != "" {
		place += " at " + endpoint
	}
	return apperr.New(apperr.NotFound, "stack "+a.Stack, "there is no such stack in "+place,
		"check --region and --profile; name the deployed stack with --stack or "+config.EnvStack)
}

// profileOf says where the credentials are from. The flag has precedence over keys in variables, and
// those over a profile that a variable names.
func (a *app) profileOf(credentials aws.Credentials) string {
	named := cmp.Or(a.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"))
	switch {
	case credentials.Source == awsconfig.CredentialsSourceName:
		if named == "" {
			return "with the keys of AWS_ACCESS_KEY_ID"
		}
		return "with the keys of AWS_ACCESS_KEY_ID, not those of profile " + named
	case named == "":
		return "no profile named"
	}
	return "profile " + named
}
