package awsprotocol

import (
	"cmp"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// QueryOperation answers one operation of a form service. The reply is encoded
// as the content of the operation's Result element; nil gives none.
type QueryOperation func(form url.Values) (any, error)

// QueryService answers AWS query requests: forms with an Action field.
type QueryService struct {
	// XMLNS is the name space of the replies.
	XMLNS      string
	Operations map[string]QueryOperation
}

// IsForm reports whether a request is one of the query protocol.
func IsForm(r *http.Request) bool {
	return r.Header.Get("X-Amz-Target") == "" && strings.HasPrefix(r.Header.Get("Content-Type"),
		"application/x-www-form-urlencoded")
}

type errorReply struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Error   struct {
		Type    string
		Code    string
		Message string
	}
	RequestID string `xml:"RequestId"`
}

// Answer answers a form that was read already.
func (s *QueryService) Answer(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	operation, ok := s.Operations[action]
	if !ok {
		e := unknown(action, slices.Collect(maps.Keys(s.Operations)))
		e.Code = "InvalidAction"
		s.Refuse(w, e)
		return
	}
	result, err := operation(form)
	if err != nil {
		s.Refuse(w, err)
		return
	}
	s.reply(w, action, result)
}

func (s *QueryService) reply(w http.ResponseWriter, action string, result any) {
	type metadata struct {
		RequestID string `xml:"RequestId"`
	}
	body := struct {
		XMLName  xml.Name
		XMLNS    string `xml:"xmlns,attr"`
		Result   any
		Metadata metadata `xml:"ResponseMetadata"`
	}{
		XMLName:  xml.Name{Local: action + "Response"},
		XMLNS:    s.XMLNS,
		Metadata: metadata{NewID()},
	}
	if result != nil {
		body.Result = named{action + "Result", result}
	}
	writeXML(w, http.StatusOK, body)
}

// Refuse answers with the service's error element.
func (s *QueryService) Refuse(w http.ResponseWriter, err error) {
	e, status := asError(err)
	body := errorReply{XMLNS: s.XMLNS, RequestID: NewID()}
	body.Error.Type, body.Error.Code, body.Error.Message = "Sender", cmp.Or(e.Legacy, e.Code), e.Message
	if status >= http.StatusInternalServerError {
		body.Error.Type = "Receiver"
	}
	writeXML(w, status, body)
}

// named encodes a value under an element name that is known at run time only.
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
