package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A finding says what is wrong with a template, and is found in none that is
// deployed. spoil makes a template in which it must be found, and gives the
// logical id that it is found at.
type finding struct {
	name  string
	find  func(template) []string
	spoil func(template) (at string)
}

// TestTemplateComplies holds each finding against the recorded template, and
// against one that was spoilt: what cdk-nag's pack does not look at.
func TestTemplateComplies(t *testing.T) {
	for _, f := range findings() {
		t.Run(f.name, func(t *testing.T) {
			for _, got := range f.find(readTemplate(t)) {
				t.Errorf("deployed: %s", got)
			}
			c := readTemplate(t)
			at := f.spoil(c)
			if got := f.find(c); !slices.ContainsFunc(got, func(found string) bool { return strings.HasPrefix(found, at) }) || at == "" {
				t.Errorf("spoilt at %q: got %q, want it found there", at, got)
			}
		})
	}
}

func findings() []finding {
	return slices.Concat(ruleFindings(), functionFindings(), grantFindings(), alarmFindings())
}

// without gives a finding for every resource of a type that lacks something, and
// spoils one by taking it away.
func without(name, kind string, path ...string) finding {
	steps := make([]any, len(path))
	for i, step := range path {
		steps[i] = step
	}
	return finding{name, func(c template) (found []string) {
		for id, properties := range c.of(kind) {
			if at(properties, steps...) == nil {
				found = append(found, fmt.Sprintf("%s: no %s", id, strings.Join(path, ".")))
			}
		}
		return found
	}, func(c template) string {
		id := c.first(kind)
		last := len(steps) - 1
		if parent, ok := at(c.Resources[id].Properties, steps[:last]...).(map[string]any); ok {
			delete(parent, path[last])
		}
		return id
	}}
}

// first gives the first logical id of a type, so that what is spoilt is always
// the same.
func (c template) first(kind string) string {
	ids := []string{}
	for id := range c.of(kind) {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

func ruleFindings() []finding {
	const rule = "AWS::Events::Rule"
	target := func(c template, id string) map[string]any {
		found, _ := at(c.Resources[id].Properties, "Targets", 0).(map[string]any)
		return found
	}
	lacks := func(name string, path ...any) finding {
		return finding{name, func(c template) (found []string) {
			for id := range c.of(rule) {
				if at(target(c, id), path...) == nil {
					found = append(found, id+": its target has no "+fmt.Sprint(path...))
				}
			}
			return found
		}, func(c template) string {
			id := c.first(rule)
			delete(target(c, id), path[0].(string))
			return id
		}}
	}
	return []finding{
		lacks("a rule's target has a dead-letter queue", "DeadLetterConfig", "Arn", "Fn::GetAtt", 0),
		lacks("a rule says how often it is tried", "RetryPolicy", "MaximumRetryAttempts"),
		lacks("a rule says how old an event may be", "RetryPolicy", "MaximumEventAgeInSeconds"),
		{"a rule may send to its dead-letter queue, and no other rule by that", func(c template) (found []string) {
			for id := range c.of(rule) {
				queue := at(target(c, id), "DeadLetterConfig", "Arn", "Fn::GetAtt", 0)
				if !slices.ContainsFunc(c.statements("AWS::SQS::QueuePolicy"), func(s any) bool {
					return at(s, "Resource", "Fn::GetAtt", 0) == queue && at(s, "Action") == "sqs:SendMessage" && at(s, "Effect") == "Allow" &&
						at(s, "Principal", "Service") == "events.amazonaws.com" && at(s, "Condition", "ArnEquals", "aws:SourceArn", "Fn::GetAtt", 0) == id
				}) {
					found = append(found, id+": may not send to its dead-letter queue")
				}
			}
			return found
		}, func(c template) string {
			for _, s := range c.statements("AWS::SQS::QueuePolicy") {
				if id, ok := at(s, "Condition", "ArnEquals", "aws:SourceArn", "Fn::GetAtt", 0).(string); ok {
					delete(s.(map[string]any), "Condition")
					return id
				}
			}
			return ""
		}},
		{"a rule may invoke its function", func(c template) (found []string) {
			for id := range c.of(rule) {
				function := at(target(c, id), "Arn", "Fn::GetAtt", 0)
				allowed := false
				for _, p := range c.of("AWS::Lambda::Permission") {
					allowed = allowed || at(p, "FunctionName", "Fn::GetAtt", 0) == function && at(p, "SourceArn", "Fn::GetAtt", 0) == id && p["Principal"] == "events.amazonaws.com"
				}
				if !allowed {
					found = append(found, id+": may not invoke its function")
				}
			}
			return found
		}, func(c template) string {
			permission := c.first("AWS::Lambda::Permission")
			id, _ := at(c.Resources[permission].Properties, "SourceArn", "Fn::GetAtt", 0).(string)
			delete(c.Resources, permission)
			return id
		}},
	}
}

func functionFindings() []finding {
	const function, retries = "AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig"
	return []finding{
		without("a function is traced", function, "TracingConfig", "Mode"),
		without("a function says its memory", function, "MemorySize"),
		without("a function says its timeout", function, "Timeout"),
		without("a function has a log group of its own", function, "LoggingConfig", "LogGroup"),
		without("a function knows its table", function, "Environment", "Variables", "CHIMEWATCH_TABLE"),
		without("logs end", "AWS::Logs::LogGroup", "RetentionInDays"),
		without("a function says how often it is tried again", retries, "MaximumRetryAttempts"),
		without("a function says how old an event may be", retries, "MaximumEventAgeInSeconds"),
		{"what a function gives up is kept", func(c template) (found []string) {
			for id := range c.of(function) {
				kept := false
				for _, config := range c.of(retries) {
					kept = kept || at(config, "FunctionName", "Ref") == id && c.isQueue(at(config, "DestinationConfig", "OnFailure", "Destination", "Fn::GetAtt", 0))
				}
				if !kept && !c.onlyScheduled(id) { // its next run is its retry
					found = append(found, id+": nothing keeps what it gives up")
				}
			}
			return found
		}, func(c template) string {
			for _, config := range c.of(retries) {
				if id, ok := at(config, "FunctionName", "Ref").(string); ok && !c.onlyScheduled(id) {
					delete(config, "DestinationConfig")
					return id
				}
			}
			return ""
		}},
	}
}

func (c template) isQueue(id any) bool {
	name, _ := id.(string)
	return c.Resources[name].Type == "AWS::SQS::Queue"
}

// onlyScheduled tells that no event reaches a function.
func (c template) onlyScheduled(id string) bool {
	scheduled := false
	for _, rule := range c.of("AWS::Events::Rule") {
		if at(rule, "Targets", 0, "Arn", "Fn::GetAtt", 0) != id {
			continue
		}
		if rule["EventPattern"] != nil {
			return false
		}
		scheduled = true
	}
	return scheduled
}

// statements gives all statements of the policies of a type.
func (c template) statements(kind string) (all []any) {
	for _, policy := range c.of(kind) {
		list, _ := at(policy, "PolicyDocument", "Statement").([]any)
		all = append(all, list...)
	}
	return all
}

func grantFindings() []finding {
	const policy, queue = "AWS::IAM::Policy", "AWS::SQS::Queue"
	return []finding{
		{"no role may do everything, nor anything on everything but tracing", func(c template) (found []string) {
			for id, properties := range c.of(policy) {
				for _, s := range at(properties, "PolicyDocument", "Statement").([]any) {
					text := fmt.Sprint(at(s, "Action"))
					if strings.Contains(text, "*") || at(s, "Resource") == "*" && !strings.Contains(text, "xray:") {
						found = append(found, fmt.Sprintf("%s: grants %s on %v", id, text, at(s, "Resource")))
					}
				}
			}
			return found
		}, func(c template) string {
			id := c.first(policy)
			at(c.Resources[id].Properties, "PolicyDocument", "Statement", 0).(map[string]any)["Action"] = "dynamodb:*"
			return id
		}},
		{"queues keep what they get for 14 days", func(c template) (found []string) {
			for id, properties := range c.of(queue) {
				if properties["MessageRetentionPeriod"] != float64(14*24*60*60) {
					found = append(found, id+": keeps messages for another time")
				}
			}
			return found
		}, func(c template) string {
			id := c.first(queue)
			c.Resources[id].Properties["MessageRetentionPeriod"] = 60.0
			return id
		}},
		without("topics are encrypted with the key", "AWS::SNS::Topic", "KmsMasterKeyId", "Fn::GetAtt"),
		without("keys rotate", "AWS::KMS::Key", "EnableKeyRotation"),
		without("the table cannot be deleted by mistake", "AWS::DynamoDB::Table", "DeletionProtectionEnabled"),
	}
}

func alarmFindings() []finding {
	const alarm = "AWS::CloudWatch::Alarm"
	watched := func(c template, metric, dimension, id string) bool {
		for _, a := range c.of(alarm) {
			if a["MetricName"] == metric && at(a, "Dimensions", 0, "Name") == dimension &&
				(at(a, "Dimensions", 0, "Value", "Ref") == id || at(a, "Dimensions", 0, "Value", "Fn::GetAtt", 0) == id) {
				return true
			}
		}
		return false
	}
	each := func(name, kind, metric, dimension string) finding {
		return finding{name, func(c template) (found []string) {
			for id := range c.of(kind) {
				if !watched(c, metric, dimension, id) {
					found = append(found, id+": no alarm on "+metric)
				}
			}
			return found
		}, func(c template) string {
			id := c.first(kind)
			for name, a := range c.of(alarm) {
				if a["MetricName"] == metric && (at(a, "Dimensions", 0, "Value", "Ref") == id || at(a, "Dimensions", 0, "Value", "Fn::GetAtt", 0) == id) {
					delete(c.Resources, name)
				}
			}
			return id
		}}
	}
	publish := func(c template, kind, action string) any {
		for _, properties := range c.of(kind) {
			for _, document := range []string{"PolicyDocument", "KeyPolicy"} {
				list, _ := at(properties, document, "Statement").([]any)
				for _, s := range list {
					if at(s, "Principal", "Service") == "cloudwatch.amazonaws.com" && at(s, "Effect") == "Allow" &&
						strings.Contains(fmt.Sprint(at(s, "Action")), action) && at(s, "Condition") != nil {
						return s
					}
				}
			}
		}
		return nil
	}
	mayPublish := func(name, kind, action string) finding {
		return finding{name, func(c template) []string {
			if publish(c, kind, action) == nil {
				return []string{"alarms: may not " + action}
			}
			return nil
		}, func(c template) string {
			publish(c, kind, action).(map[string]any)["Principal"] = map[string]any{"Service": "s3.amazonaws.com"}
			return "alarms"
		}}
	}
	return []finding{
		each("a dead letter alarms", "AWS::SQS::Queue", "ApproximateNumberOfMessagesVisible", "QueueName"),
		each("a function that fails alarms", "AWS::Lambda::Function", "Errors", "FunctionName"),
		each("a function that is throttled alarms", "AWS::Lambda::Function", "Throttles", "FunctionName"),
		without("an alarm tells people", alarm, "AlarmActions"),
		mayPublish("alarms may publish", "AWS::SNS::TopicPolicy", "sns:Publish"),
		mayPublish("alarms may encrypt", "AWS::KMS::Key", "kms:GenerateDataKey"),
	}
}
