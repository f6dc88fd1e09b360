package stacks

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// spec is what makes one function different from the others.
type spec struct {
	name, about string
	timeout     int // seconds
	// table lists the actions that it calls on the table, indexes those indexes
	// that it queries.
	table, indexes []string
	// publishes are the topics that it publishes to, by the variable that names each;
	// routes is set where it publishes to the topics of the routes as well.
	publishes map[string]awssns.Topic
	routes    bool
	// statements are what else it may do.
	statements  []awsiam.PolicyStatementProps
	environment map[string]*string
	// once is set where the next run is the retry, so that a failed one is not
	// tried again and leaves no dead letter.
	once bool
}

// function is a deployed function and what it writes to.
type function struct {
	awslambda.Function
	logs awslogs.LogGroup
	spec spec
}

// specs lists the functions. What a role may do is what its function calls:
// see internal/handler and internal/dynamo.
func (w *watchtower) specs() []spec {
	list := []spec{
		{name: "status", about: "Stores the state and history of every pipeline", timeout: 30,
			table: []string{"GetItem", "PutItem", "UpdateItem"}},
		{name: "failures", about: "Adds failures to incidents and notifies people", timeout: 60,
			table:       []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			publishes:   map[string]awssns.Topic{config.EnvFailureTopicARN: w.topics.failures},
			environment: with(w.watchSettings(), w.rendering())},
		{name: "alerts", about: "Stores rule matches and notifies people", timeout: 60,
			table:     []string{"GetItem", "PutItem", "Query", "UpdateItem"},
			publishes: map[string]awssns.Topic{config.EnvAlertTopicARN: w.topics.alerts}, routes: true,
			environment: with(w.watchSettings(), w.rendering())},
		w.consentSpec(),
		{name: "watch", about: "Checks every minute for what no event reports", timeout: 55, once: true,
			table: []string{"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"}, indexes: indexNames(),
			publishes: map[string]awssns.Topic{config.EnvFailureTopicARN: w.topics.failures, config.EnvAlertTopicARN: w.topics.alerts}, routes: true,
			environment: with(with(w.watchSettings(), w.rendering()), w.voiceTasks()),
			statements: append(w.voiceStatements(), awsiam.PolicyStatementProps{
				Sid: jsii.String("AskAboutPipelines"), Actions: jsii.Strings("chime:GetMediaPipeline"),
				Resources: &[]*string{w.chimeARN("media-pipeline", "*")},
			})},
	}
	if len(w.chosen.VoiceSources) > 0 {
		list = append(list, w.voiceSpec())
	}
	return list
}

func indexNames() []string {
	var names []string
	for _, index := range dynamo.Definition().Indexes {
		names = append(names, index.Name)
	}
	return names
}

// rendering are the variables by which functions know how to write notifications.
func (w *watchtower) rendering() map[string]*string {
	return w.variables(config.Notifications)
}

// watchSettings are the variables by which functions know how to watch.
func (w *watchtower) watchSettings() map[string]*string {
	return with(w.variables(config.Watching), map[string]*string{config.EnvAccount: w.stack.Account()})
}

// variables are the settings of a group.
func (w *watchtower) variables(group config.Group) map[string]*string {
	env := map[string]*string{}
	for name, value := range w.chosen.Environment(group) {
		env[name] = jsii.String(value)
	}
	return env
}

// with adds variables to others, which are the caller's own.
func with(env, more map[string]*string) map[string]*string {
	maps.Copy(env, more)
	return env
}

// constructID is how a function is called in the stack: status is Status.
func constructID(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func (w *watchtower) newFunction(s spec) function {
	id := constructID(s.name)
	logs := awslogs.NewLogGroup(w.stack, jsii.String(id+"Logs"), &awslogs.LogGroupProps{
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	// The construct knows the days by name only, the resource by number.
	logs.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(w.chosen.LogRetentionDays))
	role := w.newRole(id, s, logs)
	environment := with(w.variables(config.Storage), map[string]*string{
		config.EnvTable: w.table.TableName(), config.EnvStack: w.stack.StackName(),
	})
	maps.Copy(environment, s.environment)
	for variable, topic := range s.publishes {
		environment[variable] = topic.TopicArn()
	}
	if s.routes {
		maps.Copy(environment, w.variables(config.Routing))
	}
	architecture := awslambda.Architecture_ARM_64()
	if w.chosen.Architecture == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	tracing := awslambda.Tracing_DISABLED
	if w.chosen.Tracing {
		tracing = awslambda.Tracing_ACTIVE
	}
	props := &awslambda.FunctionProps{
		Description: jsii.String(s.about), Runtime: awslambda.Runtime_PROVIDED_AL2023(), Architecture: architecture,
		Handler: jsii.String("bootstrap"), Code: w.code(s.name, w.chosen.Architecture),
		Role: role, LogGroup: logs, Environment: &environment, Tracing: tracing,
		MemorySize: jsii.Number(w.chosen.MemoryMB), Timeout: awscdk.Duration_Seconds(jsii.Number(s.timeout)),
	}
	if n := w.chosen.ReservedConcurrency; n > 0 {
		props.ReservedConcurrentExecutions = jsii.Number(n)
	}
	f := awslambda.NewFunction(w.stack, jsii.String(id), props)
	w.newRetries(id, s, f)
	if w.chosen.Tracing {
		acknowledge(role, "AwsSolutions-IAM5", "X-Ray has no resources to name.", "Resource::*")
	}
	return function{f, logs, s}
}

// newRetries sets how a failed asynchronous invocation is tried again, and where
// its record goes in the end. The CDK's own construct would let the function do
// more with the queue than send to it.
func (w *watchtower) newRetries(id string, s spec, f awslambda.Function) {
	props := &awslambda.CfnEventInvokeConfigProps{
		FunctionName: f.FunctionName(), Qualifier: jsii.String("$LATEST"),
		MaximumRetryAttempts: jsii.Number(w.chosen.Retry.Max), MaximumEventAgeInSeconds: jsii.Number(w.chosen.Retry.Age.Seconds()),
	}
	if s.once {
		props.MaximumRetryAttempts, props.MaximumEventAgeInSeconds = jsii.Number(0), jsii.Number(60)
	} else {
		props.DestinationConfig = &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: w.queues.functions.QueueArn()},
		}
	}
	awslambda.NewCfnEventInvokeConfig(w.stack, jsii.String(id+"Retries"), props)
}

// newRole makes a role that may do what the function calls, and nothing else.
func (w *watchtower) newRole(id string, s spec, logs awslogs.LogGroup) awsiam.Role {
	role := awsiam.NewRole(w.stack, jsii.String(id+"Role"), &awsiam.RoleProps{
		Description: jsii.String("What the function " + s.name + " of chimewatch may do"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	allow := func(sid string, actions []string, resources ...*string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources,
		}))
	}
	allow("WriteLogs", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, logs.LogGroupArn())
	actions := make([]string, len(s.table))
	for i, action := range s.table {
		actions[i] = "dynamodb:" + action
	}
	allow("UseTable", actions, w.table.TableArn())
	if len(s.indexes) > 0 {
		indexes := make([]*string, len(s.indexes))
		for i, name := range s.indexes {
			indexes[i] = jsii.String(*w.table.TableArn() + "/index/" + name)
		}
		allow("QueryIndexes", []string{"dynamodb:Query"}, indexes...)
	}
	if !s.once {
		allow("KeepWhatFails", []string{"sqs:SendMessage"}, w.queues.functions.QueueArn())
	}
	if len(s.publishes) > 0 {
		topics, keys := []*string{}, []*string{w.topics.key.KeyArn()}
		for _, variable := range slices.Sorted(maps.Keys(s.publishes)) {
			topics = append(topics, s.publishes[variable].TopicArn())
		}
		if s.routes {
			topics = append(topics, *jsii.Strings(w.chosen.Routes.Topics()...)...)
			keys = append(keys, *jsii.Strings(w.chosen.Routes.Keys()...)...)
		}
		allow("Publish", []string{"sns:Publish"}, topics...)
		allow("EncryptMessages", []string{"kms:GenerateDataKey", "kms:Decrypt"}, keys...)
	}
	for _, statement := range s.statements {
		role.AddToPolicy(awsiam.NewPolicyStatement(&statement))
		acknowledge(role, "AwsSolutions-IAM5", "Pipelines and Voice Connectors come and go; their ids are not known "+
			"at the deployment. voiceConnectorIds narrows the Voice Connectors.",
			"Resource::arn:<AWS::Partition>:chime:<AWS::Region>:<AWS::AccountId>:media-pipeline/*", "Resource::arn:<AWS::Partition>:chime:<AWS::Region>:<AWS::AccountId>:vc/*")
	}
	return role
}
