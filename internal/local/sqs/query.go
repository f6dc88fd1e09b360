package sqs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// Forms returns the service of the SQS query protocol, which SDKs used until 2023. It
// answers each form with the operation of the JSON protocol.
func (s *Service) Forms() *awsprotocol.QueryService {
	const version = "2012-11-05"
	service := &awsprotocol.QueryService{Name: "SQS", Version: version,
		XMLNS: "http://queue.amazonaws.com/doc/" + version + "/", Operations: map[string]awsprotocol.QueryOperation{}}
	for name, operation := range s.operations() {
		service.Operations[name] = func(r *http.Request) (any, error) {
			if !r.PostForm.Has("QueueUrl") && r.URL.Path != "/" { // a request may be sent to the queue's URL instead
				r.PostForm.Set("QueueUrl", r.URL.Path)
			}
			return answerForm(withHost(r), operation, r.PostForm)
		}
	}
	return service
}

func answerForm(ctx context.Context, operation awsprotocol.Operation, form url.Values) (any, error) {
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

// empty is a reply without content.
type empty struct{}

// numbers are the parameters that are numbers in JSON.
var numbers = []string{"DelaySeconds", "VisibilityTimeout", "MaxNumberOfMessages", "WaitTimeSeconds"}

// lists are the parameters that are lists of names: Name.1=value, Name.2=value.
var lists = []string{"AttributeName", "MessageSystemAttributeName", "MessageAttributeName"}

// fromForm returns the request of the JSON protocol that says the same as a form.
func fromForm(form url.Values) (map[string]any, error) {
	in, names, attributes := map[string]any{}, map[string][]string{}, map[string]map[string]string{}
	for _, field := range slices.Sorted(maps.Keys(form)) {
		value := form.Get(field)
		first, rest, _ := strings.Cut(field, ".")
		switch {
		case slices.Contains(lists, first):
			if names[first+"s"] = append(names[first+"s"], value); rest == "" { // a list without elements
				names[first+"s"] = []string{}
			}
		case first == "MessageAttribute": // MessageAttribute.1.Name, MessageAttribute.1.Value.StringValue
			number, part, _ := strings.Cut(rest, ".")
			if attributes[number] == nil {
				attributes[number] = map[string]string{}
			}
			attributes[number][strings.TrimPrefix(part, "Value.")] = value
		case slices.Contains(numbers, field):
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, awsprotocol.Errorf("InvalidParameterValue", "%s is %q, which is not a number", field, value)
			}
			in[field] = n
		default:
			in[field] = value
		}
	}
	for list, values := range names {
		in[list] = values
	}
	messageAttributes := map[string]any{}
	for _, attribute := range attributes {
		messageAttributes[attribute["Name"]] = attribute
	}
	in["MessageAttributes"] = messageAttributes
	return in, nil
}

// byName is a map that the query protocol writes as pairs of Name and Value.
type byName[V any] map[string]V

// MarshalXML implements xml.Marshaler.
func (m byName[V]) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
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

// base64Bytes are written as base64 in both protocols.
type base64Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b base64Bytes) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *base64Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = base64.StdEncoding.AppendDecode(nil, text)
	return err
}
