// Package chimeapi calls the few operations of the Amazon Chime SDK's API that
// chimewatch needs. It signs, retries and times out with the parts of the AWS
// SDK for Go; only the shapes of requests and answers are written out here, so
// that a function's binary does not carry two whole service clients for eight
// operations. An error is a *fault.Error around a *smithy.GenericAPIError with
// the service's code.
package chimeapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/chimewatch/chimewatch/internal/fault"
)

// The services, by the first label of their host names.
const (
	mediaPipelines = "media-pipelines-chime"
	voice          = "voice-chime"
)

// signingName is the name by which both services check signatures.
const signingName = "chime"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

// Client calls the API of one account and Region. It is safe for concurrent use.
type Client struct {
	cfg     aws.Config
	http    aws.HTTPClient
	signer  *v4.Signer
	retryer func() aws.Retryer
}

// New makes a client from the AWS configuration: credentials, Region, and the
// endpoint, which AWS_ENDPOINT_URL sets, are its own.
func New(cfg aws.Config) *Client {
	client := cfg.HTTPClient
	if client == nil {
		client = awshttp.NewBuildableClient().WithTimeout(10 * time.Second)
	}
	return &Client{
		cfg: cfg, http: client, signer: v4.NewSigner(),
		retryer: func() aws.Retryer {
			// 429 comes with a code that the SDK does not know as a throttle.
			return retry.AddWithErrorCodes(retry.NewStandard(), codeThrottled)
		},
	}
}

const codeThrottled = "ThrottledClientException"

// asResponse finds the answer that an error tells of.
func asResponse(err error) (*awshttp.ResponseError, bool) {
	var response *awshttp.ResponseError
	ok := errors.As(err, &response)
	return response, ok
}

// request is one call of an operation.
type request struct {
	service   string
	operation string
	method    string
	path      []string // unescaped segments
	query     url.Values
	body      any // marshalled to JSON; nil for none
}

// call sends the request, again where the answer allows, and unmarshals the
// answer's JSON into answer unless that is nil.
func (c *Client) call(ctx context.Context, r request, answer any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fault.Wrap(err, fault.Internal, r.operation, "request cannot be written", "")
		}
	}
	retryer := c.retryer()
	for attempt := 1; ; attempt++ {
		err := c.send(ctx, r, body, answer)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || attempt >= retryer.MaxAttempts() || !retryer.IsErrorRetryable(err) {
			return r.failure(err)
		}
		delay, delayErr := retryer.RetryDelay(attempt, err)
		if delayErr != nil {
			return r.failure(err)
		}
		select {
		case <-ctx.Done():
			return r.failure(err)
		case <-time.After(delay):
		}
	}
}

func (c *Client) send(ctx context.Context, r request, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, r.method, c.url(r), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Credentials == nil {
		return fmt.Errorf("there are no AWS credentials")
	}
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, credentials, req, hex.EncodeToString(hash[:]), signingName, c.cfg.Region, time.Now()); err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return answerError(res, got)
	}
	if answer == nil || len(got) == 0 {
		return nil
	}
	return json.Unmarshal(got, answer)
}

func (c *Client) url(r request) string {
	base := fmt.Sprintf("https://%s.%s.amazonaws.com", r.service, c.cfg.Region)
	if c.cfg.BaseEndpoint != nil {
		base = strings.TrimSuffix(*c.cfg.BaseEndpoint, "/")
	}
	for _, segment := range r.path {
		base += "/" + url.PathEscape(segment)
	}
	if len(r.query) > 0 {
		base += "?" + r.query.Encode()
	}
	return base
}

// answerError makes an error of an answer: the code is in a header or in the
// body, where it may stand behind a namespace.
func answerError(res *http.Response, body []byte) error {
	var said struct {
		Code, Message string
		Type          string `json:"__type"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		said.Message = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	code := res.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = said.Type
	}
	if code == "" {
		code = said.Code
	}
	code, _, _ = strings.Cut(code, ":")
	if i := strings.LastIndexByte(code, '#'); i >= 0 {
		code = code[i+1:]
	}
	server := smithy.FaultClient
	if res.StatusCode >= http.StatusInternalServerError {
		server = smithy.FaultServer
	}
	return &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: res},
			Err:      &smithy.GenericAPIError{Code: code, Message: said.Message, Fault: server},
		},
		RequestID: res.Header.Get("X-Amzn-Requestid"),
	}
}

// failure gives err its class and names the operation.
func (r request) failure(err error) error {
	status := 0
	if response, ok := asResponse(err); ok {
		status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	class, fix := fault.Unavailable, "it is tried again"
	switch {
	case status == http.StatusNotFound && errors.As(err, &api) && api.ErrorCode() == CodeNotFound:
		class, fix = fault.NotFound, ""
	case status == http.StatusNotFound: // no answer about the thing that was asked for
		fix = "check the Region and the endpoint"
	case status == http.StatusTooManyRequests:
		class = fault.Throttled
	case status == http.StatusConflict, status == http.StatusGone, status == http.StatusUnprocessableEntity:
		class, fix = fault.Conflict, ""
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		class, fix = fault.Internal, "allow the role the action chime:"+r.operation
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		class, fix = fault.Invalid, ""
	}
	return fault.Wrap(err, class, "Amazon Chime SDK "+r.operation, "failed", fix)
}
