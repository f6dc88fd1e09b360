package chime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

// rehearsed returns the bytes of an event with the source of rehearsals.
func rehearsed(raw []byte) []byte {
	return []byte(strings.Replace(string(raw), `"source": "aws.chime"`, `"source": "chimewatch.rehearsal"`, 1))
}

// ids returns every id of an event that something may be kept by.
func ids(ev *chime.Event) []string {
	list := []string{ev.ID}
	if sc := ev.StateChange; sc != nil {
		_, id := chime.SplitPipelineARN(sc.PipelineARN)
		list = append(list, id, sc.TransactionID, sc.CallID)
	}
	if rm := ev.RulesMatched; rm != nil {
		list = append(list, rm.TransactionID, rm.CallID)
	}
	if v := ev.Voice; v != nil {
		list = append(list, v.TaskID, v.PipelineID, v.TransactionID, v.CallID)
	}
	return list
}

// A rehearsal of every example: each id begins with the prefix, nothing else
// differs, and the bytes are as they came.
func TestIDsOfARehearsalBeginWithThePrefix(t *testing.T) {
	for _, example := range schemas.Examples() {
		if !strings.Contains(string(example.Body), `"source": "aws.chime"`) {
			continue // consent
		}
		t.Run(example.Name, func(t *testing.T) {
			real, err := chime.Parse(example.Body)
			if err != nil {
				t.Fatal(err)
			}
			raw := rehearsed(example.Body)
			before := slices.Clone(raw)
			ev, err := chime.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			want := ids(real)
			for i, id := range want {
				if id != "" {
					want[i] = "rehearsal-" + id
				}
			}
			if diff := cmp.Diff(want, ids(ev)); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if string(ev.Raw) != string(before) {
				t.Errorf("the bytes have changed: %s", ev.Raw)
			}
			plain := strings.ReplaceAll(mustJSON(t, ev), chime.RehearsalPrefix, "")
			if diff := cmp.Diff(withoutSource(t, mustJSON(t, real)), withoutSource(t, plain)); diff != "" {
				t.Errorf("besides the ids (-real +rehearsed):\n%s", diff)
			}
		})
	}
}

func mustJSON(t *testing.T, ev *chime.Event) string {
	t.Helper()
	b, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func withoutSource(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "Source")
	delete(fields, "Raw")
	return fields
}

func TestNoOtherEventHasAnIDOfARehearsal(t *testing.T) {
	event := func(id, detailType, detail string) string {
		const envelope = `{"id":%q,"detail-type":%q,"source":"aws.chime","time":"2026-01-31T12:00:00Z","detail":%s}`
		return fmt.Sprintf(envelope, id, detailType, detail)
	}
	const arn = `"arn:aws:chime:us-east-1:111122223333:media-pipeline/`
	change := func(arn, more string) string {
		return `{"eventType":"x","mediaInsightsPipelineArn":` + arn + more + `}`
	}
	const call = `"callId":"rehearsal-c","transactionId":"rehearsal-t"}`
	for _, tt := range []struct {
		name, event string
		pointer     string   // of the field that makes the event unusable
		metadata    []string // the keys that are kept as metadata
	}{
		{"event", event("rehearsal-e", chime.DetailStateChange, change(arn+`p"`, "")), "/id", nil},
		{"pipeline", event("e", chime.DetailStateChange, change(arn+`rehearsal-p"`, "")),
			"/detail/mediaInsightsPipelineArn", nil},
		{"pipeline that is no ARN", event("e", chime.DetailStateChange, change(`"rehearsal-p"`, "")),
			"/detail/mediaInsightsPipelineArn", nil},
		{"call of a state change", event("e", chime.DetailStateChange, change(arn+`p"`, `,`+strings.TrimSuffix(call, "}"))),
			"", []string{"callId", "transactionId"}},
		{"call of a rule match", event("e", chime.DetailRulesMatched, `{"ruleName":"r","sourceMetadata":{`+call+`}`),
			"", []string{"callId", "transactionId"}},
		{"voice notification", event("e", chime.DetailSpeakerSearch,
			`{"taskId":"rehearsal-k","mediaInsightsPipelineId":"rehearsal-p",`+call),
			"", []string{"callId", "mediaInsightsPipelineId", "taskId", "transactionId"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := chime.Parse([]byte(tt.event))
			var field *chime.FieldError
			if tt.pointer != "" {
				if !errors.As(err, &field) || field.Pointer != tt.pointer {
					t.Errorf("got %v, want the field %q to be at fault", err, tt.pointer)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids(ev) {
				if chime.IsRehearsal(id) {
					t.Errorf("got the id %s of an event that is no rehearsal", id)
				}
			}
			var kept []string
			for key := range metadata(ev) {
				kept = append(kept, key)
			}
			slices.Sort(kept)
			if !slices.Equal(kept, tt.metadata) {
				t.Errorf("got %v kept as metadata, want %v", kept, tt.metadata)
			}
		})
	}
}

func metadata(ev *chime.Event) map[string]json.RawMessage {
	switch {
	case ev.StateChange != nil:
		return ev.StateChange.Metadata
	case ev.RulesMatched != nil:
		return ev.RulesMatched.Metadata
	}
	return ev.Voice.Metadata
}

// Whatever ids events have, no id of a rehearsal is one of a real event.
func TestRehearsalsAndRealEventsShareNoID(t *testing.T) {
	id := rapid.OneOf(rapid.StringMatching(`(rehearsal-){0,3}[a-z]{0,2}`),
		rapid.StringMatching(`(arn:aws:chime:r:a)?(:media-pipeline/){0,2}(rehearsal-){0,2}p?`), rapid.String())
	types := rapid.SampledFrom([]string{chime.DetailStateChange, chime.DetailRulesMatched, chime.DetailVoiceTone})
	rapid.Check(t, func(t *rapid.T) {
		parsed := map[string][]string{}
		for _, source := range []string{chime.Source, chime.RehearsalSource} {
			raw, err := json.Marshal(map[string]any{
				"id": id.Draw(t, "id"), "detail-type": types.Draw(t, "type"), "source": source, "time": "2026-01-31T12:00:00Z",
				"detail": map[string]any{
					"eventType": chime.EventCreateFailed, "ruleName": "r",
					"mediaInsightsPipelineArn": id.Draw(t, "arn"), "mediaInsightsPipelineId": id.Draw(t, "pipeline"),
					"transactionId": id.Draw(t, "transaction"), "callId": id.Draw(t, "call"), "taskId": id.Draw(t, "task"),
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if ev, err := chime.Parse(raw); err == nil {
				parsed[source] = ids(ev)
			}
		}
		for _, id := range parsed[chime.RehearsalSource] {
			if id != "" && (!chime.IsRehearsal(id) || slices.Contains(parsed[chime.Source], id)) {
				t.Errorf("got the id %q of a rehearsal, want one that begins with %s", id, chime.RehearsalPrefix)
			}
		}
		for _, id := range parsed[chime.Source] {
			if chime.IsRehearsal(id) {
				t.Errorf("got the id %q of a real event", id)
			}
		}
	})
}
