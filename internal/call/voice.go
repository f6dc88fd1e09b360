package call

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/consent"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voice"
)

// Voice is what is known of voice analytics on a call.
type Voice struct {
	// Tasks are those that the service told of, in the order of their first word.
	Tasks []VoiceTask `json:"tasks"`
	// Consent says for each kind of task whether it may run, and how it stands.
	Consent []consent.Standing `json:"consent"`
}

// VoiceTask is one task and its latest notification.
type VoiceTask struct {
	TaskID string `json:"taskId"`
	// Kind is speaker-search or voice-tone, or the detail type of what is not known.
	Kind   string    `json:"kind"`
	Status string    `json:"status,omitempty"`
	Time   time.Time `json:"time"`
	// Result is the latest result as the service gives it: speakerSearchDetails
	// or voiceToneAnalysisDetails.
	Result json.RawMessage `json:"result,omitempty"`
}

// AddVoice adds what the notifications and the ledger of the state's call tell;
// nothing when they tell nothing. notes are oldest first.
func (c *Call) AddVoice(state pipeline.State, notes []voice.Note, ledger consent.Ledger, now time.Time, o Options) {
	mask := maskerFor(state, o)
	v := Voice{Tasks: []VoiceTask{}, Consent: ledger.Standings(now)}
	for i, s := range v.Consent {
		v.Consent[i].By, v.Consent[i].Detail = mask.text(s.By), mask.text(s.Detail)
	}
	for _, n := range notes {
		if n.TaskID != "" {
			v.add(n, mask)
		}
	}
	if len(v.Tasks)+len(v.Consent) > 0 {
		c.Voice = &v
	}
}

// add takes in a notification that is newer than those before.
func (v *Voice) add(n voice.Note, mask masker) {
	id := mask.text(n.TaskID)
	i := slices.IndexFunc(v.Tasks, func(t VoiceTask) bool { return t.TaskID == id })
	if i < 0 {
		i = len(v.Tasks)
		v.Tasks = append(v.Tasks, VoiceTask{TaskID: id})
	}
	t := &v.Tasks[i]
	t.Kind, t.Status, t.Time = kindOf(n, mask), mask.text(n.Status), n.Time
	if n.Event.Voice == nil {
		return
	}
	for _, name := range []string{"speakerSearchDetails", "voiceToneAnalysisDetails"} {
		if raw := n.Event.Voice.Metadata[name]; raw != nil {
			t.Result = mask.raw(name, raw)
		}
	}
}

func kindOf(n voice.Note, mask masker) string {
	switch n.Analytics {
	case voice.SpeakerSearch:
		return string(consent.SpeakerSearch)
	case voice.VoiceTone:
		return string(consent.VoiceTone)
	}
	return mask.text(n.DetailType)
}
