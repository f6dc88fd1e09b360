package local

import (
	"net/http"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/functionspec"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// StackName is the name of the stack for CloudFormation: that of a deployed stack whose
// deployer chose no other name.
const StackName = "Chimewatch"

// cloudFormation answers DescribeStacks for the one stack there is, by which clients find
// the table, the topics and the queues.
func cloudFormation(created time.Time, c *config.Stack, queues *sqs.Service) *awsprotocol.Service {
	describe := func(r *http.Request, in struct{ StackName string }) (out stacksResult, err error) {
		id := "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + StackName + "/local"
		if in.StackName != "" && in.StackName != StackName && in.StackName != id {
			return out, awsprotocol.Errorf("ValidationError", "Stack with id %s does not exist; the local stack is called %s",
				in.StackName, StackName)
		}
		return stacksResult{[]stackMember{{
			StackName: StackName, StackID: id, CreationTime: created.UTC().Format(time.RFC3339),
			StackStatus: "CREATE_COMPLETE", Outputs: outputs(c, func(queue string) string { return queues.URL(r.Host, queue) }),
		}}}, nil
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

func outputs(c *config.Stack, queueURL func(queue string) string) []stackOutput {
	all := []stackOutput{
		{"TableName", TableName}, {"FailureTopicArn", FailureTopicARN}, {"AlertTopicArn", AlertTopicARN},
		{"AlarmTopicArn", AlarmTopicARN}, {"HttpsBody", c.HTTPS.String()},
		{"RuleDeadLettersUrl", queueURL(RuleQueue)}, {"FunctionDeadLettersUrl", queueURL(FunctionQueue)},
		{"VoiceDeadLettersUrl", queueURL(VoiceDeadLetters)},
	}
	for _, f := range functionspec.All() {
		all = append(all, stackOutput{strings.ToUpper(f.Name[:1]) + f.Name[1:] + "FunctionName", f.Name})
	}
	return all
}
