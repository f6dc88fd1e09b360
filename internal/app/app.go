// Package app makes the functions' handlers: it reads their configuration from the
// environment and builds the services that they call. It has one function for each
// folder of functions/.
package app

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// maxRetentionDays is a century: a time.Duration has room for less than three.
const maxRetentionDays = 36500

// parts are what services are made from. Errors of the configuration are collected,
// so that a function that cannot start says all that is wrong.
type parts struct {
	lambdafn.Env
	table    *dynamo.Store
	settings config.Settings
	https    notify.HTTPSBodies
	errs     *[]error
}

func read(env lambdafn.Env) parts {
	p := parts{Env: env, errs: new([]error)}
	var err error
	days, err := strconv.Atoi(p.require(config.EnvRetentionDays))
	if err != nil || days < 0 || days > maxRetentionDays {
		p.check(apperr.New(apperr.Invalid, "environment variable "+config.EnvRetentionDays,
			fmt.Sprintf("is %q", env.Getenv(config.EnvRetentionDays)), "set a number of days, 0 to keep items for ever"))
	}
	p.table = dynamo.New(dynamodb.NewFromConfig(env.AWS), p.require(config.EnvTable),
		dynamo.Options{Retention: time.Duration(days) * 24 * time.Hour})
	chosen, err := config.FromEnvironment(env.Getenv, config.Watching)
	p.settings = chosen.Settings
	p.check(err)
	p.https, err = notify.ParseHTTPSBodies("environment variable "+config.EnvHTTPSBody,
		env.Getenv(config.EnvHTTPSBody))
	p.check(err)
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

// words returns how to render the notifications of a topic whose https subscribers
// receive that body.
func (p parts) words(https notify.HTTPSBody) notify.Options {
	return notify.Options{
		FullNumbers: p.Getenv(config.EnvFullNumbers) == "true", RunbookURL: p.Getenv(config.EnvRunbookURL), HTTPS: https,
	}
}

// handler returns a handler unless something is wrong with the configuration.
func (p parts) handler(h lambdafn.Handler) (lambdafn.Handler, error) {
	return h, errors.Join(*p.errs...)
}
