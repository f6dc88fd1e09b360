package local

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/local/wire"
)

// StackName is what the stack is called towards CloudFormation, as the deployed
// one is where the deployer chose no other name.
const StackName = "Chimewatch"

// outputsVersion is CloudFormation's version, by which its forms are told from
// those of SNS.
const outputsVersion = "2010-05-15"

// forms answers AWS query requests: DescribeStacks of CloudFormation, by which
// clients find the table of a deployed stack, and all others as publish does.
func (s *Stack) forms(publish http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := &wire.QueryService{XMLNS: "http://cloudformation.amazonaws.com/doc/" + outputsVersion + "/", Operations: map[string]wire.QueryOperation{
			"DescribeStacks": func(form url.Values) (any, error) { return s.describeStacks(form, r.Host) },
		}}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxBody))
		if err != nil {
			service.Refuse(w, wire.Errorf("ValidationError", "the request could not be read: %v", err))
			return
		}
		// A form that cannot be read is not ours to refuse: it has no version.
		if form, _ := url.ParseQuery(string(body)); form.Get("Version") == outputsVersion {
			service.Answer(w, form)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		publish.ServeHTTP(w, r)
	})
}

type stackOutput struct{ OutputKey, OutputValue string }

type stackMember struct {
	StackName    string
	StackID      string `xml:"StackId"`
	CreationTime string
	StackStatus  string
	Outputs      []stackOutput `xml:"Outputs>member"`
}

type stacksResult struct {
	Stacks []stackMember `xml:"Stacks>member"`
}

// describeStacks tells of the one stack there is. host is how the client calls
// this address.
func (s *Stack) describeStacks(form url.Values, host string) (any, error) {
	id := "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + StackName + "/local"
	if name := form.Get("StackName"); name != "" && name != StackName && name != id {
		return nil, wire.Errorf("ValidationError", "Stack with id %s does not exist; the local stack is called %s", name, StackName)
	}
	outputs := []stackOutput{
		{"TableName", TableName}, {"FailureTopicArn", FailureTopicARN}, {"AlertTopicArn", AlertTopicARN},
		{"AlarmTopicArn", AlarmTopicARN}, {"HttpsBody", alert.HTTPSBodies{}.String()},
		{"RuleDeadLettersUrl", s.queues.URL(host, s.ruleQueue)}, {"FunctionDeadLettersUrl", s.queues.URL(host, s.functionQueue)},
		{"VoiceDeadLettersUrl", s.queues.URL(host, s.sources.dead)},
	}
	for _, function := range s.options.functions() {
		outputs = append(outputs, stackOutput{strings.ToUpper(function[:1]) + function[1:] + "FunctionName", function})
	}
	return stacksResult{[]stackMember{{
		StackName: StackName, StackID: id, CreationTime: s.started.UTC().Format(time.RFC3339), StackStatus: "CREATE_COMPLETE", Outputs: outputs,
	}}}, nil
}
