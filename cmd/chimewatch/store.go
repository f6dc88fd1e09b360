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

// withLocalStore calls fn with the local stack's table.
func (a *app) withLocalStore(fn func(*store.Store) error) (err error) {
	endpoint, name, leave, err := a.localTable()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leave()) }()
	if a.Table != "" {
		name = a.Table
	}
	return fn(store.New(dynamodb.NewFromConfig(localConfig(endpoint)), name, store.Options{}))
}

// localTable finds the table of the local stack that runs, else the one that the
// last of them left, and serves it until leave is called.
func (a *app) localTable() (endpoint, name string, leave func() error, err error) {
	state, err := local.FindRunning(a.ctx, a.LocalDir)
	if fault.ClassOf(err) == fault.NotFound {
		left, noTable := local.OpenTable(a.ctx, a.LocalDir, "")
		if noTable == nil {
			return left.Endpoint(), left.Name(), left.Close, nil
		}
		err = noTable
		if fault.ClassOf(err) == fault.Conflict { // a stack was starting, and may serve now
			if running, none := local.FindRunning(a.ctx, a.LocalDir); none == nil {
				state, err = running, nil
			}
		}
	}
	return state.Endpoint, state.Table, func() error { return nil }, err
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
