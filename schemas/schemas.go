// Package schemas has the form of every event that is known of Amazon Chime SDK call
// analytics, and of consent events: one JSON Schema for each kind, and examples of them.
//
// The schemas record what is certain and leave the rest open. Fields, event
// types, element types and statuses that they do not name are allowed.
package schemas

import "embed"

//go:embed *.schema.json examples/*.json
var files embed.FS

// kind is one detail type and the name of its schema.
type kind struct {
	detailType string
	schema     string
}

// kinds lists the detail types that have a schema.
var kinds = []kind{
	{"Media Insights State Change", stateChange},
	{"Media Insights Rules Matched", rulesMatched},
	{"VoiceAnalyticsStatus", voiceStatus},
	{"SpeakerSearchStatus", speakerSearch},
	{"VoiceToneAnalysisStatus", voiceTone},
	{"Voice Analytics Consent", consent},
}

// Names of the schemas: their files without ".schema.json".
const (
	stateChange   = "media-insights-state-change"
	rulesMatched  = "media-insights-rules-matched"
	voiceStatus   = "voice-analytics-status"
	speakerSearch = "speaker-search-status"
	voiceTone     = "voice-tone-analysis-status"
	consent       = "consent"
)

func detailTypes() []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = k.detailType
	}
	return list
}
