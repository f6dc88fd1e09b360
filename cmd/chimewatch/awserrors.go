package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
)

// permissionPrefix holds the prefix of the IAM actions of a service, by the name
// that the SDK has for the service.
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

// explain turns what an AWS client returned, anywhere in err's chain, into an
// error that says what to do about it. Where a package of ours has said where it
// happened, that is kept. Any other error is returned as it is.
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
	if errors.As(err, &answer) {
		what, m := meaningOf(err, answer, action)
		return apperr.New(m.class, where, doing+what, strings.ReplaceAll(m.fix, "{action}", action))
	}
	if m, ok := meaningOfStatus(err); ok {
		return apperr.New(m.class, where, doing+m.what, strings.ReplaceAll(m.fix, "{action}", action))
	}
	var unsent *smithyhttp.RequestSendError
	if errors.As(err, &unsent) {
		return apperr.New(apperr.Unavailable, where, doing+"no answer: "+unsent.Unwrap().Error(),
			"check the network, --endpoint-url and --region; for the local stack start \"chimewatch local\"")
	}
	return err
}

// meaningOf returns the meaning of an error that the service itself answered with,
// and what there is to say of it.
func meaningOf(err error, answer smithy.APIError, action string) (what string, m meaning) {
	code := answer.ErrorCode()
	m, ok := answers[code]
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
	if said := strings.TrimSpace(answer.ErrorMessage()); said != "" {
		return m.what + ": " + said, m
	}
	return m.what, m
}

// meaningOfStatus returns the meaning of the HTTP status of an answer, of which no code
// is known: what stands between the service and this machine answers so, too. ok is
// false where there was no answer, or a status without a meaning of its own.
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

// meaning is what an error code says to whoever runs the command.
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

// answers holds the meaning of the error codes in the API references of the
// services used here, and in the list of errors that all AWS services share.
var answers = map[string]meaning{
	"AccessDenied":                            denied,
	"AccessDeniedException":                   denied,
	"AuthorizationError":                      denied,
	"UnauthorizedOperation":                   denied,
	"ExpiredToken":                            expired,
	"ExpiredTokenException":                   expired,
	"RequestExpired":                          expired,
	"TokenRefreshRequired":                    expired,
	"UnauthorizedException":                   expired,
	"AuthFailure":                             refused,
	"InvalidAccessKeyId":                      refused,
	"InvalidSecurity":                         refused,
	"InvalidSecurityToken":                    refused,
	"InvalidToken":                            refused,
	"UnrecognizedClientException":             refused,
	"InvalidClientTokenId":                    refused,
	"InvalidSignatureException":               refused,
	"SignatureDoesNotMatch":                   refused,
	"MissingAuthenticationToken":              refused,
	"MissingAuthenticationTokenException":     refused,
	"IncompleteSignature":                     refused,
	"OptInRequired":                           refused,
	"ResourceNotFoundException":               absent,
	"NotFound":                                absent,
	"QueueDoesNotExist":                       absent,
	"AWS.SimpleQueueService.NonExistentQueue": absent,
	"Throttling":                              throttled,
	"ThrottlingException":                     throttled,
	"ProvisionedThroughputExceededException":  throttled,
	"RequestLimitExceeded":                    throttled,
	"RequestThrottled":                        throttled,
	"RequestThrottledException":               throttled,
	"ThrottledException":                      throttled,
	"TooManyRequestsException":                throttled,
	"ValidationError":                         invalid,
	"ValidationException":                     invalid,
	"InvalidParameter":                        invalid,
	"KMSAccessDenied":                         keyDenied,
	"KMSDisabled":                             keyUnusable,
	"KMSInvalidState":                         keyUnusable,
	"KMSNotFound":                             keyUnusable,
	"KMSThrottling":                           throttled,
	"Throttled":                               throttled,
	"InternalError":                           failed,
	"InternalFailure":                         failed,
	"InternalServerError":                     failed,
	"InternalException":                       failed,
	"ServiceUnavailable":                      failed,
	"ServiceException":                        failed,
}
