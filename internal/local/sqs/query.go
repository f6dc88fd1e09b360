package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// APIVersion is SQS's version, by which its forms are told from those of other services.
const APIVersion = "2012-11-05"

// serveForm answers a request of the SQS query protocol, which SDKs spoke until 2023.
func (s *Service) serveForm(w http.ResponseWriter, r *http.Request) {
	service := &awsprotocol.QueryService{XMLNS: "http://queue.amazonaws.com/doc/" + APIVersion + "/",
		Operations: map[string]awsprotocol.QueryOperation{}}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, awsprotocol.MaxBody))
	if err != nil {
		service.Refuse(w, awsprotocol.Errorf("RequestEntityTooLarge", "the request could not be read: %v", err))
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		service.Refuse(w, awsprotocol.Errorf("MalformedQueryString", "the request is no form: %v", err))
		return
	}
	if !form.Has("QueueUrl") && r.URL.Path != "/" { // a request may be sent to the queue's URL instead
		form.Set("QueueUrl", r.URL.Path)
	}
	for name, operation := range s.operations() {
		service.Operations[name] = func(form url.Values) (any, error) { return queryOperation(r.Context(), operation, form) }
	}
	service.Answer(w, form)
}

// queryOperation answers a form by the operation of the JSON protocol.
func queryOperation(ctx context.Context, operation awsprotocol.Operation, form url.Values) (any, error) {
	in, err := fromForm(form)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	out, err := operation(ctx, body)
	if _, nothing := out.(empty); nothing {
		return nil, err
	}
	return out, err
}

// lists are the parameters of forms that are numbered, and their names in JSON.
var lists = map[string]string{
	"AttributeName": "AttributeNames", "MessageSystemAttributeName": "MessageSystemAttributeNames",
	"MessageAttributeName": "MessageAttributeNames",
	"MessageAttribute":     "MessageAttributes", "SendMessageBatchRequestEntry": "Entries",
	"DeleteMessageBatchRequestEntry":           "Entries",
	"ChangeMessageVisibilityBatchRequestEntry": "Entries",
}

// numbers are the parameters that are numbers in JSON.
var numbers = []string{"DelaySeconds", "VisibilityTimeout", "MaxNumberOfMessages", "WaitTimeSeconds"}

// fromForm returns a form as the JSON protocol has it: Name.2.Part=value is the part of
// the second element of a list, and attributes are a map by their names.
func fromForm(form url.Values) (map[string]any, error) {
	in := map[string]any{}
	parts := map[string]map[int]url.Values{} // by list and number
	for name, values := range form {
		value := values[0]
		first, rest, _ := strings.Cut(name, ".")
		if lists[first] == "" {
			if !slices.Contains(numbers, name) {
				in[name] = value
				continue
			}
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, awsprotocol.Errorf("InvalidParameterValue", "%s is %q, which is no number", name, value)
			}
			in[name] = n
			continue
		}
		if rest == "" { // how a list without an element is written
			in[lists[first]] = []any{}
			continue
		}
		number, part, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, awsprotocol.Errorf("MalformedQueryString", "the parameter %s has no number", name)
		}
		if parts[first] == nil {
			parts[first] = map[int]url.Values{}
		}
		if parts[first][n] == nil {
			parts[first][n] = url.Values{}
		}
		parts[first][n].Set(part, value)
	}
	for list, elements := range parts {
		value, err := listFromForm(list, elements)
		if err != nil {
			return nil, err
		}
		in[lists[list]] = value
	}
	return in, nil
}

func listFromForm(list string, elements map[int]url.Values) (any, error) {
	attributes, members := map[string]any{}, []any{}
	for _, n := range slices.Sorted(maps.Keys(elements)) {
		element := elements[n]
		switch {
		case list == "MessageAttribute":
			a := map[string]any{"DataType": element.Get("Value.DataType")}
			for _, kind := range []string{"StringValue", "BinaryValue"} { // binary is base64 in both protocols
				if field := "Value." + kind; element.Has(field) {
					a[kind] = element.Get(field)
				}
			}
			attributes[element.Get("Name")] = a
		case strings.HasSuffix(list, "Entry"):
			entry, err := fromForm(element)
			if err != nil {
				return nil, err
			}
			members = append(members, entry)
		default:
			members = append(members, element.Get(""))
		}
	}
	if list == "MessageAttribute" {
		return attributes, nil
	}
	return members, nil
}

// textMap is a map that the query protocol writes as pairs of Name and Value.
type textMap map[string]string

// MarshalXML implements xml.Marshaler.
func (m textMap) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if err := e.EncodeElement(struct{ Name, Value string }{name, m[name]}, start); err != nil {
			return err
		}
	}
	return nil
}

// attributeMap is the same with attributes for values.
type attributeMap map[string]Attribute

// MarshalXML implements xml.Marshaler.
func (m attributeMap) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	type value struct {
		StringValue string `xml:",omitempty"`
		BinaryValue string `xml:",omitempty"`
		DataType    string
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		a := m[name]
		pair := struct {
			Name  string
			Value value
		}{name, value{a.StringValue, base64.StdEncoding.EncodeToString(a.BinaryValue), a.DataType}}
		if err := e.EncodeElement(pair, start); err != nil {
			return err
		}
	}
	return nil
}
