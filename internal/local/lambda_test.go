package local_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/schemas"
)

const functionARN = "arn:aws:lambda:" + local.Region + ":" + local.Account + ":function:"

// Every name that Lambda accepts for a function finds it, and no other name does.
func TestInvokeByName(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	client := lambda.NewFromConfig(awsConfig(s), func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	event, err := schemas.Lookup("rule-sentiment")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, qualifier string
		code            string // empty where it is invoked
	}{
		{"alerts", "", ""},
		{"alerts:$LATEST", "", ""},
		{"alerts", "$LATEST", ""},
		{"alerts:$LATEST", "$LATEST", ""},
		{functionARN + "alerts", "", ""},
		{functionARN + "alerts:$LATEST", "", ""},
		{local.Account + ":function:alerts", "", ""},
		{local.Account + ":function:alerts:$LATEST", "", ""},
		{"function:alerts", "", ""},
		{"alerts:live", "", "ResourceNotFoundException"},
		{"alerts", "1", "ResourceNotFoundException"},
		{"alerts:$LATEST", "1", "InvalidParameterValueException"},
		{"nobody", "", "ResourceNotFoundException"}, // a rule names it, and it has no binary
		{"$LATEST", "", "ValidationException"},
		{functionARN + "other", "", "ResourceNotFoundException"},
		{"arn:aws:lambda:eu-west-1:" + local.Account + ":function:alerts", "", "ResourceNotFoundException"},
		{"999999999999:function:alerts", "", "ResourceNotFoundException"},
		{"arn:aws:lambda:alerts", "", "ValidationException"},
		{"a b", "", "ValidationException"},
	} {
		t.Run(tc.name+" "+tc.qualifier, func(t *testing.T) {
			in := &lambda.InvokeInput{FunctionName: aws.String(tc.name), Payload: event.Body}
			if tc.qualifier != "" {
				in.Qualifier = aws.String(tc.qualifier)
			}
			out, err := client.Invoke(t.Context(), in)
			if tc.code == "" {
				if err != nil || out.StatusCode != 200 || aws.ToString(out.ExecutedVersion) != "$LATEST" ||
					out.FunctionError != nil {
					t.Errorf("got %+v and error %v, want it invoked", out, err)
				}
				return
			}
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != tc.code {
				t.Fatalf("got %v, want code %s", err, tc.code)
			}
			var absent *types.ResourceNotFoundException
			if errors.As(err, &absent) && (aws.ToString(absent.Type) != "User" ||
				!strings.Contains(absent.ErrorMessage(), "Function not found: ")) {
				t.Errorf("got type %q and %q, want those of Lambda", aws.ToString(absent.Type), absent.ErrorMessage())
			}
		})
	}
}

func TestInvocationTypes(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	client := lambda.NewFromConfig(awsConfig(s), func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	invoke := func(kind types.InvocationType, payload []byte) (*lambda.InvokeOutput, error) {
		return client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("alerts"), InvocationType: kind,
			Payload: payload, LogType: types.LogTypeTail})
	}
	invoked := func() int { return s.Status().Functions["alerts"].Invocations }
	if out, err := invoke(types.InvocationTypeDryRun, []byte(`{}`)); err != nil || out.StatusCode != 204 ||
		invoked() != 0 {
		t.Errorf("dry run: got %+v and error %v and %d invocations, want status 204 and none", out, err, invoked())
	}
	out, err := invoke(types.InvocationTypeEvent, []byte(`{"id":"1"}`))
	if err != nil || out.StatusCode != 202 || len(out.Payload) > 0 {
		t.Errorf("event: got %+v and error %v, want status 202 and nothing else", out, err)
	}
	drain(t, s)
	if got := len(s.DeadLetters()); got != 1 {
		t.Errorf("event that fails: got %d dead letters, want 1", got)
	}
	out, err = invoke("", nil) // nothing is {}
	if err != nil || aws.ToString(out.FunctionError) != "Unhandled" || !json.Valid(out.Payload) ||
		aws.ToString(out.LogResult) == "" {
		t.Errorf("no payload: got %+v and error %v, want the function's error and its log", out, err)
	}
	for _, tc := range []struct {
		name    string
		kind    types.InvocationType
		payload string
		code    string
	}{
		{"no such type", "Later", `{}`, "InvalidParameterValueException"},
		{"no JSON", "", `{`, "InvalidRequestContentException"},
		{"too long for an event", types.InvocationTypeEvent, `"` + strings.Repeat("x", 1<<20) + `"`,
			"RequestTooLargeException"},
		{"too long", "", `"` + strings.Repeat("x", 6<<20) + `"`, "RequestTooLargeException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := invoke(tc.kind, []byte(tc.payload))
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != tc.code {
				t.Errorf("got %v, want code %s", err, tc.code)
			}
		})
	}
}

// Each service refuses what it does not answer in its own form, and lists what it does.
func TestUnknownOperations(t *testing.T) {
	s := start(t, options(t, t.TempDir()))
	form := func(version string) string {
		return url.Values{"Action": {"Nonsense"}, "Version": {version}}.Encode()
	}
	const formType = "application/x-www-form-urlencoded"
	for _, tc := range []struct {
		name, method, path, target, contentType, body string
		errorType, says                               string
	}{
		{"Lambda", "POST", "/2015-03-31/functions/alerts/versions", "", "", "{}", "UnknownOperationException", "Invoke"},
		{"Lambda, a list", "GET", "/2015-03-31/functions/", "", "", "", "UnknownOperationException", "Invoke"},
		{"Lambda, a later API", "GET", "/2021-10-31/functions/alerts/url", "", "", "", "UnknownOperationException", "Invoke"},
		{"EventBridge", "POST", "/", "AWSEvents.ListRules", "application/x-amz-json-1.1", "{}", "", "PutEvents"},
		{"SQS", "POST", "/", "AmazonSQS.CreateQueue", "application/x-amz-json-1.0", "{}", "", "SendMessage"},
		{"SQS, a form", "POST", "/", "", formType, form("2012-11-05"), "", "SendMessage"},
		{"SNS", "POST", "/", "", formType, form("2010-03-31"), "", "Publish"},
		{"CloudFormation", "POST", "/", "", formType, form("2010-05-15"), "", "DescribeStacks"},
		{"another form", "POST", "/", "", formType, form("2011-06-15"), "", "DescribeStacks of CloudFormation"},
		{"Kinesis", "POST", "/", "Kinesis_20131202.ListShards", "application/x-amz-json-1.1", "{}", "", "PutRecords"},
		{"Kinesis in CBOR", "POST", "/", "Kinesis_20131202.PutRecord", "application/x-amz-cbor-1.1", "\xa0",
			"SerializationException", "AWS_CBOR_DISABLE"},
		{"another service in CBOR", "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "",
			"application/cbor", "\xa0", "SerializationException", "AWS_CBOR_DISABLE"},
		{"DynamoDB", "POST", "/", "DynamoDB_20120810.Nonsense", "application/x-amz-json-1.0", "{}", "",
			"UnknownOperationException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tc.method, s.Endpoint()+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", tc.contentType)
			if tc.target != "" {
				request.Header.Set("X-Amz-Target", tc.target)
			}
			request.Header.Set("Authorization",
				"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/x/aws4_request, SignedHeaders=host, Signature=x")
			request.Header.Set("X-Amz-Date", "20260101T000000Z")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), tc.says) {
				t.Errorf("got status %d and %s, want 400 and %q", response.StatusCode, body, tc.says)
			}
			if got := response.Header.Get("X-Amzn-ErrorType"); tc.errorType != "" && got != tc.errorType {
				t.Errorf("X-Amzn-ErrorType: got %q, want %q", got, tc.errorType)
			}
		})
	}
}

// The AWS CLI and boto3, each with its own way of writing requests, understand the answers.
func TestAWSClientsOfPython(t *testing.T) {
	python := need.Tool(t, "python3")
	s := start(t, options(t, t.TempDir()))
	script := `
import json, sys
try:
    import boto3
    from botocore.config import Config
except ImportError:
    sys.exit(77)
def client(name):
    return boto3.client(name, endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="x",
                        aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}))
def refused(call, **fields):
    try:
        call(**fields)
    except Exception as e:
        return e.response["Error"]["Code"] + " " + str(e.response["ResponseMetadata"]["HTTPStatusCode"])
    return "accepted"
sqs, sns, kinesis, lam, events = map(client, ["sqs", "sns", "kinesis", "lambda", "events"])
url = sqs.get_queue_url(QueueName="chimewatch-voice-dead-letters")["QueueUrl"]
out = {}
sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"k": dict(DataType="String", StringValue="v")})
out["sqs delay"] = refused(sqs.send_message, QueueUrl=url, MessageBody="y", DelaySeconds=901)
m = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)["Messages"]
out["sqs received"] = [m[0]["Body"], m[0]["MessageAttributes"]["k"]["StringValue"]]
handle = dict(QueueUrl=url, ReceiptHandle=m[0]["ReceiptHandle"])
out["sqs handles"] = [refused(sqs.change_message_visibility, VisibilityTimeout=5, **handle),
                      refused(sqs.delete_message, **handle)]
out["sqs no operation"] = refused(sqs.purge_queue, QueueUrl=url)
topic = "arn:aws:sns:us-east-1:123456789012:chimewatch-alerts"
out["sns publish"] = refused(sns.publish, TopicArn=topic, Message='{"default":"d"}', MessageStructure="json")
out["sns structure"] = refused(sns.publish, TopicArn=topic, Message='{"sms":"x"}', MessageStructure="json")
out["sns no topic"] = refused(sns.publish, TopicArn=topic + "x", Message="x")
records = [dict(Data=b"\x00", PartitionKey="k")] * 3
out["kinesis"] = kinesis.put_records(StreamName="chimewatch-voice", Records=records)["FailedRecordCount"]
out["kinesis no stream"] = refused(kinesis.put_record, StreamName="x", Data=b"", PartitionKey="k")
out["lambda dry run"] = lam.invoke(FunctionName="alerts:$LATEST", InvocationType="DryRun")["StatusCode"]
out["lambda error"] = lam.invoke(FunctionName="alerts", Payload=b"{}").get("FunctionError")
out["lambda none"] = refused(lam.invoke, FunctionName="nobody")
out["lambda alias"] = refused(lam.invoke, FunctionName="alerts", Qualifier="live")
e = lambda **more: dict(dict(Source="aws.chime", DetailType="x", Detail="{}"), **more)
answers = events.put_events(Entries=[e(), e(Detail="["), e(Source="aws.ec2"), e(DetailType="")])["Entries"]
out["events"] = [x.get("ErrorCode") for x in answers]
out["events too many"] = refused(events.put_events, Entries=[e()] * 11)
print(json.dumps(out))
`
	got, err := runPython(t, python, script, s.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]any
	if err := json.Unmarshal(got, &answers); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	for name, want := range map[string]string{
		"sqs delay": `"InvalidParameterValue 400"`, "sqs received": `["x","v"]`, "sqs handles": `["accepted","accepted"]`,
		"sqs no operation": `"UnknownOperationException 400"`,
		"sns publish":      `"accepted"`, "sns structure": `"InvalidParameter 400"`,
		"sns no topic": `"NotFound 404"`,
		"kinesis":      `0`, "kinesis no stream": `"ResourceNotFoundException 400"`,
		"lambda dry run": `204`, "lambda error": `"Unhandled"`, "lambda none": `"ResourceNotFoundException 404"`,
		"lambda alias":    `"ResourceNotFoundException 404"`,
		"events":          `[null,"MalformedDetail","NotAuthorizedForSourceException","InvalidArgument"]`,
		"events too many": `"ValidationException 400"`,
	} {
		text, err := json.Marshal(answers[name])
		if err != nil || string(text) != want {
			t.Errorf("%s: got %s, want %s", name, text, want)
		}
	}
}

// runPython returns what a script prints, or skips the test where boto3 is missing.
func runPython(t *testing.T, python, script string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", script}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if exit.ExitCode() == 77 {
			t.Skip("boto3 is not installed")
		}
		return nil, fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return out, err
}
