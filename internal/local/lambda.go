package local

import (
	"cmp"
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

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

// maxPayload is the limit of payloads by the type of the invocation, in bytes (Lambda
// developer guide, "Lambda quotas").
var maxPayload = map[string]int64{"": 6 << 20, "RequestResponse": 6 << 20, "DryRun": 6 << 20, "Event": 1 << 20}

const (
	maxLogTail = 4096
	latest     = "$LATEST"
)

// lambdaPath matches the paths of functions in the Lambda API, of any version of it.
var lambdaPath = regexp.MustCompile(`^/\d{4}-\d{2}-\d{2}/functions(/|$)`)

// invokePath matches that of Invoke, which contains the function's name.
var invokePath = regexp.MustCompile(`^/2015-03-31/functions/([^/]+)/invocations/?$`)

// functionName matches how Invoke may name a function: by its name, by account and name,
// or by its ARN, each with or without a version or alias (Invoke in the Lambda API
// reference).
var functionName = regexp.MustCompile(`^(?:arn:(aws[a-z-]*):lambda:([a-z0-9-]+):)?` +
	`(?:(\d{12}):function:|function:)?([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9_$-]{1,128}))?$`)

// isLambda reports whether a request is one to the Lambda API.
func isLambda(r *http.Request) bool { return lambdaPath.MatchString(r.URL.Path) }

// refuseLambda answers with the Lambda API's error for err, a ServiceException for one that
// the function host returned: what a client can do wrong is checked before.
func refuseLambda(w http.ResponseWriter, err error) {
	var e *awsprotocol.Error
	if !errors.As(err, &e) {
		e = &awsprotocol.Error{Code: "ServiceException", Status: http.StatusInternalServerError, Message: err.Error()}
	}
	who, field := "User", "message"
	switch e.Status { // the API writes the field with a capital for some errors only
	case http.StatusNotFound:
		field = "Message"
	case http.StatusInternalServerError:
		who, field = "Service", "Message"
	}
	w.Header().Set("X-Amzn-ErrorType", e.Code)
	w.Header().Set("X-Amzn-RequestId", awsprotocol.NewID())
	awsprotocol.WriteJSON(w, cmp.Or(e.Status, http.StatusBadRequest), map[string]string{"Type": who, field: e.Message})
}

// invoke answers Invoke, and refuses any other operation of the Lambda API.
func (s *Stack) invoke(w http.ResponseWriter, r *http.Request) error {
	path := invokePath.FindStringSubmatch(r.URL.Path)
	if path == nil || r.Method != http.MethodPost {
		return awsprotocol.Errorf("UnknownOperationException",
			"%s %s is not answered here: the local stack answers only Invoke of Lambda, "+
				"POST /2015-03-31/functions/NAME/invocations", r.Method, r.URL.Path)
	}
	name, err := s.findFunction(path[1], r.URL.Query().Get("Qualifier"))
	if err != nil {
		return err
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	limit, known := maxPayload[kind]
	if !known {
		return awsprotocol.Errorf("InvalidParameterValueException",
			"the invocation type is %q and must be RequestResponse, Event or DryRun", kind)
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return &awsprotocol.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the payload is longer than %d bytes, the limit of the invocation type", limit)}
	case err != nil:
		return awsprotocol.Errorf("InvalidRequestContentException", "the payload cannot be read: %v", err)
	case len(payload) == 0:
		payload = []byte("{}") // as Lambda does
	case !json.Valid(payload):
		return awsprotocol.Errorf("InvalidRequestContentException",
			"Could not parse request body into json: the payload is not JSON")
	}
	switch kind {
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "Event":
		if err := s.host.Enqueue(name, payload); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		return s.invokeNow(w, r, name, payload)
	}
	return nil
}

// invokeNow answers with the reply of the function.
func (s *Stack) invokeNow(w http.ResponseWriter, r *http.Request, name string, payload []byte) error {
	reply, err := s.host.Invoke(r.Context(), name, payload)
	var failure *lambdahost.FunctionError
	if errors.As(err, &failure) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		reply, err = failure.Payload, nil
	}
	if err != nil {
		return err
	}
	w.Header().Set("X-Amz-Executed-Version", latest)
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		tail := s.host.LogTail(name)
		w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(tail[max(0, len(tail)-maxLogTail):])))
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(reply) // fails only when the client is gone
	return nil
}

// findFunction returns the name of the function that a request names.
func (s *Stack) findFunction(given, qualifier string) (string, error) {
	parts := functionName.FindStringSubmatch(given)
	if parts == nil {
		return "", awsprotocol.Errorf("ValidationException", "%q does not name a function: give its name, its ARN, or "+
			"ACCOUNT:function:NAME, each with :QUALIFIER where there is one", given)
	}
	region, account, name, version := parts[2], parts[3], parts[4], parts[5]
	if version != "" && qualifier != "" && version != qualifier {
		return "", awsprotocol.Errorf("InvalidParameterValueException",
			"The derived qualifier from the function name does not match the specified qualifier.")
	}
	version = cmp.Or(version, qualifier)
	running := slices.Sorted(maps.Keys(s.host.Counts()))
	absent := ""
	switch {
	case region != "" && region != Region || account != "" && account != Account:
		absent = given + "; the local stack is in " + Region + " of account " + Account
	case !slices.Contains(running, name):
		absent = functionARN(name) + "; the local stack has " + strings.Join(running, ", ")
	case version != "" && version != latest:
		absent = functionARN(name) + ":" + version + "; functions of the local stack have no versions or aliases but " +
			latest
	default:
		return name, nil
	}
	return "", &awsprotocol.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
		Message: "Function not found: " + absent}
}
