package main

import (
	"cmp"
	"context"

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
	cfg, name, err := a.openTable()
	if err != nil {
		return err
	}
	return fn(dynamo.New(dynamodb.NewFromConfig(cfg), name, dynamo.Options{}))
}

// openTable returns the table of the deployed stack, or of the local stack that runs. If none runs, it serves the table
// of the last one until the command ends.
func (a *app) openTable() (cfg aws.Config, name string, err error) {
	if !a.Local {
		if cfg, err = a.awsConfig(); err == nil {
			name, err = a.tableName(cfg)
		}
		return cfg, name, err
	}
	state, err := local.FindRunning(a.ctx, a.LocalDir)
	if apperr.ClassOf(err) == apperr.NotFound {
		left, openErr := local.OpenTable(a.ctx, a.LocalDir, "")
		if openErr == nil {
			cfg := localConfig(left.Endpoint())
			if left.ReadOnly() {
				cfg.APIOptions = append(cfg.APIOptions, a.refuseWrites)
			}
			a.atEnd = append(a.atEnd, left.Close)
			return cfg, cmp.Or(a.Table, local.TableName), nil
		}
		err = openErr
		if apperr.ClassOf(err) == apperr.Conflict { // a stack was starting, and may serve now
			if running, findErr := local.FindRunning(a.ctx, a.LocalDir); findErr == nil {
				state, err = running, nil
			}
		}
	}
	return localConfig(state.Endpoint), cmp.Or(a.Table, state.Table), err
}

// refuseWrites makes a client refuse to change a table that is only a copy.
func (a *app) refuseWrites(stack *middleware.Stack) error {
	refuse := func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
		switch awsmiddleware.GetOperationName(ctx) {
		case "GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable":
			return next.HandleInitialize(ctx, in)
		}
		return out, metadata, apperr.New(apperr.Internal, "folder "+a.LocalDir,
			"cannot be written to, so that its table cannot be changed", "make it writable")
	}
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("refuseWrites", refuse), middleware.After)
}

// deadLettersConfig returns the configuration for the clients of the dead-letter queues. If no local
// stack runs, it serves the queues of the last one until the command ends.
func (a *app) deadLettersConfig() (aws.Config, error) {
	cfg, err := a.awsConfig()
	if !a.Local || apperr.ClassOf(err) != apperr.NotFound {
		return cfg, err
	}
	left, err := local.OpenMessages(a.LocalDir)
	if err != nil {
		return cfg, err
	}
	a.atEnd = append(a.atEnd, left.Close)
	return localConfig(left.Endpoint()), nil
}

// localConfig returns the configuration for a local stack, which accepts any credentials.
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
