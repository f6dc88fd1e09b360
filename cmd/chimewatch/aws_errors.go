package main

import (
	"cmp"
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

// permissionPrefix maps the SDK's name of a service to the prefix of its IAM actions, if that is another word.
var permissionPrefix = map[string]string{"EventBridge": "events", "SSO OIDC": "sso-oauth"}

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
	service := operation.Service()
	action := cmp.Or(permissionPrefix[service], strings.ToLower(service)) + ":" + operation.Operation()
	where, doing := action, ""
	var known *apperr.Error
	if errors.As(err, &known) {
		where, doing = known.Where, known.What+": "
	}
	m, ok := meaningOf(err, action)
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

// meaningOf returns the meaning of the answer of a service, with its message. ok is false if there was no answer.
func meaningOf(err error, action string) (m meaning, ok bool) {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return meaningOfStatus(err)
	}
	code := answer.ErrorCode()
	m, known := findMeaning(func(m meaning) bool { return slices.Contains(strings.Fields(m.codes), code) })
	switch {
	case code == "ResourceNotFoundException" && strings.HasPrefix(action, "dynamodb:"):
		m.what = "there is no such table in this account and Region"
		m.fix = "check --table (or " + config.EnvTable + "), --region and --profile"
	case !known:
		if m, known = meaningOfStatus(err); !known {
			m = meaning{class: apperr.Internal, what: "the service answered"}
		}
		m.what += " " + code
	}
	if message := strings.TrimSpace(answer.ErrorMessage()); message != "" {
		m.what += ": " + message
	}
	return m, true
}

// meaningOfStatus returns the meaning of the HTTP status of an answer without a known code, for example
// of a proxy. ok is false if there was no answer, or the status has no meaning of its own.
func meaningOfStatus(err error) (m meaning, ok bool) {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil {
		return m, false
	}
	status := answer.HTTPStatusCode() // 0 if there was no answer
	m, ok = findMeaning(func(m meaning) bool { return m.status > 0 && m.status == min(status, 500) })
	m.what = fmt.Sprintf("%s: status %d", m.what, status)
	return m, ok
}

func findMeaning(matches func(meaning) bool) (m meaning, ok bool) {
	i := slices.IndexFunc(meanings, matches)
	if i < 0 {
		return m, false
	}
	return meanings[i], true
}

// meaning is what an error of a service means for the person who runs the command.
type meaning struct {
	codes     string // of the error
	status    int    // that means the same if the code is not known; 500 is also for all greater ones
	class     apperr.Class
	what, fix string
}

// meanings have the error codes in the API references of the services used here, and those common to all AWS services.
var meanings = []meaning{
	{"AccessDenied AccessDeniedException AuthorizationError UnauthorizedOperation", http.StatusForbidden,
		apperr.Internal, "permission is denied", "allow {action} to these credentials, or use --profile with others"},
	{"ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired UnauthorizedException", 0,
		apperr.Invalid, "the credentials have expired", "renew them, for instance with \"aws sso login\""},
	{"AuthFailure InvalidAccessKeyId InvalidSecurity InvalidSecurityToken InvalidToken UnrecognizedClientException " +
		"InvalidClientTokenId InvalidSignatureException SignatureDoesNotMatch MissingAuthenticationToken " +
		"MissingAuthenticationTokenException IncompleteSignature OptInRequired", http.StatusUnauthorized,
		apperr.Invalid, "the credentials are refused",
		"check the access key, the secret key, the Region and this machine's clock"},
	{"ResourceNotFoundException NotFound QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue", 0,
		apperr.NotFound, "there is no such thing in this account and Region", "check the name, --region and --profile"},
	{"Throttling ThrottlingException ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled " +
		"RequestThrottledException ThrottledException TooManyRequestsException KMSThrottling Throttled",
		http.StatusTooManyRequests,
		apperr.Throttled, "the service asks to be called less often", "wait a little and try again"},
	{"ValidationError ValidationException InvalidParameter", 0,
		apperr.Invalid, "the service refuses the request", "check the names given and --region"},
	{"KMSAccessDenied", 0, apperr.Internal, "the key that encrypts the topic may not be used",
		"allow kms:GenerateDataKey and kms:Decrypt on the topic's key to these credentials"},
	{"KMSDisabled KMSInvalidState KMSNotFound", 0, apperr.Invalid, "the key that encrypts the topic cannot be used",
		"enable the key or cancel its deletion, or deploy the stack again"},
	{"InternalError InternalFailure InternalServerError InternalException ServiceUnavailable ServiceException",
		http.StatusInternalServerError, apperr.Unavailable, "the service failed", "try again"},
}
