package flows_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// What becomes of a message of a batch, whatever the others beside it are.
const (
	isFine       = "fine"
	isUnreadable = "unreadable"
	isForeign    = "of call analytics"
	isNotStored  = "refused by the table"
	isNotSettled = "of a call that cannot be settled"
	isOfNoCall   = "of no call"
)

// Each message of a batch has its own outcome, and no other's: only what failed is
// offered again, and it is.
func TestEachMessageOfABatchHasItsOwnOutcome(t *testing.T) {
	silenceLog(t)
	kinds := []string{isFine, isUnreadable, isForeign, isNotStored, isNotSettled, isOfNoCall}
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 8).Draw(t, "messages")
		table, calls := refusing{}, &settler{}
		bodies := map[int][]byte{}
		var want []int
		for i, kind := range drawn {
			id, transaction := fmt.Sprint("n-", i), fmt.Sprint("t-", i)
			detailType := rapid.SampledFrom([]string{"SpeakerSearchStatus", "VoiceAnalyticsStatus"}).Draw(t, "detail type")
			detail := fmt.Sprintf(`{"detailStatus":"AnalyticsReady","taskId":"k","voiceConnectorId":"v","transactionId":%q}`,
				transaction)
			switch kind {
			case isUnreadable:
				bodies[i] = rapid.SampledFrom([][]byte{[]byte(`{"id":`), []byte(`{}`), nil}).Draw(t, "bytes")
				want = append(want, i)
				continue
			case isForeign:
				bodies[i] = []byte(`{"service-type":"CallAnalytics","detail-type":"Transcribe"}`)
				continue
			case isNotStored:
				table.ids = append(table.ids, id)
				want = append(want, i)
			case isNotSettled:
				calls.fails = append(calls.fails, transaction)
				want = append(want, i)
			case isOfNoCall:
				detail = `{"taskId":"k"}`
			}
			bodies[i] = fmt.Appendf(nil, `{"id":%q,"detail-type":%q,"time":"2026-03-11T08:15:04Z","detail":%s}`, id,
				detailType, detail)
		}
		handle := voiceOf(table, calls, count{})
		var messages []lambdafn.Message
		for i := range drawn {
			messages = append(messages, lambdafn.Message{Body: bodies[i]})
		}
		var got []int
		for i, err := range handle(t.Context(), messages) {
			if err == nil {
				continue
			}
			got = append(got, i)
			class := map[string]apperr.Class{isUnreadable: apperr.Invalid, isNotStored: apperr.Throttled,
				isNotSettled: apperr.Unavailable}[drawn[i]]
			if apperr.ClassOf(err) != class {
				t.Errorf("message %d, %s: got %v, want class %s", i, drawn[i], err, class)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %v: got %v failed, want %v", drawn, got, want)
		}
		for _, trigger := range calls.triggers {
			if trigger.TransactionID == "" {
				t.Errorf("got %+v settled, want a call", trigger)
			}
		}
		for _, o := range origins[:4] { // by the queue and the stream only what failed is offered again
			reply, err := lambdafn.Handle(t.Context(), o.payload(bodies), handle)
			if o.whole {
				if (err != nil) != (len(want) > 0) {
					t.Errorf("%s: got %v, want an error for %v", o.name, err, want)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			left := failedIn(t, reply)
			if !slices.Equal(left, want) {
				t.Errorf("%s, of %v: got %v offered again, want %v", o.name, drawn, left, want)
			}
		}
	})
}

// failedIn returns the records that a reply names, in their order.
func failedIn(t *rapid.T, reply []byte) (failed []int) {
	var answer struct {
		Failures []struct {
			ID int `json:"itemIdentifier,string"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil {
		t.Fatal(err)
	}
	for _, f := range answer.Failures {
		failed = append(failed, f.ID)
	}
	slices.Sort(failed)
	return failed
}
