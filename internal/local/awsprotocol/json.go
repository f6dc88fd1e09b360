package awsprotocol

import (
	"bytes"
	"context"
	"encoding/json"
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
			return nil, Errorf("SerializationException", "the request is not the JSON that the operation takes: %v", err)
		}
		return f(ctx, in)
	}
}

// JSONService answers AWS JSON requests. Operations are found by the part of
// X-Amz-Target after the dot.
type JSONService struct {
	// Version is the protocol's, "1.0" or "1.1".
	Version string
	// Namespace goes before the error code, as in "com.amazonaws.sqs".
	Namespace  string
	Operations map[string]Operation
}

func (s *JSONService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := s.answer(w, r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.write(w, http.StatusOK, reply)
}

func (s *JSONService) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	operation, ok := s.Operations[name]
	if !ok {
		return nil, unknown(name, slices.Collect(maps.Keys(s.Operations)))
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	return operation(r.Context(), body)
}

func (s *JSONService) refuse(w http.ResponseWriter, err error) {
	e, status := asError(err)
	code := e.Code
	if s.Namespace != "" {
		code = s.Namespace + "#" + code
	}
	if e.Legacy != "" {
		w.Header().Set("X-Amzn-Query-Error", e.Legacy+";Sender")
	}
	s.write(w, status, map[string]string{"__type": code, "message": e.Message})
}

func (s *JSONService) write(w http.ResponseWriter, status int, reply any) {
	w.Header().Set("Content-Type", "application/x-amz-json-"+s.Version)
	w.Header().Set("X-Amzn-RequestId", NewID())
	WriteJSON(w, status, reply)
}

// WriteJSON writes a reply with its length, and keeps the Content-Type that is
// set already.
func WriteJSON(w http.ResponseWriter, status int, reply any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(reply); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"message":"the reply could not be encoded"}`)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails only when the client is gone
}
