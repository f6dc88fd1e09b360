package local

import (
	"net/http"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// StackName is the name of the stack for CloudFormation: that of a deployed stack whose
// deployer chose no other name.
const StackName = "Chimewatch"

// cloudFormation answers DescribeStacks for the one stack there is, by which clients find
// the table, the topics and the queues. queueURL returns the URL of a queue for a client
// that reaches the stack under the host.
func cloudFormation(created time.Time, o Options,
	queueURL func(host, queue string) string) *awsprotocol.Service {
	describe := func(r *http.Request, in struct{ StackName string }) (stacksResult, error) {
		return describeStack(in.StackName, created, o, func(queue string) string { return queueURL(r.Host, queue) })
	}
	return &awsprotocol.Service{Name: "DescribeStacks of CloudFormation", Version: "2010-05-15",
		Host:       "cloudformation.amazonaws.com",
		Operations: map[string]awsprotocol.Operation{"DescribeStacks": awsprotocol.Op(describe)}}
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

func describeStack(name string, created time.Time, o Options,
	queueURL func(queue string) string) (out stacksResult, err error) {
	id := "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + StackName + "/local"
	if name != "" && name != StackName && name != id {
		return out, awsprotocol.Errorf("ValidationError", "Stack with id %s does not exist; the local stack is called %s",
			name, StackName)
	}
	outputs := []stackOutput{
		{"TableName", TableName}, {"FailureTopicArn", FailureTopicARN}, {"AlertTopicArn", AlertTopicARN},
		{"AlarmTopicArn", AlarmTopicARN}, {"HttpsBody", o.Config.HTTPS.String()},
		{"RuleDeadLettersUrl", queueURL(RuleQueue)}, {"FunctionDeadLettersUrl", queueURL(FunctionQueue)},
		{"VoiceDeadLettersUrl", queueURL(VoiceDeadLetters)},
	}
	for _, function := range o.Only {
		outputs = append(outputs, stackOutput{strings.ToUpper(function[:1]) + function[1:] + "FunctionName", function})
	}
	return stacksResult{[]stackMember{{
		StackName: StackName, StackID: id, CreationTime: created.UTC().Format(time.RFC3339),
		StackStatus: "CREATE_COMPLETE", Outputs: outputs,
	}}}, nil
}
