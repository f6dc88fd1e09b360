package awsprotocol

import (
	"cmp"
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// QueryOperation answers one operation of a form service; the fields are in r.PostForm.
// The reply is encoded as the content of the operation's Result element, which is left
// out for a nil reply.
type QueryOperation func(r *http.Request) (any, error)

// QueryService answers AWS query requests: forms with an Action field.
type QueryService struct {
	// Name is what people call the service.
	Name string
	// Version is the version of its API, which every request has in its field Version.
	Version string
	// XMLNS is the name space of the replies.
	XMLNS      string
	Operations map[string]QueryOperation
}

// IsForm reports whether a request is one of the query protocol.
func IsForm(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") == "" &&
		strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// parseForm reads the fields into r.PostForm, once for each request.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	var long *http.MaxBytesError
	switch err := r.ParseForm(); {
	case errors.As(err, &long):
		return tooLarge(err)
	case err != nil:
		return Errorf("MalformedQueryString", "the request is not a form: %v", err)
	}
	return nil
}

// Forms returns a handler that passes each form to the service with its version.
func Forms(services ...*QueryService) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := parseForm(w, r); err != nil {
			services[0].refuse(w, err)
			return
		}
		version := r.PostForm.Get("Version")
		var known []string
		for _, service := range services {
			if service.Version == version {
				service.ServeHTTP(w, r)
				return
			}
			known = append(known, service.Name+" ("+service.Version+")")
		}
		services[0].refuse(w, Errorf("InvalidAction",
			"%s has the version %q, which is of no service of the local stack; it answers forms of these versions: %s",
			r.PostForm.Get("Action"), version, strings.Join(known, ", ")))
	})
}

func (s *QueryService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := parseForm(w, r); err != nil {
		s.refuse(w, err)
		return
	}
	action := r.PostForm.Get("Action")
	operation, ok := s.Operations[action]
	if !ok {
		e := unknown(action, slices.Collect(maps.Keys(s.Operations)))
		e.Code = "InvalidAction"
		s.refuse(w, e)
		return
	}
	result, err := operation(r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	body := struct {
		XMLName   xml.Name
		XMLNS     string `xml:"xmlns,attr"`
		Result    any
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}{XMLName: xml.Name{Local: action + "Response"}, XMLNS: s.XMLNS, RequestID: NewID()}
	if result != nil {
		body.Result = named{action + "Result", result}
	}
	writeXML(w, http.StatusOK, body)
}

// refuse answers with the service's error element.
func (s *QueryService) refuse(w http.ResponseWriter, err error) {
	type fields struct{ Type, Code, Message string }
	e, status := asError(err)
	body := struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		XMLNS     string   `xml:"xmlns,attr"`
		Error     fields
		RequestID string `xml:"RequestId"`
	}{XMLNS: s.XMLNS, Error: fields{"Sender", cmp.Or(e.Legacy, e.Code), e.Message}, RequestID: NewID()}
	if status >= http.StatusInternalServerError {
		body.Error.Type = "Receiver"
	}
	writeXML(w, status, body)
}

// named is a value that is encoded under an element name known at run time only.
type named struct {
	name  string
	value any
}

func (n named) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(n.value, xml.StartElement{Name: xml.Name{Local: n.name}})
}

func writeXML(w http.ResponseWriter, status int, reply any) {
	body, err := xml.Marshal(reply)
	if err != nil {
		http.Error(w, "the reply could not be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(body) // fails only when the client is gone
}
