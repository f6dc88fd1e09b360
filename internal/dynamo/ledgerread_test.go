package dynamo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// An entry of a ledger that cannot be read, or only in part, hides no other one and is
// never a grant. Where it may be a decision of people, it is a denial until somebody
// grants it later; what the system has done stays known.
func TestUnreadableEntriesHideNoOther(t *testing.T) {
	at := time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC)
	said := func(kind voicetask.Kind, minute int) voicetask.Entry {
		return voicetask.Entry{Kind: kind, At: at.Add(time.Duration(minute) * time.Minute), Event: string(kind), By: "me",
			Scope: voicetask.ScopeBoth, TransactionID: "t"}
	}
	ready := voicetask.Entry{Kind: voicetask.Ready, At: at, Event: "r", TransactionID: "t", CallID: "c",
		VoiceConnectorID: "v"}
	for _, tt := range []struct {
		name, body string
		binary     bool
		yes        bool // somebody said yes before
		want       string
	}{
		{"nothing", "", false, true, "starting"},
		{"no JSON", "{", false, true, ""},
		{"a list", "[]", false, true, ""},
		{"packed by another version", "\x09abc", true, true, ""},
		{"a yes of a kind that is new",
			`{"kind":"granted-by-law","at":"2026-03-11T08:02:00Z","eventId":"n","scope":"both"}`, false, false, ""},
		{"and somebody said yes before",
			`{"kind":"granted-by-law","at":"2026-03-11T08:02:00Z","eventId":"n","scope":"both"}`, false, true, ""},
		{"before the yes", `{"kind":"granted-by-law","at":"2026-03-11T07:02:00Z","eventId":"n","scope":"both"}`, false,
			true, "starting"},
		{"a yes with an end that cannot be read",
			`{"kind":"granted","at":"2026-03-11T08:02:00Z","eventId":"n","scope":"both","until":"soon"}`, false, false, ""},
		{"a yes with a list of scopes",
			`{"kind":"granted","at":"2026-03-11T08:02:00Z","eventId":"n","scope":["voice-tone"]}`, false, false, ""},
		{"a no with a list of scopes",
			`{"kind":"withdrawn","at":"2026-03-11T08:02:00Z","eventId":"n","scope":["voice-tone"]}`, false, true, ""},
		{"a no by nobody", `{"kind":"denied","at":"2026-03-11T08:02:00Z","eventId":"n","scope":"both","by":{"name":"x"}}`,
			false, true, ""},
		{"a no with a new field", `{"kind":"denied","at":"2026-03-11T08:02:00Z","eventId":"n","scope":"both","why":["x"]}`,
			false, true, ""},
		{"a decision of a kind that is new",
			`{"kind":"postponed","at":"2026-03-11T08:02:00Z","task":"voice-tone","number":1}`, false, true, "starting"},
		{"a task that was started", `{"kind":"started","at":7,"task":"voice-tone","number":1,"taskId":"k","detail":{}}`,
			false, true, "started"},
		{"a task of a kind that is new",
			`{"kind":"started","at":"2026-03-11T08:02:00Z","task":"mood","number":1,"taskId":"k"}`, false, true, "starting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, db, table := voiceStore(t)
			all := []voicetask.Entry{ready}
			if tt.yes {
				all = append(all, said(voicetask.Granted, 1))
			}
			enter(t, s, all...)
			it := tabletest.EntryOf("t", "9#odd").Item()
			it["c"] = &types.AttributeValueMemberS{Value: "2026-03-11T08:02:00.000000Z"}
			switch {
			case tt.binary:
				it["d"] = &types.AttributeValueMemberB{Value: []byte(tt.body)}
			case tt.body != "":
				it["d"] = &types.AttributeValueMemberS{Value: tt.body}
			default:
				it["c"] = &types.AttributeValueMemberS{Value: "2026-03-11T07:00:00.000000Z"}
			}
			if _, err := db.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: it}); err != nil {
				t.Fatal(err)
			}
			ledger, err := s.Ledger(t.Context(), "t")
			if err != nil || len(ledger) != len(all)+1 || len(ledger.InOrder()) != len(all)+1 {
				t.Fatalf("got %v and %v, want every entry", ledger, err)
			}
			for _, e := range all {
				if !slices.Contains(ledger, e) {
					t.Errorf("got %v, without %v", ledger, e)
				}
			}
			got := ""
			for _, step := range ledger.Next(at.Add(time.Hour), voicetask.Settings{voicetask.VoiceTone: true},
				voicetask.RunID{Event: "e"}) {
				if step.Entry.Kind == voicetask.Starting {
					got = "starting"
				}
			}
			for _, standing := range ledger.Standings(at.Add(time.Hour)) {
				if standing.State == voicetask.StateStarted || standing.State == voicetask.StateStopping {
					got = fmt.Sprint(standing.State)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, ledger)
			}
		})
	}
}
