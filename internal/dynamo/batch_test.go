package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func TestABatchOf25IsOneRequestOrTwo(t *testing.T) {
	s, db, name := voiceStore(t)
	for _, tt := range []struct{ ready, requests, items int }{
		{0, 1, 25}, {12, 2, 13 + 3*12}, {25, 3, 3 * 25}, // a readiness is entered in two ledgers as well
	} {
		var notes []chime.VoiceNotification
		for i := range 25 {
			body := `{"id":"n-%d","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z","detail":{"taskId":"%d-%d"}}`
			if i < tt.ready {
				body = `{"id":"n-%d","detail-type":"VoiceAnalyticsStatus","time":"2026-03-11T08:15:04Z","detail":{
					"detailStatus":"AnalyticsReady","transactionId":"t-%d-%d","callId":"c-%[2]d-%[3]d","voiceConnectorId":"v"}}`
			}
			notes = append(notes, note(t, lambdafn.SQS, fmt.Appendf(nil, body, i, tt.ready, i)))
		}
		before := len(scan(t, db.Client, name))
		db.requests = 0
		for _, err := range s.RecordVoice(t.Context(), notes) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := len(scan(t, db.Client, name)) - before; db.requests != tt.requests || got != tt.items {
			t.Errorf("%d of 25 ready: got %d items by %d requests, want %d by %d", tt.ready, got, db.requests, tt.items,
				tt.requests)
		}
	}
}

func TestWhatTheTableLeavesUndoneIsPutAgain(t *testing.T) {
	s, db, name := voiceStore(t)
	var notes []chime.VoiceNotification
	for _, body := range voiceBodies(t)[:6] {
		notes = append(notes, note(t, lambdafn.SNS, body))
	}
	db.batch = func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		requests := in.RequestItems[name]
		if len(requests) == 1 {
			return nil, nil // the last of them passes
		}
		rest := *in
		rest.RequestItems = map[string][]types.WriteRequest{name: requests[:1]}
		if _, err := db.Client.BatchWriteItem(t.Context(), &rest); err != nil {
			return nil, err
		}
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{name: requests[1:]}}, nil
	}
	for i, err := range s.RecordVoice(t.Context(), notes) {
		if err != nil {
			t.Errorf("%s: %v", notes[i].ID, err)
		}
	}
	got := map[string]bool{}
	for _, it := range scan(t, db.Client, name) {
		got[it["SK"]] = true
	}
	for _, n := range notes {
		if !got[n.ID] {
			t.Errorf("%s is not in the table", n.ID)
		}
	}
}

func TestWhatStaysUndoneFailsAlone(t *testing.T) {
	s, db, name := voiceStore(t)
	bodies := voiceBodies(t)
	stuck := note(t, lambdafn.SQS, bodies[0])
	db.batch = func(in *dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) {
		var undone []types.WriteRequest
		for _, r := range in.RequestItems[name] {
			if id := r.PutRequest.Item["SK"].(*types.AttributeValueMemberS).Value; id == stuck.ID {
				undone = append(undone, r)
			}
		}
		return &dynamodb.BatchWriteItemOutput{UnprocessedItems: map[string][]types.WriteRequest{name: undone}}, nil
	}
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[5]), stuck,
		note(t, lambdafn.SQS, bodies[6])})
	if errs[0] != nil || apperr.ClassOf(errs[1]) != apperr.Throttled || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail, throttled", errs)
	}
}

func TestAnItemThatTheTableRefusesFailsAlone(t *testing.T) {
	s, db, name := voiceStore(t)
	bodies := voiceBodies(t)
	bad := note(t, lambdafn.SQS, []byte(`{
		"id":"", "detail-type":"SpeakerSearchStatus", "time":"2026-03-11T08:15:04Z", "detail":{"taskId":"k"}, "id":"x"}`))
	// The store makes no item that the table refuses: the stand-in for one that
	// will be refused some day has an empty key.
	broken := *bad.Event
	broken.ID = ""
	bad.Event = &broken
	errs := s.RecordVoice(t.Context(), []chime.VoiceNotification{note(t, lambdafn.SQS, bodies[0]), bad,
		note(t, lambdafn.SQS, bodies[1])})
	if errs[0] != nil || apperr.ClassOf(errs[1]) != apperr.Invalid || errs[2] != nil {
		t.Errorf("got %v, want only the second to fail, as invalid", errs)
	}
	if got := len(notesOf(scan(t, db.Client, name))); got != 2 {
		t.Errorf("got %d notifications in the table, want the two good ones", got)
	}
}
