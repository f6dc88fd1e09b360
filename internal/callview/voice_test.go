package callview_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
	"github.com/chimewatch/chimewatch/schemas"
)

func TestAddVoice(t *testing.T) {
	now := time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)
	state := pipeline.State{ID: "p", CallFields: chime.CallFields{FromNumber: "+12065550178"}}
	var notes []chime.VoiceNotification
	for _, body := range [][]byte{
		body(t, "speaker-identification-successful"), body(t, "voice-tone-successful"),
		body(t, "voice-tone-completed"), body(t, "voice-analytics-ready"),
		[]byte(`{"id":"f","detail-type":"SpeakerSearchStatus","time":"2026-03-11T11:00:00Z","detail":{"taskId":"k",` +
			`"detailStatus":"IdentificationSuccessful","speakerSearchDetails":{"note":"call +12065550178"}}}`),
		[]byte(`{"id":"g","detail-type":"SpeakerSearchStatus","time":"2026-03-11T11:00:01Z","detail":{"taskId":"k",` +
			`"detailStatus":"VoiceprintGenerationSuccess"}}`),
		[]byte(`{"id":"h","detail-type":"VoiceMoodStatus","time":"2026-03-11T11:00:02Z","detail":{"taskId":"m",` +
			`"detailStatus":"Glad"}}`),
	} {
		n, err := chime.ParseVoice(body, chime.BySQS)
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, n)
	}
	ledger := voicetask.Ledger{{
		Kind: voicetask.Denied, At: now, Event: "d", By: "agent at +12065550178", Scope: voicetask.ScopeVoiceTone,
		TransactionID: "t",
	}}
	c := callview.New(state, nil, nil, nil, callview.Options{})
	c.AddVoice(state, notes, ledger, now, callview.Options{})

	type task struct{ TaskID, Kind, Status, Result string }
	want := []task{
		{"04f17bc6-6dbf-4a30-b2be-1d73e600702b", "speaker-search", "IdentificationSuccessful", `0.94567856`},
		{"6143d294-41da-45f1-8ea4-c75556cead7e", "voice-tone", "VoiceToneAnalysisCompleted", `positive`},
		{"k", "speaker-search", "VoiceprintGenerationSuccess", `{"note":"call …0178"}`}, // of the notification before
		{"m", "VoiceMoodStatus", "Glad", ``},
	}
	var got []task
	for _, v := range c.Voice.Tasks {
		found := task{v.TaskID, v.Kind, v.Status, string(v.Result)}
		var result struct {
			Results                 []struct{ ConfidenceScore string }
			OverallAverageVoiceTone struct{ VoiceToneLabel string }
		}
		if json.Unmarshal(v.Result, &result) == nil {
			switch {
			case len(result.Results) > 0:
				found.Result = result.Results[0].ConfidenceScore
			case result.OverallAverageVoiceTone.VoiceToneLabel != "":
				found.Result = result.OverallAverageVoiceTone.VoiceToneLabel
			}
		}
		got = append(got, found)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	denied := []voicetask.Standing{{Task: voicetask.VoiceTone, State: voicetask.StateDenied, By: "agent at …0178"}}
	if diff := cmp.Diff(denied, c.Voice.Consent); diff != "" {
		t.Errorf("consent (-want +got):\n%s", diff)
	}

	none := callview.New(state, nil, nil, nil, callview.Options{})
	none.AddVoice(state, notes[3:4], nil, now, callview.Options{})
	if none.Voice != nil {
		t.Errorf("got %+v of a call without task and consent, want nothing", none.Voice)
	}
}

func body(t *testing.T, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}
