package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/store"
)

// withStore calls fn with the table that the flags and the environment name.
func (a *app) withStore(fn func(*store.Store) error) error {
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
	return fn(store.New(dynamodb.NewFromConfig(cfg), name, store.Options{}))
}

// withLocalStore takes the table of the local stack that runs, else the one that
// the last of them left, which it serves as long as fn works.
func (a *app) withLocalStore(fn func(*store.Store) error) (err error) {
	endpoint, name := "", ""
	state, err := local.FindRunning(a.ctx, a.LocalDir)
	switch {
	case err == nil:
		endpoint, name = state.Endpoint, state.Table
	case fault.ClassOf(err) == fault.NotFound:
		left, err := local.OpenTable(a.ctx, a.LocalDir, "")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, left.Close()) }()
		endpoint, name = left.Endpoint(), left.Name()
	default:
		return err
	}
	if a.Table != "" {
		name = a.Table
	}
	return fn(store.New(dynamodb.NewFromConfig(localConfig(endpoint)), name, store.Options{}))
}

// runningConfig gives the configuration for the local stack that runs.
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
