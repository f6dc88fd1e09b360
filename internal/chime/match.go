package chime

import "github.com/go-json-experiment/json/jsontext"

// configurationKeys are the names under which events name a configuration.
var configurationKeys = []string{"mediaInsightsPipelineConfigurationArn", "MediaInsightsPipelineConfigurationArn"}

// ConfigurationARN returns the ARN of the configuration that a rule match names in its
// detail or its metadata; empty when it names none. No documented example names one.
func (m *RulesMatched) ConfigurationARN() string {
	for _, key := range configurationKeys {
		arn, _ := textOf(jsontext.Value(m.Metadata[key]))
		if isConfigurationARN(arn) && len(arn) <= maxConfigurationARN {
			return arn
		}
	}
	return ""
}

// maxConfigurationARN bounds the ARN, so that it fits into keys: the name of a
// configuration has at most 64 characters (API reference,
// MediaInsightsPipelineConfigurationName).
const maxConfigurationARN = 256
