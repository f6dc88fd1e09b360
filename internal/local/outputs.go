package local

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// StackName is what the stack is called towards CloudFormation, as the deployed
// one is where the deployer chose no other name.
const StackName = "Chimewatch"

// outputsVersion is CloudFormation's version, by which its forms are told from
// those of SNS.
const outputsVersion = "2010-05-15"

// forms answers AWS query requests, which say by their version for which service they
// are: DescribeStacks of CloudFormation, by which clients find the table of a deployed
// stack, and whatever others has a handler for.
func forms(describe func(form url.Values, host string) (any, error), others map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service := &awsprotocol.QueryService{XMLNS: "http://cloudformation.amazonaws.com/doc/" + outputsVersion + "/", Operations: map[string]awsprotocol.QueryOperation{
			"DescribeStacks": func(form url.Values) (any, error) { return describe(form, r.Host) },
		}}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, awsprotocol.MaxBody))
		if err != nil {
			service.Refuse(w, awsprotocol.Errorf("ValidationError", "the request could not be read: %v", err))
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			service.Refuse(w, awsprotocol.Errorf("MalformedQueryString", "the request is no form: %v", err))
			return
		}
		version := form.Get("Version")
		switch next := others[version]; {
		case version == outputsVersion:
			service.Answer(w, form)
		case next != nil:
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		default:
			service.Refuse(w, awsprotocol.Errorf("InvalidAction",
				"%s of version %q belongs to a service that the local stack does not stand for; "+
					"with forms it answers SNS (version %s), SQS (%s) and DescribeStacks of CloudFormation (%s)",
				form.Get("Action"), version, sns.APIVersion, sqs.APIVersion, outputsVersion))
		}
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

// describeStacks describes the one stack there is. host is how the client calls this
// address.
func (s *Stack) describeStacks(form url.Values, host string) (any, error) {
	return describeStack(form, s.started, s.options.functions(), func(queue string) string {
		return s.queues.URL(host, queue)
	})
}

func describeStack(form url.Values, created time.Time, functions []string, queueURL func(queue string) string) (any,
	error) {
	id := "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + StackName + "/local"
	if name := form.Get("StackName"); name != "" && name != StackName && name != id {
		return nil, awsprotocol.Errorf("ValidationError", "Stack with id %s does not exist; the local stack is called %s", name, StackName)
	}
	outputs := []stackOutput{
		{"TableName", TableName}, {"FailureTopicArn", FailureTopicARN}, {"AlertTopicArn", AlertTopicARN},
		{"AlarmTopicArn", AlarmTopicARN}, {"HttpsBody", notify.HTTPSBodies{}.String()},
		{"RuleDeadLettersUrl", queueURL(RuleQueue)}, {"FunctionDeadLettersUrl", queueURL(FunctionQueue)},
		{"VoiceDeadLettersUrl", queueURL(VoiceDeadLetters)},
	}
	for _, function := range functions {
		outputs = append(outputs, stackOutput{strings.ToUpper(function[:1]) + function[1:] + "FunctionName", function})
	}
	return stacksResult{[]stackMember{{
		StackName: StackName, StackID: id, CreationTime: created.UTC().Format(time.RFC3339), StackStatus: "CREATE_COMPLETE",
		Outputs: outputs,
	}}}, nil
}
