package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local"
)

// withStore calls fn with the table that the flags and the environment name.
func (a *app) withStore(fn func(*dynamo.Store) error) error {
	if a.Local {
		return a.withLocalStore(fn)
	}
	cfg, err := a.awsConfig()
	if err != nil {
		return err
	}
	name, err := a.tableName(cfg)
	if err != nil {
		return err
	}
	return fn(dynamo.New(dynamodb.NewFromConfig(cfg), name, dynamo.Options{}))
}

// withLocalStore calls fn with the local stack's table.
func (a *app) withLocalStore(fn func(*dynamo.Store) error) (err error) {
	endpoint, name, readOnly, leave, err := a.localTable()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	if a.Table != "" {
		name = a.Table
	}
	cfg := localConfig(endpoint)
	if readOnly {
		cfg.APIOptions = append(cfg.APIOptions, a.refuseWrites)
	}
	return fn(dynamo.New(dynamodb.NewFromConfig(cfg), name, dynamo.Options{}))
}

// refuseWrites has a client refuse what would change a table of which only a copy is
// served.
func (a *app) refuseWrites(stack *middleware.Stack) error {
	refuse := func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		switch awsmiddleware.GetOperationName(ctx) {
		case "GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable":
			return next.HandleInitialize(ctx, in)
		}
		return middleware.InitializeOutput{}, middleware.Metadata{},
			apperr.New(apperr.Internal, "folder "+a.LocalDir, "cannot be written to, so that its table cannot be changed",
				"make it writable")
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("refuseWrites", refuse), middleware.After)
}

// localTable finds the table of the local stack that runs, else the one that the
// last of them left, and serves it until leave is called.
func (a *app) localTable() (endpoint, name string, readOnly bool, leave func() error, err error) {
	state, err := local.FindRunning(a.ctx, a.LocalDir)
	if apperr.ClassOf(err) == apperr.NotFound {
		left, noTable := local.OpenTable(a.ctx, a.LocalDir, "")
		if noTable == nil {
			return left.Endpoint(), left.Name(), left.ReadOnly(), left.Close, nil
		}
		err = noTable
		if apperr.ClassOf(err) == apperr.Conflict { // a stack was starting, and may serve now
			if running, none := local.FindRunning(a.ctx, a.LocalDir); none == nil {
				state, err = running, nil
			}
		}
	}
	return state.Endpoint, state.Table, false, func() error { return nil }, err
}

// deadLettersConfig returns the configuration for the clients of the dead-letter queues:
// of the local stack, those of the one that runs, else those that the last one left,
// which can be reached until the command has ended.
func (a *app) deadLettersConfig() (aws.Config, error) {
	cfg, err := a.awsConfig()
	if !a.Local || apperr.ClassOf(err) != apperr.NotFound {
		return cfg, err
	}
	left, err := local.OpenMessages(a.LocalDir)
	if err != nil {
		return cfg, err
	}
	a.atEnd = append(a.atEnd, func() { _ = left.Close() }) // a listener that nobody needs any more
	return localConfig(left.Endpoint()), nil
}

// runningConfig returns the configuration for the local stack that runs.
func (a *app) runningConfig() (aws.Config, error) {
	state, err := local.FindRunning(a.ctx, a.LocalDir)
	if err != nil {
		return aws.Config{}, err
	}
	return localConfig(state.Endpoint), nil
}

// localConfig needs no AWS account: the local stack takes any credentials.
func localConfig(endpoint string) aws.Config {
	return aws.Config{
		Region:       local.Region,
		Logger:       logging.Nop{},
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "chimewatch --local"}, nil
		}),
	}
}
