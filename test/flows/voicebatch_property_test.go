package flows_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// The outcome of a message of a batch, whatever the others are.
const (
	isFine          = "fine"
	isUnreadable    = "unreadable"
	isForeign       = "of call analytics"
	isNotStored     = "refused by the table"
	isNotReconciled = "of a call that cannot be reconciled"
	isOfNoCall      = "of no call"
)

// Each message of a batch has its own outcome: what failed is delivered again, and nothing
// else.
func TestEachMessageOfABatchHasItsOwnOutcome(t *testing.T) {
	silenceLog(t)
	kinds := []string{isFine, isUnreadable, isForeign, isNotStored, isNotReconciled, isOfNoCall}
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 8).Draw(t, "messages")
		table, calls := refusing{}, &reconciler{}
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
			case isNotReconciled:
				calls.fails = append(calls.fails, transaction)
				want = append(want, i)
			case isOfNoCall:
				detail = `{"taskId":"k"}`
			}
			bodies[i] = voiceEvent(id, detailType, detail)
		}
		handle := voiceHandler(table, calls, counts{})
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
				isNotReconciled: apperr.Unavailable}[drawn[i]]
			if apperr.ClassOf(err) != class {
				t.Errorf("message %d, %s: got %v, want class %s", i, drawn[i], err, class)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %v: got %v failed, want %v", drawn, got, want)
		}
		for _, trigger := range calls.triggers {
			if trigger.TransactionID == "" {
				t.Errorf("got %+v reconciled, want a call", trigger)
			}
		}
		for _, o := range voiceSources[:4] { // the queue and the stream deliver only what failed again
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
				t.Errorf("%s, of %v: got %v delivered again, want %v", o.name, drawn, left, want)
			}
		}
	})
}
