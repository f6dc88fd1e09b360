package flows_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

// denied is a reason of failures whose cause is known.
const denied = "Access denied when assuming resource access role"

const pipelineARN = "arn:aws:chime:us-east-1:111122223333:media-pipeline/"

// testCall is a call, of which tests make events.
type testCall struct {
	id        string // of its pipeline
	connector string // empty: the event names none
	reason    string
	elements  [][2]string // type and status
}

// event returns a state change of the call.
func (c testCall) event(eventType string, at time.Time) []byte {
	detail := map[string]any{"version": "0", "eventType": eventType, "mediaInsightsPipelineArn": pipelineARN + c.id}
	if c.connector != "" {
		detail["voiceConnectorId"] = c.connector
		detail["callId"], detail["transactionId"] = "call-"+c.id, "transaction-"+c.id
	}
	if c.reason != "" {
		detail["failureReason"] = c.reason
	}
	var elements []any
	for _, e := range c.elements {
		elements = append(elements, map[string]any{"type": e[0], "status": e[1], "updatedOn": at.UnixMilli()})
	}
	if elements != nil {
		detail["mediaInsightsPipelineElementStatuses"] = elements
	}
	id := fmt.Sprintf("%s-%s-%d", c.id, strings.TrimPrefix(eventType, "chime:"), at.Unix())
	return envelope(id, chime.Source, chime.DetailStateChange, at, detail)
}

// envelope returns an event of this account and Region.
func envelope(id, source, detailType string, at time.Time, detail map[string]any) []byte {
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": detailType, "source": source, "account": account, "region": region,
		"time": at.Format(time.RFC3339), "resources": []any{}, "detail": detail,
	})
	if err != nil {
		panic(err) // it is made of texts and numbers
	}
	return raw
}

// failedCall is the event of a call on the Voice Connector abc that failed for good.
func failedCall(id, reason string, at time.Time) []byte {
	return testCall{id: id, connector: "abc", reason: reason}.event(chime.EventPermanentFailure, at)
}

// runningCall is the event of a call on the Voice Connector abc that succeeds, stoppedCall
// that of one that has ended.
func runningCall(id string, at time.Time) []byte {
	return testCall{id: id, connector: "abc"}.event(chime.EventInProgress, at)
}

func stoppedCall(id string, at time.Time) []byte {
	return testCall{id: id, connector: "abc"}.event(chime.EventStopped, at)
}

// element returns an element with its status, for a testCall.
func element(kind, status string) [][2]string { return [][2]string{{kind, status}} }

// ruleMatch returns the event of a rule that matched on the call c1.
func ruleMatch(rule, id string, at time.Time) []byte {
	return envelope(id, chime.Source, chime.DetailRulesMatched, at, map[string]any{
		"version": "0", "ruleName": rule, "utteranceId": "u", "beginTimestamp": at.Format(time.RFC3339),
		"sourceMetadata": map[string]any{"transactionId": "t1", "callId": "c1"},
	})
}

// unnamedMatch returns the event of a rule that matched on a call that the event does not
// name, as in the developer guide.
func unnamedMatch(rule, id string, at time.Time) []byte {
	return withMetadata(ruleMatch(rule, id, at), `{}`)
}

// withMetadata replaces the source metadata of a ruleMatch.
func withMetadata(raw []byte, metadata string) []byte {
	return bytes.Replace(raw, []byte(`{"callId":"c1","transactionId":"t1"}`), []byte(metadata), 1)
}

// elsewhere returns events as they come from another account and Region.
func elsewhere(events ...[]byte) [][]byte {
	return replaced(events, account, "999988887777", region, "eu-central-1")
}

// rehearsed returns events as they come in a rehearsal.
func rehearsed(events ...[]byte) [][]byte {
	return replaced(events, `"source":"aws.chime"`, `"source":"chimewatch.rehearsal"`)
}

// replaced returns events with texts replaced: old, new, old, new.
func replaced(events [][]byte, texts ...string) (all [][]byte) {
	for _, raw := range events {
		all = append(all, []byte(strings.NewReplacer(texts...).Replace(string(raw))))
	}
	return all
}

func exampleBody(t testing.TB, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}
