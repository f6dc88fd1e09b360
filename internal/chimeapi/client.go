// Package chimeapi calls the few operations of the Amazon Chime SDK's API that
// chimewatch needs, with the clients of the AWS SDK: these decide where a request goes,
// how it is signed and when it is tried again. This package bounds the time of a call,
// and returns errors of package apperr.
package chimeapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmediapipelines"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/trytimeout"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// callTime bounds a call with all its tries. The SDK makes three, with up to six
// seconds between them: without a bound, a server that hangs would hold a Lambda
// function for more than half a minute. In this time two tries can hang and a
// third one succeed.
const callTime = 25 * time.Second

// Client calls the API of one account and Region. It is safe for concurrent use.
//
// Every error of its methods is a *apperr.Error around the SDK's error, so that
// errors.As finds the service's code as a smithy.APIError. Its class is
//   - NotFound where the service says that it does not know the thing,
//   - Throttled for too many requests, after the tries,
//   - Conflict where the state of the call or task does not allow it,
//   - Internal where the role may not call the operation,
//   - Invalid for a request that the service, or the SDK, refuses,
//   - Unavailable for everything else: no answer, no answer in time, an answer
//     that is not the service's, a failure of the service.
type Client struct {
	pipelines *chimesdkmediapipelines.Client
	voice     *chimesdkvoice.Client
	callTime  time.Duration
}

// New makes a client from the AWS configuration. Each try of a call ends after
// trytimeout.Default, unless cfg has another bound.
func New(cfg aws.Config) *Client { return newClient(cfg, trytimeout.Default, callTime) }

func newClient(cfg aws.Config, try, all time.Duration) *Client {
	trytimeout.Add(&cfg, try)
	return &Client{
		pipelines: chimesdkmediapipelines.NewFromConfig(cfg, func(o *chimesdkmediapipelines.Options) {
			o.Retryer = retryer(o.Retryer)
		}),
		voice: chimesdkvoice.NewFromConfig(cfg, func(o *chimesdkvoice.Options) {
			o.Retryer = retryer(o.Retryer)
		}),
		callTime: all,
	}
}

// retryer makes the SDK's retryer try again also after the code that comes with
// status 429, which the SDK does not know as one that passes.
func retryer(of aws.Retryer) aws.Retryer {
	return retry.AddWithErrorCodes(of, "ThrottledClientException")
}

// call calls one operation of one of the clients.
func call[In, Out, Option any](
	ctx context.Context, c *Client, operation func(context.Context, *In, ...Option) (*Out, error), in *In,
) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, c.callTime)
	defer cancel()
	out, err := operation(ctx, in)
	if err != nil {
		return nil, failure(err)
	}
	return out, nil
}

// failure wraps an error of the SDK in one that has a class and names the operation.
func failure(err error) error {
	var called *smithy.OperationError
	operation := "request"
	if errors.As(err, &called) {
		operation = called.OperationName
	}
	class, fix := classify(err, operation)
	return apperr.Wrap(err, class, where(operation), "failed", fix)
}

func where(operation string) string { return "Amazon Chime SDK " + operation }

const tryAgain = "it is tried again"

func classify(err error, operation string) (class apperr.Class, fix string) {
	var params smithy.InvalidParamsError
	var serialization *smithy.SerializationError
	if errors.As(err, &params) || errors.As(err, &serialization) {
		return apperr.Invalid, "" // the SDK did not send it
	}
	status := 0
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	switch {
	case status == http.StatusNotFound && errors.As(err, &api) && api.ErrorCode() == voicetask.CodeNotFound:
		return apperr.NotFound, ""
	case status == http.StatusNotFound: // it is no answer about the thing that was asked for
		return apperr.Unavailable, "check the Region and the endpoint"
	case status == http.StatusTooManyRequests:
		return apperr.Throttled, tryAgain
	case status == http.StatusConflict, status == http.StatusGone, status == http.StatusUnprocessableEntity:
		return apperr.Conflict, ""
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return apperr.Internal, "allow the role the action chime:" + operation
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return apperr.Invalid, ""
	}
	return apperr.Unavailable, tryAgain
}
