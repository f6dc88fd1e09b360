package stacks_test

import (
	"slices"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// pinned are the logical ids of the resources of these types, which never change. Under another logical id,
// CloudFormation makes a new resource and abandons or deletes the old one: a new table is empty, nobody is
// subscribed to a new topic, and the configuration of Amazon Chime names the old queue and stream. It refuses a
// second event source mapping or retry configuration, and deletes a policy for the old id after it made the new one.
//
// A test fails where an id changes: do not change this list for ids that are in it, but move the construct back. A
// construct with the id Default does not count in logical ids.
var (
	pinned = []string{
		"AlarmTopicD01E77F9", "AlarmTopicKey57B0D3A7", "AlarmTopicPolicy309DB5F8", "AlertTopic2720D535",
		"AlertTopicPolicy3376BC02", "AlertsLogs90537CC2", "AlertsRetries", "ConsentLogs002580EF", "ConsentRetries",
		"FailureTopic74C6EA16", "FailureTopicPolicy3D6FC7A0", "FailuresLogs65507690", "FailuresRetries",
		"FunctionDeadLetters01DAA7E3", "FunctionDeadLettersPolicy75310AC9", "RuleDeadLetters6F592DCF",
		"RuleDeadLettersPolicyB92A447E", "StatusLogsB69CC51E", "StatusRetries", "TableCD117FA1", "TopicKeyB2E0C9CB",
		"VoiceDeadLetters9B729AC2", "VoiceDeadLettersPolicy2BEE5649", "VoiceKey07A911DD", "VoiceLogsC3C0F44D",
		"VoiceQueueE2FC13BA", "VoiceQueueMapping", "VoiceQueuePolicy902CB010", "VoiceRetries", "VoiceStream049A451B",
		"VoiceStreamFailures72D3BDD8", "VoiceStreamFailuresLogD54AFC69", "VoiceStreamFailuresLogPolicyC9E408FF",
		"VoiceStreamFailuresPolicy6EFA2278", "VoiceStreamMapping", "VoiceTopicAF0CC607", "VoiceTopicPolicyA76AE29B",
		"WatchLogsE6D54FD6", "WatchRetries",
	}
	pinnedTypes = []string{
		dynamoTable, invokeConfig, kinesisStream, kmsKey, logGroup, mapping, s3Bucket, s3Policy, snsPolicy, snsTopic,
		sqsPolicy, sqsQueue,
	}
)

func logicalIDChecks() []check {
	rename := func(kind, path, id string) func(cfn.Template) {
		return func(c cfn.Template) {
			for old, r := range c.Resources {
				if r.Type == kind && r.Path() == path {
					delete(c.Resources, old)
					c.Resources[id] = r
				}
			}
		}
	}
	return []check{{
		name: "an update replaces nothing that people depend on",
		find: func(s synthesized) (problems []string) {
			var got []string
			for id, r := range s.Resources {
				if slices.Contains(pinnedTypes, r.Type) {
					got = append(got, id)
				}
				if slices.Contains(pinnedTypes, r.Type) && !slices.Contains(pinned, id) {
					problems = append(problems, "the logical id "+id+" of "+r.Path()+" is not pinned")
				}
			}
			if s.name == "everything" && len(got) != len(pinned) {
				problems = append(problems, "some of the pinned logical ids do not exist")
			}
			return problems
		},
		breakages: []breakage{
			{name: "a new table", do: rename(dynamoTable, "Table", "StorageTable12345678")},
			{name: "a queue without its policy", do: rename(sqsPolicy, "RuleDeadLetters/Policy", "Policy12345678")},
			{name: "no topic", do: remove(snsTopic, "AlertTopic")},
		},
	}}
}
