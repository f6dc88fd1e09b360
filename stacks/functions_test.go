package stacks_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/functionspec"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

const (
	lambdaFunction = "AWS::Lambda::Function"
	invokeConfig   = "AWS::Lambda::EventInvokeConfig"
	logGroup       = "AWS::Logs::LogGroup"
	iamPolicy      = "AWS::IAM::Policy"
	iamRole        = "AWS::IAM::Role"
)

// functionsOf are the functions that a configuration deploys, sorted.
func functionsOf(c config.Stack) (names []string) {
	for _, f := range functionspec.All() {
		if !f.VoiceOnly || len(c.VoiceSources) > 0 {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}

// specOf returns the specification of a function.
func specOf(name string) functionspec.Function {
	all := functionspec.All()
	return all[slices.IndexFunc(all, func(f functionspec.Function) bool { return f.Name == name })]
}

func functionChecks() []check {
	const policyOfStatus = "StatusRole/DefaultPolicy"
	function := func(path string, value any, steps ...any) func(cfn.Template) {
		return set(lambdaFunction, path, value, steps...)
	}
	variable := func(path, name string, value any) func(cfn.Template) {
		return set(lambdaFunction, path, value, "Environment", "Variables", name)
	}
	statement := func(value any, key string) func(cfn.Template) {
		return set(iamPolicy, policyOfStatus, value, "PolicyDocument", "Statement", 1, key)
	}
	return []check{
		{
			name: "functions have the chosen size and settings",
			find: func(s synthesized) (problems []string) {
				for _, name := range functionsOf(s.chosen) {
					problems = append(problems, functionProblems(s, name)...)
				}
				return problems
			},
			breakages: []breakage{
				{name: "a function is missing", do: remove(lambdaFunction, "Alerts")},
				{name: "a timeout of three seconds", do: function("Failures", 3.0, "Timeout")},
				{name: "the code of another function", do: func(c cfn.Template) {
					c.Get(lambdaFunction, "Status").Properties["Code"] = c.Get(lambdaFunction, "Watch").Properties["Code"]
				}},
				{name: "another architecture", do: function("Status", []any{"x86_64"}, "Architectures")},
				{name: "no tracing", do: function("Status", nil, "TracingConfig")},
				{name: "the other topic", do: point(lambdaFunction, "Failures", refer("AlertTopic", snsTopic, "TopicArn"),
					"Environment", "Variables", "CHIMEWATCH_FAILURE_TOPIC_ARN")},
				{name: "no table", do: variable("Voice", "CHIMEWATCH_TABLE", nil)},
				{name: "a setting is missing", do: variable("Watch", "CHIMEWATCH_RECOVERY", nil)},
				{name: "a task is not turned on", do: variable("Watch", "CHIMEWATCH_VOICE_TASKS", "")},
				{name: "routes are missing", do: variable("Watch", "CHIMEWATCH_ROUTES", "")},
				{name: "routes where they are not read", do: variable("Failures", "CHIMEWATCH_ROUTES", "[]")},
				{name: "logs for ever", do: set(logGroup, "StatusLogs", nil, "RetentionInDays")},
				{name: "only errors are logged", do: function("Status", "ERROR", "LoggingConfig", "ApplicationLogLevel")},
				{name: "logs elsewhere", do: function("Status", nil, "LoggingConfig")},
				{name: "concurrency is not reserved", do: function("Watch", nil, "ReservedConcurrentExecutions")},
			},
		},
		{
			name: "failed invocations are retried and recorded",
			find: func(s synthesized) (problems []string) {
				for _, name := range functionsOf(s.chosen) {
					retries := s.Get(invokeConfig, functionPath(name)+"Retries")
					attempts, age := float64(s.chosen.Retry.Max), s.chosen.Retry.Age.Seconds()
					queue := "[FunctionDeadLetters.Arn]"
					if name == "watch" { // its next run is its retry
						attempts, age, queue = 0, 60, ""
					}
					want := []any{"[" + functionPath(name) + "]", "$LATEST", attempts, age, queue}
					got := []any{
						s.Words(retries.Prop("FunctionName")), retries.Prop("Qualifier"),
						retries.Prop("MaximumRetryAttempts"), retries.Prop("MaximumEventAgeInSeconds"),
						s.Words(retries.Prop("DestinationConfig", "OnFailure", "Destination")),
					}
					if retries.Prop("DestinationConfig", "OnSuccess") != nil {
						problems = append(problems, name+": what succeeds is recorded as well")
					}
					if diff := cmp.Diff(want, got); diff != "" {
						problems = append(problems, name+": function, version, retries, seconds and queue: want (-), "+
							"got (+):\n"+diff)
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "no retries", do: set(invokeConfig, "FailuresRetries", 0.0, "MaximumRetryAttempts")},
				{name: "the watch is retried", do: set(invokeConfig, "WatchRetries", 2.0, "MaximumRetryAttempts")},
				{name: "the queue of the rules", do: point(invokeConfig, "StatusRetries",
					refer("RuleDeadLetters", sqsQueue, "Arn"), "DestinationConfig", "OnFailure", "Destination")},
				{name: "no destination", do: set(invokeConfig, "VoiceRetries", nil, "DestinationConfig")},
				{name: "given up at once", do: set(invokeConfig, "AlertsRetries", 60.0, "MaximumEventAgeInSeconds")},
				{name: "what succeeds is recorded", do: point(invokeConfig, "AlertsRetries", func(c cfn.Template) any {
					return map[string]any{"Destination": refer("FunctionDeadLetters", sqsQueue, "Arn")(c)}
				}, "DestinationConfig", "OnSuccess")},
				{name: "for a version that nobody invokes", do: set(invokeConfig, "AlertsRetries", "live", "Qualifier")},
			},
		},
		{
			name: "functions may do what they call, and nothing else",
			find: func(s synthesized) (problems []string) {
				for _, name := range functionsOf(s.chosen) {
					role := s.Target(s.Get(lambdaFunction, functionPath(name)).Prop("Role"))
					if role != functionPath(name)+"Role" {
						problems = append(problems, "function "+name+": got the role "+role+", want one of its own")
					}
					if diff := cmp.Diff(wantPermissions(s.chosen, name), s.Permissions(role)); diff != "" {
						problems = append(problems, "function "+name+": want (-), got (+):\n"+diff)
					}
				}
				return append(problems, trustProblems(s)...)
			},
			breakages: []breakage{
				{name: "everything", do: statement("dynamodb:*", "Action")},
				{name: "every table", do: statement("*", "Resource")},
				{name: "a condition is lost or added", do: statement(
					map[string]any{"Bool": map[string]any{"aws:SecureTransport": "true"}}, "Condition")},
				{name: "the queue of the rules", do: setStatement("FailuresRole/DefaultPolicy", "KeepWhatFails",
					refer("RuleDeadLetters", sqsQueue, "Arn"), "Resource")},
				{name: "the other topic", do: setStatement("FailuresRole/DefaultPolicy", "Publish",
					refer("AlertTopic", snsTopic, "TopicArn"), "Resource")},
				{name: "a second policy", do: func(c cfn.Template) {
					everything := map[string]any{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
					c.Resources["Extra"] = &cfn.Resource{Type: iamPolicy, Properties: map[string]any{
						"Roles":          c.Get(iamPolicy, policyOfStatus).Properties["Roles"],
						"PolicyDocument": map[string]any{"Statement": []any{everything}},
					}}
				}},
				{name: "the role of another", do: point(lambdaFunction, "Status", refer("WatchRole", iamRole, "Arn"), "Role")},
				{name: "another service assumes the role", do: set(iamRole, "StatusRole",
					"ec2.amazonaws.com", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")},
				{name: "a role without a function", do: func(c cfn.Template) { c.Resources["R"] = &cfn.Resource{Type: iamRole} }},
				{name: "a managed policy", do: set(iamRole, "StatusRole",
					[]any{"arn:aws:iam::aws:policy/AdministratorAccess"}, "ManagedPolicyArns")},
			},
		},
		{
			name: "environments fit into a function",
			find: func(s synthesized) (problems []string) {
				for _, name := range functionsOf(s.chosen) {
					size := 0
					for variable, value := range environment(s.Template, name) {
						text := s.Words(value)
						if _, ok := value.(string); !ok {
							text = strings.Repeat("x", 150) // the maximal length of a name or ARN
						}
						size += len(variable) + len(text)
					}
					if size > 4096-maxRoutesText(s.chosen) {
						problems = append(problems, fmt.Sprintf(
							"%s: %d bytes of environment leave no room for the longest routes within 4 KB", name, size))
					}
				}
				return problems
			},
			breakages: []breakage{
				{name: "a long value", do: variable("Alerts", "CHIMEWATCH_RUNBOOK_URL", strings.Repeat("x", 2500))},
			},
		},
	}
}

// trustProblems compares the roles with those of the functions, which Lambda alone
// assumes. accessProblems checks the trust of the access role.
func trustProblems(s synthesized) (problems []string) {
	var want []string
	for _, name := range functionsOf(s.chosen) {
		want = append(want, functionPath(name)+"Role")
	}
	if s.chosen.VoiceAccessRole {
		want = append(want, "VoiceAccessRole")
	}
	if len(s.Of(autoDelete)) > 0 { // the CDK's own, which deletes objects
		want = append(want, "Custom::S3AutoDeleteObjectsCustomResourceProvider/Role")
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, s.Paths(iamRole)); diff != "" {
		problems = append(problems, "roles: want (-), got (+):\n"+diff)
	}
	lambda := jsonOf([]any{map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"},
	}})
	for path, role := range s.Of(iamRole) {
		if path == "VoiceAccessRole" {
			continue
		}
		if diff := cmp.Diff(lambda, role.Prop("AssumeRolePolicyDocument", "Statement")); diff != "" {
			problems = append(problems, path+": who assumes it: want (-), got (+):\n"+diff)
		}
	}
	return problems
}

// maxRoutesText is how many bytes the routes may still grow to.
func maxRoutesText(c config.Stack) int { return 2200 - len(c.Routes.WithoutKeys().String()) }

func environment(c cfn.Template, function string) map[string]any {
	variables, _ := c.Get(lambdaFunction, functionPath(function)).Prop("Environment", "Variables").(map[string]any)
	return variables
}

// functionProblems compares a function with what was chosen.
func functionProblems(s synthesized, name string) (problems []string) {
	f := s.Get(lambdaFunction, functionPath(name))
	wrong := func(format string, args ...any) { problems = append(problems, name+": "+fmt.Sprintf(format, args...)) }
	if f == nil {
		wrong("is not deployed")
		return problems
	}
	want := map[string]any{
		"Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": []any{s.chosen.Architecture},
		"MemorySize": float64(s.chosen.MemoryMB), "Timeout": specOf(name).Timeout.Seconds(),
	}
	if s.chosen.Tracing {
		want["TracingConfig"] = map[string]any{"Mode": "Active"}
	}
	if n := s.chosen.ReservedConcurrency; n > 0 {
		want["ReservedConcurrentExecutions"] = float64(n)
	}
	got := map[string]any{}
	for _, key := range []string{
		"Runtime", "Handler", "Architectures", "MemorySize", "Timeout", "TracingConfig", "ReservedConcurrentExecutions",
	} {
		if v := f.Prop(key); v != nil {
			got[key] = v
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		wrong("want (-), got (+):\n%s", diff)
	}
	code, ok := s.code[s.Words(f.Prop("Code", "S3Key"))]
	if want := contentOf(name, s.chosen.Architecture); !ok || code != want {
		wrong("runs the code %q, want %q", code, want)
	}
	logs := functionPath(name) + "Logs"
	days := s.Get(logGroup, logs).Prop("RetentionInDays")
	logging, _ := f.Prop("LoggingConfig").(map[string]any)
	if len(logging) != 1 || s.Words(logging["LogGroup"]) != "["+logs+"]" || days != float64(s.chosen.LogRetentionDays) {
		wrong("its logs are not in the group %s for %d days", logs, s.chosen.LogRetentionDays)
	}
	variables := map[string]string{}
	for variable, value := range environment(s.Template, name) {
		variables[variable] = s.Words(value)
	}
	if diff := cmp.Diff(wantEnvironment(s.chosen, name), variables); diff != "" {
		wrong("environment: want (-), got (+):\n%s", diff)
	}
	return problems
}

// wantEnvironment is the environment of a function, with references in brackets.
func wantEnvironment(c config.Stack, name string) map[string]string {
	env := map[string]string{
		"CHIMEWATCH_TABLE": "[Table]", "CHIMEWATCH_STACK": c.StackName,
		"CHIMEWATCH_RETENTION_DAYS": fmt.Sprint(c.RetentionDays),
	}
	if c.TableName != "" {
		env["CHIMEWATCH_TABLE"] = c.TableName
	}
	notifies := name == "failures" || name == "alerts" || name == "watch"
	if notifies {
		maps.Copy(env, map[string]string{
			"CHIMEWATCH_ACCOUNT": "[AWS::AccountId]", "CHIMEWATCH_FULL_NUMBERS": fmt.Sprint(c.FullNumbers),
			"CHIMEWATCH_RUNBOOK_URL": c.RunbookURL, "CHIMEWATCH_HTTPS_BODY": c.HTTPS.String(),
		})
		maps.Copy(env, (config.Stack{Settings: c.Settings}).Environment(config.Watching))
	}
	if name == "failures" || name == "watch" {
		env["CHIMEWATCH_FAILURE_TOPIC_ARN"] = "[FailureTopic]"
	}
	if name == "alerts" || name == "watch" {
		env["CHIMEWATCH_ALERT_TOPIC_ARN"], env["CHIMEWATCH_ROUTES"] = "[AlertTopic]", c.Routes.WithoutKeys().String()
	}
	if name == "consent" || name == "watch" || name == "voice" {
		env["CHIMEWATCH_VOICE_TASKS"] = strings.Join(c.VoiceTasks, ",")
		env["CHIMEWATCH_VOICE_PROFILE_DOMAIN_ARN"] = c.VoiceProfileDomainARN
	}
	return env
}
