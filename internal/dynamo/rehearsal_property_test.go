package dynamo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/rulematch"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// oneID is an id that a rehearsal may share with something real. Some look like
// one of a rehearsal.
func oneID(t *rapid.T, label string, values ...string) string {
	return rapid.SampledFrom(append(values, "", "rehearsal-x")).Draw(t, label)
}

// drawOther makes a rule match or a voice notification as JSON.
func drawOther(t *rapid.T) []byte {
	types := []string{chime.DetailRulesMatched, chime.DetailSpeakerSearch, chime.DetailVoiceStatus, "VoiceMoodStatus"}
	raw, err := json.Marshal(map[string]any{
		"id": rapid.SampledFrom([]string{"e1", "e2"}).Draw(t, "id"), "detail-type": rapid.SampledFrom(types).Draw(t, "type"),
		"source": chime.Source, "account": "111122223333", "region": "us-east-1", "time": noon.Format(time.RFC3339),
		"detail": map[string]any{
			"ruleName": "r", "detailStatus": chime.StatusReady, "voiceConnectorId": "v",
			"mediaInsightsPipelineId": oneID(t, "pipeline", "p"), "taskId": oneID(t, "task", "k"),
			"transactionId": oneID(t, "transaction", "t1"), "callId": oneID(t, "call", "c1", "c2"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// drawAny makes an event of any kind about one of two calls.
func drawAny(t *rapid.T) []byte {
	if rapid.Bool().Draw(t, "state change") {
		return drawEvent(t, rapid.SampledFrom([]string{"p", "q"}).Draw(t, "pipeline"), 0, false).Raw
	}
	return drawOther(t)
}

// keep keeps an event as the functions do, each in its own way.
func keep(ctx context.Context, s *dynamo.Store, raw []byte) error {
	ev, err := chime.Parse(raw)
	if err != nil {
		return err
	}
	switch {
	case ev.StateChange != nil:
		st, err := pipeline.FromEvent(ev)
		if err != nil {
			return err
		}
		errs := []error{pipeline.RecordEvent(ctx, s, ev)}
		for _, e := range append([]chime.Element{{}}, st.FailingElements()...) {
			_, err := join(ctx, s, incident.Report{
				Group: incident.Group{Scope: incident.ScopeOf(st), Element: e.Type}, Class: incident.CauseOfState(st).Class,
				Losses:     []incident.Loss{incident.Recording},
				Occurrence: incident.Occurrence{PipelineID: st.ID, CallID: st.CallID, At: ev.Time}, Began: ev.Time,
			})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	case ev.RulesMatched != nil:
		rule := rulematch.KeyOf(ev, false)
		was := rulematch.Window{Key: rule}
		is := was
		is.Notifications, is.Matches, is.SentAt = 1, 1, noon
		return errors.Join(s.RecordMatch(ctx, ev, rulematch.TypeUnknown), s.SetSent(ctx, was, is),
			once(ctx, s, dynamo.PartitionOfMatches(rule), notify.Notification{ID: rule.Name()}, "owner",
				func(context.Context) error { return nil }))
	}
	n, err := chime.ParseVoice(raw, chime.BySQS)
	if err != nil {
		return err
	}
	return s.RecordVoice(ctx, []chime.VoiceNotification{n})[0]
}

// real returns what of a dump is not of a rehearsal.
func real(dump map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range dump {
		_, id, _ := strings.Cut(key, "#")
		_, sk, _ := strings.Cut(key, " ")
		if !chime.IsRehearsal(id) && !chime.IsRehearsal(sk) {
			kept[key] = value
		}
	}
	return kept
}

// Real events come to a process, and rehearsals of any events with the same ids to
// another one, which make their calls by turns: what the table holds of the real
// ones is what it holds without the rehearsals, byte for byte.
func TestRehearsalsLeaveWhatIsRealAlone(t *testing.T) {
	db := faultinject.Server(t)
	rehearsed := 0
	rapid.Check(t, func(rt *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawAny), 1, 4).Draw(rt, "real")
		rehearsals := rapid.SliceOfN(rapid.Custom(drawAny), 1, 4).Draw(rt, "rehearsed")
		if rapid.Bool().Draw(rt, "the same") {
			rehearsals = rapid.Permutation(events).Draw(rt, "rehearsed order")
		}
		for i, raw := range rehearsals {
			rehearsals[i] = bytes.Replace(raw, []byte(`"source":"aws.chime"`), []byte(`"source":"chimewatch.rehearsal"`), 1)
		}
		play := func(all ...[][]byte) (map[string]string, error) {
			world := faultinject.NewWorld(t, db)
			var works []faultinject.Work
			for _, events := range all {
				p := world.Process()
				s := at(p, noon)
				works = append(works, faultinject.Work{Injector: p.Injector, Do: func() (err error) {
					for _, raw := range events {
						err = errors.Join(err, keep(context.Background(), s, raw))
					}
					return err
				}})
			}
			errs := faultinject.RunInterleaved(rapid.Int64().Draw(rt, "turns"), works...)
			return world.Dump(t), errs[0]
		}
		alone, aloneErr := play(events)
		together, togetherErr := play(events, rehearsals)
		if diff := cmp.Diff(alone, real(together)); diff != "" {
			rt.Fatalf("without the rehearsals (-), with them (+):\n%s", diff)
		}
		if (aloneErr == nil) != (togetherErr == nil) {
			rt.Fatalf("the real ones: got %v, want %v as without the rehearsals", togetherErr, aloneErr)
		}
		rehearsed += len(together) - len(alone)
	})
	if rehearsed == 0 {
		t.Error("no rehearsal was kept: the test proves nothing")
	}
}
