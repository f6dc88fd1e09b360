package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
)

// permissionPrefix maps the SDK's name of a service to the prefix of its IAM actions.
var permissionPrefix = map[string]string{
	"DynamoDB":       "dynamodb",
	"EventBridge":    "events",
	"CloudFormation": "cloudformation",
	"SQS":            "sqs",
	"Lambda":         "lambda",
	"SNS":            "sns",
	"SSO":            "sso",
	"SSO OIDC":       "sso-oauth",
	"STS":            "sts",
}

// explain turns an error of an AWS client, anywhere in err's chain, into one that says what to do. It
// keeps where the error happened, if err says that. It returns any other error as it is.
func explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return apperr.New(apperr.Unavailable, "", "interrupted", "")
	}
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return err
	}
	action := permissionPrefix[operation.Service()] + ":" + operation.Operation()
	where, doing := action, ""
	var known *apperr.Error
	if errors.As(err, &known) {
		where, doing = known.Where, known.What+": "
	}
	var answer smithy.APIError
	m, ok := meaning{}, false
	if errors.As(err, &answer) {
		m, ok = meaningOf(err, answer, action), true
	} else {
		m, ok = meaningOfStatus(err)
	}
	if ok {
		return apperr.New(m.class, where, doing+m.what, strings.ReplaceAll(m.fix, "{action}", action))
	}
	var unsent *smithyhttp.RequestSendError
	if errors.As(err, &unsent) {
		return apperr.New(apperr.Unavailable, where, doing+"no answer: "+unsent.Unwrap().Error(),
			"check the network, --endpoint-url and --region; for the local stack start \"chimewatch local\"")
	}
	return err
}

// meaningOf returns the meaning of an error that the service answered, with the message of the answer.
func meaningOf(err error, answer smithy.APIError, action string) meaning {
	code := answer.ErrorCode()
	m, ok := meaningOfCode(code)
	switch {
	case !ok:
		known := false
		if m, known = meaningOfStatus(err); !known {
			m = meaning{apperr.Internal, "the service answered", ""}
		}
		m.what += " " + code
	case code == "ResourceNotFoundException" && strings.HasPrefix(action, "dynamodb:"):
		m = noTable
	}
	if message := strings.TrimSpace(answer.ErrorMessage()); message != "" {
		m.what += ": " + message
	}
	return m
}

// meaningOfStatus returns the meaning of the HTTP status of an answer without a known code, for example
// of a proxy. ok is false if there was no answer, or the status has no meaning of its own.
func meaningOfStatus(err error) (m meaning, ok bool) {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return m, false
	}
	status := answer.HTTPStatusCode()
	switch {
	case status == http.StatusTooManyRequests:
		m = throttled
	case status == http.StatusUnauthorized:
		m = refused
	case status == http.StatusForbidden:
		m = denied
	case status >= http.StatusInternalServerError:
		m = failed
	default:
		return m, false
	}
	m.what = fmt.Sprintf("%s: status %d", m.what, status)
	return m, true
}

// meaning is what an error of a service means for the person who runs the command.
type meaning struct {
	class     apperr.Class
	what, fix string
}

var (
	denied = meaning{apperr.Internal, "permission is denied",
		"allow {action} to these credentials, or use --profile with others"}
	expired = meaning{apperr.Invalid, "the credentials have expired",
		"renew them, for instance with \"aws sso login\""}
	refused = meaning{apperr.Invalid, "the credentials are refused",
		"check the access key, the secret key, the Region and this machine's clock"}
	absent = meaning{apperr.NotFound, "there is no such thing in this account and Region",
		"check the name, --region and --profile"}
	noTable = meaning{apperr.NotFound, "there is no such table in this account and Region",
		"check --table (or " + config.EnvTable + "), --region and --profile"}
	throttled = meaning{apperr.Throttled, "the service asks to be called less often",
		"wait a little and try again"}
	invalid = meaning{apperr.Invalid, "the service refuses the request",
		"check the names given and --region"}
	keyDenied = meaning{apperr.Internal, "the key that encrypts the topic may not be used",
		"allow kms:GenerateDataKey and kms:Decrypt on the topic's key to these credentials"}
	keyUnusable = meaning{apperr.Invalid, "the key that encrypts the topic cannot be used",
		"enable the key or cancel its deletion, or deploy the stack again"}
	failed = meaning{apperr.Unavailable, "the service failed", "try again"}
)

// meanings maps lists of error codes to their meaning: the codes in the API references of the services used
// here, and those common to all AWS services.
var meanings = map[string]meaning{
	"AccessDenied AccessDeniedException AuthorizationError UnauthorizedOperation":                  denied,
	"ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired UnauthorizedException": expired,
	"AuthFailure InvalidAccessKeyId InvalidSecurity InvalidSecurityToken InvalidToken " +
		"UnrecognizedClientException InvalidClientTokenId InvalidSignatureException SignatureDoesNotMatch " +
		"MissingAuthenticationToken MissingAuthenticationTokenException IncompleteSignature OptInRequired": refused,
	"ResourceNotFoundException NotFound QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue": absent,
	"Throttling ThrottlingException ProvisionedThroughputExceededException RequestLimitExceeded " +
		"RequestThrottled RequestThrottledException ThrottledException TooManyRequestsException KMSThrottling " +
		"Throttled": throttled,
	"ValidationError ValidationException InvalidParameter": invalid,
	"KMSAccessDenied":                         keyDenied,
	"KMSDisabled KMSInvalidState KMSNotFound": keyUnusable,
	"InternalError InternalFailure InternalServerError InternalException ServiceUnavailable " +
		"ServiceException": failed,
}

func meaningOfCode(code string) (meaning, bool) {
	for codes, m := range meanings {
		if slices.Contains(strings.Fields(codes), code) {
			return m, true
		}
	}
	return meaning{}, false
}
