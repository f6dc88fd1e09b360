package local

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

// Limits of payloads, in bytes (Lambda developer guide, "Lambda quotas").
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
	maxLogTail      = 4096
	latest          = "$LATEST"
)

// lambdaPath is the path of the Lambda API that is about functions, of any version of it.
var lambdaPath = regexp.MustCompile(`^/\d{4}-\d{2}-\d{2}/functions(/|$)`)

// invocationPath is that of Invoke, which has the name in it.
var invocationPath = regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/invocations/?$`)

// isInvocation reports whether a request is one to Lambda.
func isInvocation(r *http.Request) bool { return lambdaPath.MatchString(r.URL.Path) }

// functionName is how Invoke may name a function: by its name, by account and name, or by
// its ARN, each with or without a version or alias (Invoke in the Lambda API reference).
var functionName = regexp.MustCompile(`^(?:arn:(aws[a-z-]*):lambda:([a-z0-9-]+):)?` +
	`(?:(\d{12}):function:|function:)?([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9_$-]{1,128}))?$`)

// serveLambda answers Invoke of the Lambda API, and refuses what else it has.
func (s *Stack) serveLambda(w http.ResponseWriter, r *http.Request) {
	found := invocationPath.FindStringSubmatch(r.URL.Path)
	if found == nil || r.Method != http.MethodPost {
		refuseLambda(w, http.StatusBadRequest, "UnknownOperationException", "message",
			fmt.Sprintf("%s %s is not answered here: the local stack answers Invoke of Lambda only, "+
				"POST /2015-03-31/functions/NAME/invocations", r.Method, r.URL.Path))
		return
	}
	name, refused := s.findFunction(w, found[1], r.URL.Query().Get("Qualifier"))
	if refused {
		return
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	most := maxSyncPayload
	switch kind {
	case "Event":
		most = maxAsyncPayload
	case "", "RequestResponse", "DryRun":
	default:
		refuseLambda(w, http.StatusBadRequest, "InvalidParameterValueException", "message",
			fmt.Sprintf("the invocation type is %q and must be RequestResponse, Event or DryRun", kind))
		return
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		refuseLambda(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", "message",
			fmt.Sprintf("the payload is longer than %d bytes, which is the most for the invocation type", most))
		return
	case err != nil:
		refuseInvocation(w, apperr.Wrap(err, apperr.Invalid, "payload", "cannot be read", ""))
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}") // as Lambda has it
	}
	if !json.Valid(payload) {
		refuseLambda(w, http.StatusBadRequest, "InvalidRequestContentException", "message",
			"Could not parse request body into json: the payload is no JSON")
		return
	}
	switch kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "Event":
		if err := s.host.Enqueue(name, payload); err != nil {
			refuseInvocation(w, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		s.invokeNow(w, r, name, payload)
	}
}

// invokeNow answers with the reply of the function.
func (s *Stack) invokeNow(w http.ResponseWriter, r *http.Request, name string, payload []byte) {
	reply, err := s.host.Invoke(r.Context(), name, payload)
	var failure *lambdahost.FunctionError
	if errors.As(err, &failure) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		reply, err = failure.Payload, nil
	}
	if err != nil {
		refuseInvocation(w, err)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", latest)
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		tail := s.host.LogTail(name)
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(tail[max(0, len(tail)-maxLogTail):])))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(reply) // fails only when the client is gone
}

// findFunction returns the name of the function that a request names, or answers that it
// is refused.
func (s *Stack) findFunction(w http.ResponseWriter, given, qualifier string) (name string, refused bool) {
	parts := functionName.FindStringSubmatch(given)
	if parts == nil {
		refuseLambda(w, http.StatusBadRequest, "ValidationException", "message",
			fmt.Sprintf("%q names no function: give its name, its ARN, or ACCOUNT:function:NAME, "+
				"each with :QUALIFIER where there is one", given))
		return "", true
	}
	region, account, name, version := parts[2], parts[3], parts[4], parts[5]
	if version != "" && qualifier != "" && version != qualifier {
		refuseLambda(w, http.StatusBadRequest, "InvalidParameterValueException", "message",
			"The derived qualifier from the function name does not match the specified qualifier.")
		return "", true
	}
	if version == "" {
		version = qualifier
	}
	arn := functionARN(name)
	if version != "" {
		arn += ":" + version
	}
	switch {
	case region != "" && region != Region || account != "" && account != Account:
		refuseLambda(w, http.StatusNotFound, "ResourceNotFoundException", "Message",
			fmt.Sprintf("Function not found: %s; the local stack is in %s of account %s", given, Region, Account))
	case !slices.Contains(s.running(), name):
		refuseLambda(w, http.StatusNotFound, "ResourceNotFoundException", "Message",
			fmt.Sprintf("Function not found: %s; the local stack has %s", arn, strings.Join(s.running(), ", ")))
	case version != "" && version != latest:
		refuseLambda(w, http.StatusNotFound, "ResourceNotFoundException", "Message",
			fmt.Sprintf("Function not found: %s; functions of the local stack have no versions or aliases but %s", arn, latest))
	default:
		return name, false
	}
	return "", true
}

// running returns the functions that can be invoked.
func (s *Stack) running() []string {
	return slices.Sorted(maps.Keys(s.host.Counts()))
}

// refuseInvocation answers with the Lambda API's error for a class.
func refuseInvocation(w http.ResponseWriter, err error) {
	switch apperr.ClassOf(err) {
	case apperr.NotFound:
		refuseLambda(w, http.StatusNotFound, "ResourceNotFoundException", "Message", err.Error())
	case apperr.Invalid:
		refuseLambda(w, http.StatusBadRequest, "InvalidRequestContentException", "message", err.Error())
	default:
		refuseLambda(w, http.StatusInternalServerError, "ServiceException", "Message", err.Error())
	}
}

// refuseLambda answers with an error as Lambda does. Its API spells the field of the text
// with a capital for some errors only.
func refuseLambda(w http.ResponseWriter, status int, code, field, text string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.Header().Set("X-Amzn-RequestId", awsprotocol.NewID())
	who := "User"
	if status >= http.StatusInternalServerError {
		who = "Service"
	}
	awsprotocol.WriteJSON(w, status, map[string]string{"Type": who, field: text})
}
