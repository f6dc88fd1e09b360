package awsprotocol

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Operation answers one operation of a JSON service.
type Operation func(ctx context.Context, body []byte) (any, error)

// Op makes an Operation of a function with a typed request and reply.
func Op[In, Out any](f func(context.Context, In) (Out, error)) Operation {
	return func(ctx context.Context, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, Errorf("SerializationException", "the request is not the JSON that the operation accepts: %v", err)
		}
		return f(ctx, in)
	}
}

// JSONService answers AWS JSON requests. The part of X-Amz-Target after the dot names
// the operation.
type JSONService struct {
	// Version is that of the protocol: "1.0" or "1.1".
	Version string
	// Namespace stands before the error code, as in "com.amazonaws.sqs".
	Namespace  string
	Operations map[string]Operation
}

func (s *JSONService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	reply, err := s.answer(w, r)
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
	w.Header().Set("Content-Type", "application/x-amz-json-"+s.Version)
	w.Header().Set("X-Amzn-RequestId", NewID())
	WriteJSON(w, status, reply)
}

func (s *JSONService) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	operation, ok := s.Operations[name]
	if !ok {
		return nil, unknown(name, slices.Collect(maps.Keys(s.Operations)))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return nil, tooLarge(err)
	}
	return operation(r.Context(), body)
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
