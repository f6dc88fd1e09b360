package awsprotocol

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Operation answers one operation. The body of the request is JSON, also where the client
// sent a form.
type Operation func(r *http.Request, body []byte) (any, error)

// Op makes an Operation of a function with a typed request and reply. The reply struct{}{}
// has no content.
func Op[In, Out any](f func(*http.Request, In) (Out, error)) Operation {
	return func(r *http.Request, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			e := Errorf("SerializationException", "the request is not the JSON that the operation accepts: %v", err)
			e.Legacy = "InvalidParameterValue"
			return nil, e
		}
		return f(r, in)
	}
}

// Service answers the requests to one AWS service: JSON, where the header X-Amz-Target
// names the operation, and forms, where the field Action does. It refuses CBOR.
type Service struct {
	// Name is what people call the service.
	Name string
	// JSONVersion is that of the JSON protocol: "1.0" or "1.1".
	JSONVersion string
	// Namespace stands before the error code in JSON, as in "com.amazonaws.sqs".
	Namespace string
	// Version is the version of the API, which every form has in its field Version.
	Version string
	// Host is the one in the name space of replies in XML.
	Host       string
	Operations map[string]Operation
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case RefuseCBOR(w, r):
	case IsForm(r):
		s.serveForm(w, r)
	default:
		s.serveJSON(w, r)
	}
}

func (s *Service) run(r *http.Request, name string, body []byte) (any, error) {
	operation, ok := s.Operations[name]
	if !ok {
		code := "UnknownOperationException"
		if IsForm(r) {
			code = "InvalidAction"
		}
		return nil, Errorf(code, "%s is not one of the operations that the local stack answers: %s",
			name, strings.Join(slices.Sorted(maps.Keys(s.Operations)), ", "))
	}
	return operation(r, body)
}

func (s *Service) serveJSON(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var reply any
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		err = tooLarge(err)
	} else {
		reply, err = s.run(r, name, body)
	}
	status := http.StatusOK
	if err != nil {
		var e *Error
		e, status = asError(err)
		code := e.Code
		if s.Namespace != "" {
			code = s.Namespace + "#" + code
		}
		if e.Legacy != "" {
			w.Header().Set("X-Amzn-Query-Error", e.Legacy+";Sender")
		}
		reply = map[string]string{"__type": code, "message": e.Message}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-"+s.JSONVersion)
	w.Header().Set("X-Amzn-RequestId", NewID())
	WriteJSON(w, status, reply)
}

// EncodeJSON returns a value as one line of JSON. Unlike json.Marshal it leaves <, > and
// & as they are.
func EncodeJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// WriteJSON writes a reply. It keeps a Content-Type that is set already.
func WriteJSON(w http.ResponseWriter, status int, reply any) {
	body, err := EncodeJSON(reply)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"message":"the reply could not be encoded"}`)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // fails only when the client is gone
}

// RefuseService answers a request to a service that is not there, or to an operation of
// it, with the reason.
func RefuseService(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	WriteJSON(w, status, map[string]string{"__type": code, "message": message})
}
