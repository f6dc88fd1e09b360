package awsprotocol

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// IsForm reports whether a request is one of the query protocol.
func IsForm(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") == "" &&
		strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// Forms returns a handler that passes each form to the service with its version.
func Forms(services ...*Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := parseForm(w, r); err != nil {
			services[0].refuseForm(w, err)
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
		services[0].refuseForm(w, Errorf("InvalidAction",
			"%s has the version %q, which is of no service of the local stack; it answers forms of these versions: %s",
			r.PostForm.Get("Action"), version, strings.Join(known, ", ")))
	})
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
	for field, values := range r.PostForm {
		if !utf8.ValidString(values[0]) {
			return Errorf("MalformedQueryString", "the field %q is not UTF-8", field)
		}
	}
	return nil
}

// fromForm returns the request of the JSON protocol with the content of a form. Name.1
// is an element of the list Names; MessageAttribute.1.Name and
// MessageAttribute.1.Value.DataType (MessageAttributes.entry.1… in SNS) are of a message
// attribute.
func fromForm(form url.Values) map[string]any {
	in, lists, attributes := map[string]any{}, map[string][]string{}, map[string]map[string]string{}
	for field, values := range form {
		list, rest, isElement := strings.Cut(field, ".")
		number, part, isAttribute := strings.Cut(strings.TrimPrefix(rest, "entry."), ".")
		switch {
		case isAttribute:
			if attributes[number] == nil {
				attributes[number] = map[string]string{}
			}
			attributes[number][strings.TrimPrefix(part, "Value.")] = values[0]
		case isElement:
			lists[list+"s"] = append(lists[list+"s"], values[0])
		default:
			in[field] = values[0]
		}
	}
	for list, values := range lists {
		in[list] = values
	}
	messageAttributes := map[string]any{}
	for _, attribute := range attributes {
		messageAttributes[attribute["Name"]] = attribute
	}
	in["MessageAttributes"] = messageAttributes
	return in
}

func (s *Service) serveForm(w http.ResponseWriter, r *http.Request) {
	reply, err := s.answerForm(w, r)
	if err != nil {
		s.refuseForm(w, err)
		return
	}
	writeXML(w, http.StatusOK, reply)
}

// answerForm returns the text of the reply.
func (s *Service) answerForm(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if err := parseForm(w, r); err != nil {
		return nil, err
	}
	body, err := json.Marshal(fromForm(r.PostForm))
	if err != nil {
		return nil, err
	}
	action := r.PostForm.Get("Action")
	reply, err := s.run(r, action, body)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, `<%sResponse xmlns="%s">`, action, s.xmlns())
	if reply != (struct{}{}) {
		result := xml.StartElement{Name: xml.Name{Local: action + "Result"}}
		if err := xml.NewEncoder(&text).EncodeElement(reply, result); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(&text, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", NewID(), action)
	return text.Bytes(), nil
}

func (s *Service) xmlns() string { return "http://" + s.Host + "/doc/" + s.Version + "/" }

// refuseForm answers with the service's error element.
func (s *Service) refuseForm(w http.ResponseWriter, err error) {
	type fields struct{ Type, Code, Message string }
	e, status := asError(err)
	reply := struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		XMLNS     string   `xml:"xmlns,attr"`
		Error     fields
		RequestID string `xml:"RequestId"`
	}{XMLNS: s.xmlns(), Error: fields{"Sender", cmp.Or(e.Legacy, e.Code), e.Message}, RequestID: NewID()}
	if status >= http.StatusInternalServerError {
		reply.Error.Type = "Receiver"
	}
	text, err := xml.Marshal(reply)
	if err != nil {
		http.Error(w, "the reply could not be encoded", http.StatusInternalServerError)
		return
	}
	writeXML(w, status, text)
}

func writeXML(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(text) // fails only when the client is gone
}

// ByName is a map that the query protocol writes as pairs of Name and Value.
type ByName[V any] map[string]V

// MarshalXML implements xml.Marshaler.
func (m ByName[V]) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pair := struct {
			Name  string
			Value V
		}{name, m[name]}
		if err := e.EncodeElement(pair, start); err != nil {
			return err
		}
	}
	return nil
}
