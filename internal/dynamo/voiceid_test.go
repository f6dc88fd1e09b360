package dynamo_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// odd are ids that cannot stand in a key of the table as they are, or only just.
var odd = map[string]string{
	"no bytes": "", "the most bytes of an id": strings.Repeat("i", 900), "one more": strings.Repeat("i", 901),
	"more than a sort key": strings.Repeat("i", 1025), "more than a partition key": strings.Repeat("i", 2049),
	"another as long": strings.Repeat("i", 2048) + "j", "far more": strings.Repeat("ü", 10_000),
	"no valid UTF-8": "a\xffb", "other bytes that are none": "a\xfeb",
}

// notified makes a notification whose ids are all the same text.
func notified(id, detailType, status, of string) []byte {
	quoted := of
	if !strings.Contains(of, "\xff") && !strings.Contains(of, "\xfe") {
		b, _ := json.Marshal(of) // a text always has a JSON form
		quoted = string(b[1 : len(b)-1])
	}
	return fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"time":"2026-03-11T08:15:04Z","detail":{
		"detailStatus":%q,"taskId":"%[4]s","transactionId":"%[4]s","callId":"%[4]s",
		"mediaInsightsPipelineId":"%[4]s","voiceConnectorId":"vc"}}`, id, detailType, status, quoted)
}

// Whatever an id is, its notification is stored with its bytes, twice the same is one
// item, no other one replaces it, and the ids find it.
func TestNotificationsOfAnyIDAreStored(t *testing.T) {
	s, db, table := voiceStore(t)
	stored := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(odd)) {
		of := odd[name]
		for _, kind := range [][2]string{{chime.DetailSpeakerSearch, "IdentificationFailure"}, {chime.DetailVoiceTone,
			"VoiceToneAnalysisCompleted"},
			{chime.DetailVoiceStatus, "AnalyticsReady"}, {chime.DetailVoiceStatus,
				"PostCallVoiceAnalytics"}, {"VoiceMoodStatus", "x"}} {
			body := notified("one-"+kind[1], kind[0], kind[1], of)
			n := note(t, lambdafn.Kinesis, body)
			for range 2 {
				if err := s.RecordVoice(t.Context(), append(notes(t), n))[len(notes(t))]; err != nil {
					t.Errorf("%s, %s: %v", name, kind[1], err)
				}
			}
			stored[string(body)] = true
			found, err := s.VoiceOf(t.Context(), chime.CallFields{TransactionID: n.TransactionID, CallID: n.CallID},
				n.PipelineID)
			if err != nil {
				t.Fatal(err)
			}
			is := slices.ContainsFunc(found, func(other chime.VoiceNotification) bool {
				return string(other.Raw) == string(body)
			})
			if of != "" && !is {
				t.Errorf("%s, %s: got %d notifications by its ids, none of which is it", name, kind[1], len(found))
			}
		}
	}
	for _, it := range scan(t, db.Client, table) {
		body := it["body"]
		if raw, ok := strings.CutPrefix(it["rawBody"], "bytes "); ok {
			body = raw
		}
		delete(stored, body)
	}
	for body := range stored {
		t.Errorf("not in the table: %.200q", body)
	}
}

// notes are good notifications, which a bad one must not keep from being stored.
func notes(t *testing.T) []chime.VoiceNotification {
	t.Helper()
	return []chime.VoiceNotification{note(t, lambdafn.Kinesis, notified("good", chime.DetailSpeakerSearch,
		"IdentificationFailure",
		"good"))}
}

// A ledger works for whatever ids a call and its tasks have.
func TestLedgersOfAnyID(t *testing.T) {
	at := time.Date(2026, 3, 11, 8, 15, 4, 0, time.UTC)
	for _, name := range slices.Sorted(maps.Keys(odd)) {
		id := odd[name]
		if id == "" || !utf8.ValidString(id) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, _, _ := voiceStore(t)
			body := notified("ready "+name, chime.DetailVoiceStatus, "AnalyticsReady", id)
			if err := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, body)})[0]; err != nil {
				t.Fatal(err)
			}
			byCall := voicetask.Entry{Kind: voicetask.Granted, At: at, Event: name, By: "me", Scope: voicetask.ScopeBoth,
				CallID: id,
				Until:  at.Add(time.Hour)}
			started := voicetask.Entry{Kind: voicetask.Started, At: at, Event: "e", Task: voicetask.VoiceTone, Number: 1,
				TransactionID: id, TaskID: id}
			again := started // the same one, written later
			again.At, again.Detail = at.Add(time.Minute), "again"
			enter(t, s, byCall, started, again)
			ready := voicetask.Entry{Kind: voicetask.Ready, At: at, Event: "ready " + name, TransactionID: id, CallID: id,
				VoiceConnectorID: "vc"}
			ledger, err := s.Ledger(t.Context(), id)
			wantLedger(t, ledger, err, ready, byCall, started)
			expired, err := s.ExpiredConsent(t.Context(), at.Add(2*time.Hour))
			if err != nil || len(expired) != 1 {
				t.Fatalf("got %v and %v, want one consent that has run out", expired, err)
			}
			ledger, err = s.CallLedger(t.Context(), expired[0].CallID)
			wantLedger(t, ledger, err, ready, byCall)
			if err := s.EndExpiry(t.Context(), voicetask.Expiry{Event: name, CallID: id}); err != nil {
				t.Error(err)
			}
			if expired, err = s.ExpiredConsent(t.Context(), at.Add(2*time.Hour)); err != nil || len(expired) != 0 {
				t.Errorf("got %v and %v, want none once it is dealt with", expired, err)
			}
			if _, _, _, err := s.PipelineEnd(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
}

// Ids that are no valid UTF-8 may be those of several calls: no task is started on them.
func TestNoTaskIsStartedOnAnIDThatIsNoText(t *testing.T) {
	s, _, _ := voiceStore(t)
	n := note(t, lambdafn.SQS, notified("r", chime.DetailVoiceStatus, "AnalyticsReady", "a\xffb"))
	if err := s.RecordVoice(t.Context(), []chime.VoiceNotification{n})[0]; err != nil {
		t.Fatal(err)
	}
	ledger, err := s.Ledger(t.Context(), n.TransactionID)
	wantLedger(t, ledger, err)
}

// A notification in the table that cannot be read, because another version or another
// program wrote it, hides no other one, and shows what its keys say.
func TestUnreadableNotificationsHideNoOther(t *testing.T) {
	s, db, table := voiceStore(t)
	if err := s.RecordVoice(t.Context(), notes(t))[0]; err != nil {
		t.Fatal(err)
	}
	for i, body := range []string{"", "no JSON", `{"id":"x"}`} {
		it := map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "taskId#k-9#notificationType#SNS#analyticsType#VoiceToneAnalysis"},
			"SK": &types.AttributeValueMemberS{Value: fmt.Sprint("odd-",
				i)}, "q": &types.AttributeValueMemberS{Value: "VT#good"},
			"createdOn": &types.AttributeValueMemberS{Value: "2026-03-11T08:15:05.123Z"},
			"c":         &types.AttributeValueMemberS{Value: "1"},
		}
		if body != "" {
			it["body"] = &types.AttributeValueMemberS{Value: body}
		}
		if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.VoiceOf(t.Context(), chime.CallFields{TransactionID: "good"}, "")
	if err != nil || len(found) != 4 {
		t.Fatalf("got %d notifications and %v, want all four", len(found), err)
	}
	for i, n := range found[1:] {
		if n.ID != fmt.Sprint("odd-", i) || n.By != "SNS" || n.Analytics != "VoiceToneAnalysis" || n.TaskID != "k-9" ||
			!n.Time.Equal(time.Date(2026, 3, 11, 8, 15, 5, 123_000_000, time.UTC)) {
			t.Errorf("got %+v of %+v, want what its keys say", n, n.Event)
		}
	}
}
