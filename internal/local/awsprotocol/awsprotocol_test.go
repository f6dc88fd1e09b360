package awsprotocol_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

type greeting struct{ Name string }

func jsonService() http.Handler {
	return &awsprotocol.Service{JSONVersion: "1.0", Namespace: "test", Operations: map[string]awsprotocol.Operation{
		"Greet": awsprotocol.Op(func(_ *http.Request, in greeting) (greeting, error) {
			switch in.Name {
			case "refused":
				return in, &awsprotocol.Error{Code: "Refused", Legacy: "Old.Refused", Message: "not you"}
			case "broken":
				return in, errors.New("out of order")
			}
			return greeting{"<" + in.Name + ">"}, nil
		}),
	}}
}

func TestJSON(t *testing.T) {
	for _, tc := range []struct {
		name, target, body string
		status             int
		reply              string
	}{
		{"a reply", "T.Greet", `{"Name":"A & B"}`, 200, `{"Name":"<A & B>"}`},
		{"an error of the service", "T.Greet", `{"Name":"refused"}`, 400, `{"__type":"test#Refused","message":"not you"}`},
		{"an error that is none of the service", "T.Greet", `{"Name":"broken"}`, 500,
			`{"__type":"test#InternalFailure","message":"out of order"}`},
		{"a body that is not JSON", "T.Greet", `{`, 400, `"__type":"test#SerializationException"`},
		{"an operation that is not there", "T.Part", `{}`, 400,
			`"message":"Part is not one of the operations that the local stack answers: Greet"`},
		{"no operation", "", `{}`, 400, `"__type":"test#UnknownOperationException"`},
		{"a body without end", "T.Greet", strings.Repeat(" ", awsprotocol.MaxBody+1), 400,
			`"__type":"test#RequestEntityTooLarge"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
			request.Header.Set("X-Amz-Target", tc.target)
			w := httptest.NewRecorder()
			jsonService().ServeHTTP(w, request)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.reply) {
				t.Errorf("got status %d and %s, want %d and %s", w.Code, w.Body, tc.status, tc.reply)
			}
			if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.0" {
				t.Errorf("content type: got %q, want that of the protocol", got)
			}
			if got, want := w.Header().Get("X-Amzn-Query-Error"), "Old.Refused;Sender"; strings.Contains(tc.body, "refused") &&
				got != want {
				t.Errorf("code for older clients: got %q, want %q", got, want)
			}
		})
	}
}

func TestForms(t *testing.T) {
	type guests struct {
		Names             []string
		MessageAttributes map[string]awsprotocol.Attribute
	}
	service := &awsprotocol.Service{Name: "Test", Version: "1", Host: "test",
		Operations: map[string]awsprotocol.Operation{
			"Greet":  awsprotocol.Op(func(_ *http.Request, in greeting) (greeting, error) { return in, nil }),
			"Forget": awsprotocol.Op(func(*http.Request, greeting) (struct{}, error) { return struct{}{}, nil }),
			"Break": awsprotocol.Op(func(*http.Request, greeting) (greeting, error) {
				return greeting{}, errors.New("out of order")
			}),
			"GreetAll": awsprotocol.Op(func(_ *http.Request, in guests) (greeting, error) {
				slices.Sort(in.Names)
				return greeting{fmt.Sprint(in.Names, in.MessageAttributes)}, nil
			}),
		}}
	for _, tc := range []struct {
		name   string
		form   string
		status int
		reply  string
	}{
		{"a result", "Version=1&Action=Greet&Name=A+%26+B", 200,
			`<GreetResponse xmlns="http://test/doc/1/"><GreetResult><Name>A &amp; B</Name></GreetResult>` +
				`<ResponseMetadata><RequestId>`},
		{"no result", "Version=1&Action=Forget", 200,
			`<ForgetResponse xmlns="http://test/doc/1/"><ResponseMetadata>`},
		{"lists of SQS", "Version=1&Action=GreetAll&Name.1=Ann&Name.2=Bob&MessageAttribute.1.Name=k" +
			"&MessageAttribute.1.Value.StringValue=v&MessageAttribute.1.Value.DataType=String", 200,
			`<Name>[Ann Bob] map[k:{v [] String}]</Name>`},
		{"lists of SNS", "Version=1&Action=GreetAll&MessageAttributes.entry.1.Name=k" +
			"&MessageAttributes.entry.1.Value.BinaryValue=AQI%3D&MessageAttributes.entry.1.Value.DataType=Binary", 200,
			`<Name>[] map[k:{ [1 2] Binary}]</Name>`},
		{"a field that is not UTF-8", "Version=1&Action=Greet&Name=%ff", 400, `<Code>MalformedQueryString</Code>`},
		{"a field that is no list", "Version=1&Action=GreetAll&Names=Ann", 400, `<Code>InvalidParameterValue</Code>`},
		{"an error", "Version=1&Action=Break", 500, `<Code>InternalFailure</Code><Message>out of order</Message>`},
		{"an operation that is not there", "Version=1&Action=Part", 400, `<Code>InvalidAction</Code>`},
		{"another version", "Version=2&Action=Greet", 400, `it answers forms of these versions: Test (1)`},
		{"a body that is not a form", "Action=%", 400, `<Code>MalformedQueryString</Code>`},
		{"a body without end", strings.Repeat("a", awsprotocol.MaxBody+1), 400, `<Code>RequestEntityTooLarge</Code>`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.form))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
			w := httptest.NewRecorder()
			awsprotocol.Forms(service).ServeHTTP(w, request)
			body, err := io.ReadAll(w.Body)
			if err != nil || w.Code != tc.status || !strings.Contains(string(body), tc.reply) {
				t.Errorf("got status %d and %s, want %d and %s", w.Code, body, tc.status, tc.reply)
			}
		})
	}
}

func TestNewIDIsAUUID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if a, b := awsprotocol.NewID(), awsprotocol.NewID(); !form.MatchString(a) || a == b {
		t.Errorf("got %s and %s, want two UUIDs of version 4", a, b)
	}
}
