package stacks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// jsonOf is a value as JSON makes it, with the account as the template names it.
func jsonOf(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	text = bytes.ReplaceAll(text, []byte(`"ACCOUNT"`), []byte(`{"Ref":"AWS::AccountId"}`))
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		panic(err)
	}
	return got
}

// functionPath is where a function is in the construct tree.
func functionPath(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

const eventRule = "AWS::Events::Rule"

func routingChecks() []check {
	target := func(name string, value any, steps ...any) func(cfn.Template) {
		return set(eventRule, name, value, append([]any{"Targets", 0}, steps...)...)
	}
	return []check{{
		name: "the routing table is deployed",
		find: func(s synthesized) (problems []string) {
			table := eventrule.Table(eventrule.Options{Rehearsal: s.chosen.Rehearsal, Account: "ACCOUNT"})
			schedules := eventrule.Schedules()
			delivery := attempts{s.chosen.Delivery.Max, s.chosen.Delivery.Age.Seconds(), "RuleDeadLetters"}
			if got, want := len(s.Of(eventRule)), len(table)+len(schedules); got != want {
				problems = append(problems, fmt.Sprintf("got %d rules, want %d", got, want))
			}
			for _, r := range table {
				got := s.Get(eventRule, "Rule-"+r.Name)
				if diff := cmp.Diff(jsonOf(r.Pattern), got.Prop("EventPattern")); diff != "" {
					problems = append(problems, "rule "+r.Name+": want (-), got (+):\n"+diff)
					continue
				}
				problems = append(problems, targetProblems(s, got, r.Name, r.Function, delivery)...)
			}
			for _, r := range schedules {
				got := s.Get(eventRule, "Schedule-"+r.Name)
				if rate := got.Prop("ScheduleExpression"); rate != "rate(1 minute)" {
					problems = append(problems, "schedule "+r.Name+": got "+cfn.AsText(rate)+", want rate(1 minute)")
					continue
				}
				// A run that could not start leaves no dead letter: the next one does the same.
				problems = append(problems, targetProblems(s, got, r.Name, r.Function, attempts{2, 60, ""})...)
			}
			return problems
		},
		breakages: []breakage{
			{name: "a rule is missing", do: remove(eventRule, "Rule-element-failure")},
			{name: "a rule is disabled", do: set(eventRule, "Rule-state-change", "DISABLED", "State")},
			{name: "the schedule is disabled", do: set(eventRule, "Schedule-watch", "DISABLED", "State")},
			{name: "the schedule is slow", do: set(eventRule, "Schedule-watch", "rate(10 minutes)", "ScheduleExpression")},
			{name: "the schedule has dead letters", do: func(c cfn.Template) {
				queue := map[string]any{"Arn": refer("RuleDeadLetters", sqsQueue, "Arn")(c)}
				target("Schedule-watch", queue, "DeadLetterConfig")(c)
			}},
			{name: "no attempts", do: target("Rule-permanent-failure", 0.0, "RetryPolicy", "MaximumRetryAttempts")},
			{name: "given up after a minute",
				do: target("Rule-permanent-failure", 60.0, "RetryPolicy", "MaximumEventAgeInSeconds")},
			{name: "another queue", do: point(eventRule, "Rule-create-failed", refer("FunctionDeadLetters", sqsQueue, "Arn"),
				"Targets", 0, "DeadLetterConfig", "Arn")},
			{name: "another function", do: point(eventRule, "Rule-create-failed", refer("Status", lambdaFunction, "Arn"),
				"Targets", 0, "Arn")},
			{name: "a part of the event", do: target("Rule-create-failed", "$.time", "InputPath")},
			{name: "any account consents", do: set(eventRule, "Rule-consent", nil, "EventPattern", "account")},
			{name: "rehearsals in production", in: "default", do: set(eventRule, "Rule-state-change",
				[]any{"aws.chime", "chimewatch.rehearsal"}, "EventPattern", "source")},
			{name: "EventBridge may not invoke", do: func(c cfn.Template) {
				for _, p := range c.Of(lambdaPermission) {
					p.Properties["Principal"] = "nobody.amazonaws.com"
				}
			}},
			{name: "EventBridge may not send dead letters", do: remove(sqsPolicy, "RuleDeadLetters/Policy")},
		},
	}}
}

// attempts are how EventBridge should try to invoke a function, and the queue for events that it could not deliver.
type attempts struct {
	most        int
	age         float64 // seconds
	deadLetters string
}

// targetProblems compares the target of a rule with the function that it should invoke,
// and with the grants and retries that EventBridge needs.
func targetProblems(s synthesized, r *cfn.Resource, rule, function string, want attempts) (problems []string) {
	wrong := func(format string, args ...any) {
		problems = append(problems, "rule "+rule+": "+fmt.Sprintf(format, args...))
	}
	if state := r.Prop("State"); state != "ENABLED" {
		wrong("is %v, want ENABLED", state)
	}
	if targets, _ := r.Prop("Targets").([]any); len(targets) != 1 {
		wrong("has %d targets, want one", len(targets))
	}
	target := r.Prop("Targets", 0)
	fields, _ := target.(map[string]any)
	for field := range fields {
		if !slices.Contains([]string{"Arn", "Id", "DeadLetterConfig", "RetryPolicy"}, field) {
			wrong("has a target with %s, which may change the event", field)
		}
	}
	arn := "[" + functionPath(function) + ".Arn]"
	if got := s.Words(cfn.At(target, "Arn")); got != arn {
		wrong("invokes %s, want %s", got, arn)
	}
	queue := ""
	if want.deadLetters != "" {
		queue = "[" + want.deadLetters + ".Arn]"
	}
	if got := s.Words(cfn.At(target, "DeadLetterConfig", "Arn")); got != queue {
		wrong("dead letters go to %q, want %q", got, queue)
	}
	if got := cfn.At(target, "RetryPolicy", "MaximumRetryAttempts"); got != float64(want.most) {
		wrong("%v attempts, want %d", got, want.most)
	}
	if got := cfn.At(target, "RetryPolicy", "MaximumEventAgeInSeconds"); got != want.age {
		wrong("tried for %v s, want %v", got, want.age)
	}
	grants := s.Grants()
	if !slices.Contains(grants, invokedBy("events.amazonaws.com", r.Path()+".Arn", functionPath(function))) {
		wrong("EventBridge may not invoke %s", function)
	}
	if queue != "" && !slices.Contains(grants, deadLetteredBy(r.Path(), want.deadLetters)) {
		wrong("EventBridge may not send dead letters to %s", want.deadLetters)
	}
	return problems
}
