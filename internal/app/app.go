// Package app makes the functions' handlers: it reads their configuration from the
// environment and builds the services that they call. It has one function for each
// folder of functions/.
package app

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// parts are what services are made from. Errors of the configuration are collected,
// so that a function that cannot start reports all that is wrong.
type parts struct {
	lambdafn.Env
	table  *dynamo.Store
	config config.Stack
	errs   *[]error
}

func read(env lambdafn.Env) parts {
	chosen, err := config.FromEnvironment(env.Getenv)
	p := parts{Env: env, config: chosen, errs: &[]error{err}}
	p.require(config.EnvRetentionDays) // without it, items would expire after the default
	p.table = dynamo.New(dynamodb.NewFromConfig(env.AWS), p.require(config.EnvTable),
		dynamo.Options{Retention: time.Duration(chosen.RetentionDays) * 24 * time.Hour})
	return p
}

func (p parts) check(err error) { *p.errs = append(*p.errs, err) }

// require reads a variable that the stack sets.
func (p parts) require(name string) string {
	value := p.Getenv(name)
	if value == "" {
		p.check(apperr.New(apperr.Invalid, "environment variable "+name, "is not set",
			"deploy the function with the stack, which sets it"))
	}
	return value
}

// rendering returns how to render the notifications of a topic whose https subscribers
// receive that body.
func (p parts) rendering(https notify.HTTPSBody) notify.Options {
	return notify.Options{FullNumbers: p.config.FullNumbers, RunbookURL: p.config.RunbookURL, HTTPS: https}
}

// handler returns a handler unless something is wrong with the configuration.
func (p parts) handler(h lambdafn.Handler) (lambdafn.Handler, error) {
	return h, errors.Join(*p.errs...)
}
