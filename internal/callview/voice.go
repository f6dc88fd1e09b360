package callview

import (
	"encoding/json"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// Voice is what is known about voice analytics on a call.
type Voice struct {
	// Tasks are those with voice notifications, in the order of the first of each.
	Tasks []VoiceTask `json:"tasks"`
	// Consent says for each kind of task whether it has consent, and its state.
	Consent []voicetask.Standing `json:"consent"`
}

// VoiceTask is one task and its latest voice notification.
type VoiceTask struct {
	TaskID string `json:"taskId"`
	// Kind is speaker-search or voice-tone; for an unknown kind the detail type.
	Kind   string    `json:"kind"`
	Status string    `json:"status,omitempty"`
	Time   time.Time `json:"time"`
	// Result is the latest speakerSearchDetails or voiceToneAnalysisDetails of the service.
	Result json.RawMessage `json:"result,omitempty"`
}

// AddVoice adds the voice notifications, oldest first, and the consent ledger of a call; nothing if they are empty.
func (c *Call) AddVoice(
	state pipeline.State, notes []chime.VoiceNotification, ledger voicetask.Ledger, now time.Time, o Options,
) {
	mask := o.redactor(state)
	v := Voice{Tasks: []VoiceTask{}, Consent: ledger.Standings(now)}
	for i, s := range v.Consent {
		v.Consent[i].By, v.Consent[i].TaskID, v.Consent[i].Detail = mask.Text(s.By), mask.Text(s.TaskID), mask.Text(s.Detail)
	}
	index := map[string]int{} // by the unmasked ids: two masked ones may be equal
	for _, n := range notes {
		if n.TaskID == "" {
			continue
		}
		i, known := index[n.TaskID]
		if !known {
			i = len(v.Tasks)
			index[n.TaskID] = i
			v.Tasks = append(v.Tasks, VoiceTask{TaskID: mask.Text(n.TaskID)})
		}
		v.Tasks[i].update(n, mask)
	}
	if len(v.Tasks)+len(v.Consent) > 0 {
		c.Voice = &v
	}
}

// update applies a voice notification that is newer than those before.
func (t *VoiceTask) update(n chime.VoiceNotification, mask redact.Redactor) {
	t.Kind, t.Status, t.Time = kindOf(n, mask), mask.Text(n.DetailStatus), n.Time
	if n.Event.Voice == nil {
		return
	}
	for _, name := range []string{"speakerSearchDetails", "voiceToneAnalysisDetails"} {
		if raw := n.Event.Voice.Metadata[name]; raw != nil {
			t.Result = mask.JSON(name, raw)
		}
	}
}

func kindOf(n chime.VoiceNotification, mask redact.Redactor) string {
	switch n.Analytics {
	case chime.AnalyticsSpeakerSearch:
		return string(voicetask.SpeakerSearch)
	case chime.AnalyticsVoiceTone:
		return string(voicetask.VoiceTone)
	}
	return mask.Text(n.DetailType)
}
