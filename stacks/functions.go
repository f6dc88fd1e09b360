package stacks

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/functionspec"
)

// EventFunctionProps are the properties of a function that is invoked asynchronously. RetryAttempts and MaxEventAge
// limit the retries of a failed invocation; OnFailure receives its record in the end.
type EventFunctionProps struct {
	awslambda.FunctionProps
	// LogRetentionDays is one of the retentions that CloudWatch Logs offers.
	LogRetentionDays int
	// Statements are what it may do besides writing to its log group and to OnFailure.
	Statements []Statement
	OnFailure  awssqs.IQueue
}

// NewEventFunction makes a function in Go with a log group and a role of its own, which grants nothing but the
// statements.
func NewEventFunction(scope constructs.Construct, id *string, props *EventFunctionProps) awslambda.Function {
	logs := awslogs.NewLogGroup(scope, jsii.String(*id+"Logs"), &awslogs.LogGroupProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	logs.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(props.LogRetentionDays))
	role := awsiam.NewRole(scope, jsii.String(*id+"Role"), &awsiam.RoleProps{
		Description: jsii.String("What the function " + strings.ToLower(*id) + " of chimewatch may do"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	allow(role, statement("WriteLogs", logs.LogGroupArn(), "logs:CreateLogStream", "logs:PutLogEvents"))
	allow(role, props.Statements...)
	p := props.FunctionProps
	p.Runtime, p.Handler, p.Role, p.LogGroup = awslambda.Runtime_PROVIDED_AL2023(), jsii.String("bootstrap"), role, logs
	p.RetryAttempts, p.MaxEventAge = nil, nil // below
	f := awslambda.NewFunction(scope, id, &p)
	if p.Tracing == awslambda.Tracing_ACTIVE {
		acknowledgeWildcard(role, "X-Ray has no resources to name.", "*")
	}
	retries := &awslambda.CfnEventInvokeConfigProps{
		FunctionName: f.FunctionName(), Qualifier: jsii.String("$LATEST"), MaximumRetryAttempts: props.RetryAttempts,
	}
	if props.MaxEventAge != nil {
		retries.MaximumEventAgeInSeconds = props.MaxEventAge.ToSeconds(nil)
	}
	if props.OnFailure != nil {
		allow(role, statement("KeepWhatFails", props.OnFailure.QueueArn(), "sqs:SendMessage"))
		retries.DestinationConfig = &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: props.OnFailure.QueueArn()},
		}
	}
	// Not the CDK's own construct, which would let the function do more with the queue than send to it.
	awslambda.NewCfnEventInvokeConfig(scope, jsii.String(*id+"Retries"), retries)
	return f
}

// Statement is one statement of a role's policy.
type Statement struct {
	Sid        string
	Actions    []string
	Resources  []*string
	Conditions map[string]any
	// wildcard is the resource with an asterisk that cdk-nag finds; reason is why it cannot be a name.
	wildcard, reason string
}

func statement(sid string, resource *string, actions ...string) Statement {
	return Statement{Sid: sid, Actions: actions, Resources: []*string{resource}}
}

// anyOf returns a statement about all resources of a kind, such as stream/*, and why they cannot be named.
func anyOf(stack awscdk.Stack, sid, reason, service, resource string, actions ...string) Statement {
	s := statement(sid, arn(stack, service, resource), actions...)
	s.wildcard, s.reason = "arn:<AWS::Partition>:"+service+":<AWS::Region>:<AWS::AccountId>:"+resource, reason
	return s
}

// allow adds statements to a role, and acknowledges their wildcards.
func allow(role awsiam.IRole, statements ...Statement) {
	for _, s := range statements {
		props := &awsiam.PolicyStatementProps{
			Sid: jsii.String(s.Sid), Actions: jsii.Strings(s.Actions...), Resources: &s.Resources,
		}
		if s.Conditions != nil {
			props.Conditions = &s.Conditions
		}
		role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(props))
		if s.reason != "" {
			acknowledgeWildcard(role, s.reason, s.wildcard)
		}
	}
}

// arn returns the ARN of a resource, such as vc/ID, in the stack's account and Region.
func arn(stack awscdk.Stack, service, resource string) *string {
	return jsii.String("arn:" + *stack.Partition() + ":" + service + ":" + *stack.Region() + ":" + *stack.Account() +
		":" + resource)
}

// constructID returns the id of a function in the tree of constructs: Status for status.
func constructID(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// deployed returns the functions that are deployed with these settings.
func (c *Chimewatch) deployed() []functionspec.Function {
	return slices.DeleteFunc(functionspec.All(), func(f functionspec.Function) bool {
		return f.VoiceOnly && len(c.config.VoiceSources) == 0
	})
}

// addFunctions makes the functions. key encrypts the topics.
func (c *Chimewatch) addFunctions(code Code, key awskms.Key) {
	architecture := awslambda.Architecture_ARM_64()
	if c.config.Architecture == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	for _, spec := range c.deployed() {
		props := &EventFunctionProps{
			FunctionProps: awslambda.FunctionProps{
				Description: jsii.String(spec.Description), Environment: c.environment(spec),
				Code: code(spec.Name, c.config.Architecture), Architecture: architecture,
				MemorySize: jsii.Number(c.config.MemoryMB), Timeout: seconds(spec.Timeout), Tracing: awslambda.Tracing_DISABLED,
				RetryAttempts: jsii.Number(c.config.Retry.Max), MaxEventAge: seconds(c.config.Retry.Age),
			},
			LogRetentionDays: c.config.LogRetentionDays, Statements: c.statements(spec, key),
			OnFailure: c.FunctionDeadLetters,
		}
		if c.config.Tracing {
			props.Tracing = awslambda.Tracing_ACTIVE
		}
		if n := c.config.ReservedConcurrency; n > 0 {
			props.ReservedConcurrentExecutions = jsii.Number(n)
		}
		if spec.Scheduled {
			props.RetryAttempts, props.MaxEventAge, props.OnFailure = jsii.Number(0), seconds(time.Minute), nil
		}
		c.Functions[spec.Name] = NewEventFunction(c.Construct, jsii.String(constructID(spec.Name)), props)
	}
}

// environment returns the environment of a function.
func (c *Chimewatch) environment(spec functionspec.Function) *map[string]*string {
	stack := awscdk.Stack_Of(c.Construct)
	variables := map[string]*string{config.EnvTable: c.Table.TableName(), config.EnvStack: stack.StackName()}
	for name, value := range c.config.Environment(spec.Groups...) {
		variables[name] = &value
	}
	if spec.Reads(config.Watching) {
		variables[config.EnvAccount] = stack.Account()
	}
	if spec.Reads(config.Routing) {
		variables[config.EnvAlertTopicARN] = c.AlertTopic.TopicArn()
	}
	if spec.NotifiesFailures {
		variables[config.EnvFailureTopicARN] = c.FailureTopic.TopicArn()
	}
	return &variables
}

// statements returns what a function may do besides logging: exactly what it calls.
func (c *Chimewatch) statements(spec functionspec.Function, key awskms.Key) []Statement {
	stack := awscdk.Stack_Of(c.Construct)
	table := slices.Clone(spec.TableActions)
	if len(c.config.VoiceTasks) > 0 {
		table = append(table, spec.TaskActions...)
	}
	for i, action := range table {
		table[i] = "dynamodb:" + action
	}
	list := []Statement{statement("UseTable", c.Table.TableArn(), table...)}
	if len(spec.Indexes) > 0 {
		indexes := Statement{Sid: "QueryIndexes", Actions: []string{"dynamodb:Query"}}
		for _, name := range spec.Indexes {
			indexes.Resources = append(indexes.Resources, jsii.String(*c.Table.TableArn()+"/index/"+name))
		}
		list = append(list, indexes)
	}
	topics, keys := []*string{}, []*string{key.KeyArn()}
	if spec.NotifiesFailures {
		topics = append(topics, c.FailureTopic.TopicArn())
	}
	if spec.Reads(config.Routing) {
		topics = append(append(topics, c.AlertTopic.TopicArn()), *jsii.Strings(c.config.Routes.Topics()...)...)
		keys = append(keys, *jsii.Strings(c.config.Routes.Keys()...)...)
	}
	if len(topics) > 0 {
		list = append(list, Statement{Sid: "Publish", Actions: []string{"sns:Publish"}, Resources: topics},
			Statement{Sid: "EncryptMessages", Actions: []string{"kms:GenerateDataKey", "kms:Decrypt"}, Resources: keys})
	}
	if spec.StopsTasks || spec.Reads(config.Voice) && len(c.config.VoiceTasks) > 0 {
		list = append(list, c.taskStatement(stack))
	}
	if spec.GetsPipelines {
		list = append(list, anyOf(stack, "AskAboutPipelines", "The ids of pipelines are not known at the deployment.",
			"chime", "media-pipeline/*", "chime:GetMediaPipeline"))
	}
	return list
}

// taskStatement lets a function start the voice tasks that are turned on, and stop and look up all of them, on the
// account's Voice Connectors or on those that the deployer named.
func (c *Chimewatch) taskStatement(stack awscdk.Stack) Statement {
	s := anyOf(stack, "RunVoiceTasks", "Voice Connectors come and go; voiceConnectorIds limits them.", "chime", "vc/*",
		"chime:GetSpeakerSearchTask", "chime:GetVoiceToneAnalysisTask", "chime:StopSpeakerSearchTask",
		"chime:StopVoiceToneAnalysisTask")
	for _, task := range c.config.VoiceTasks {
		s.Actions = append(s.Actions, map[string]string{
			SpeakerSearch: "chime:StartSpeakerSearchTask", VoiceTone: "chime:StartVoiceToneAnalysisTask"}[task])
	}
	if len(c.config.VoiceConnectorIDs) > 0 {
		s.Resources, s.reason = nil, ""
	}
	for _, id := range c.config.VoiceConnectorIDs {
		s.Resources = append(s.Resources, arn(stack, "chime", "vc/"+id))
	}
	return s
}
