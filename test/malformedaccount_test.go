package test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// stored is what the table has, by function: the identities of its messages.
type stored map[string]map[string]bool

// scan reads the whole table.
func scan(t *testing.T, s *local.Stack) stored {
	t.Helper()
	k := stored{"status": {}, "failures": {}, "alerts": {}, "consent": {}, "voice": {}}
	db := s.DynamoDB()
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(local.TableName)})
	word := func(it map[string]types.AttributeValue, name string) string {
		v, ok := it[name].(*types.AttributeValueMemberS)
		if !ok {
			return ""
		}
		return v.Value
	}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			pk, sk := word(it, "PK"), word(it, "SK")
			switch {
			case strings.HasPrefix(sk, "E#"):
				k["status"][strings.TrimPrefix(pk, "P#")+" "+word(it, "n")] = true
			case strings.HasPrefix(sk, "A#"):
				k["alerts"][word(it, "ti")+" "+word(it, "ci")+" "+word(it, "n")] = true
			case strings.HasPrefix(sk, "F#"):
				k["failures"][strings.TrimPrefix(pk, "P#")] = true
			case strings.HasPrefix(sk, "V#2#"):
				k["consent"][pk+" "+strings.TrimPrefix(sk, "V#2#consent#")] = true
			case word(it, "body") != "":
				if strings.ContainsRune(pk+sk, utf8.RuneError) { // then a hash of the bytes follows
					sk = sk[:strings.LastIndexByte(sk, '#')]
				}
				k["voice"][pk+" "+sk] = true
			}
		}
	}
	return k
}

// identity returns what a function has to store of a message, empty for nothing. It returns
// an error where the function should have refused the message.
func identity(function string, m lambdafn.Message) (string, error) {
	switch function {
	case "consent":
		e, err := voicetask.ParseConsent(m.Body, time.Now())
		if e.TransactionID != "" {
			return "T#" + e.TransactionID + " " + e.Event, err
		}
		return "C#" + e.CallID + " " + e.Event, err
	case "voice":
		n, err := chime.ParseVoice(m.Body, m.Source.Voice())
		if errors.Is(err, chime.ErrForeign) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		// As docs/VOICE.md says.
		name, id := "taskId", n.TaskID
		if n.Analytics == chime.AnalyticsReady || n.Analytics == chime.AnalyticsUnknown {
			name, id = "transactionId", n.TransactionID
		}
		return fmt.Sprintf("%s#%s#notificationType#%s#analyticsType#%s %s",
			name, cmp.Or(id, "None"), n.By, n.Analytics, n.ID), nil
	}
	parse := chime.Parse
	if function == "failures" { // which must not refuse an event for its time
		parse = func(raw []byte) (*chime.Event, error) { return chime.ParseAt(raw, time.Now()) }
	}
	ev, err := parse(m.Body)
	if err != nil {
		return "", err
	}
	if unknown, ok := chime.AsUnknown(ev); ok && function == "status" {
		ev = unknown
	}
	if function == "alerts" {
		if rm := ev.RulesMatched; rm != nil {
			return rm.TransactionID + " " + rm.CallID + " " + ev.ID, nil
		}
		return "", fmt.Errorf("event %s is of type %s", ev.ID, ev.DetailType)
	}
	st, err := pipeline.FromEvent(ev)
	switch {
	case err != nil || function == "status":
		return st.ID + " " + ev.ID, err
	case st.Status == pipeline.Failed || st.Status == pipeline.CreateFailed || len(pipeline.FailingIn(ev)) > 0:
		return st.ID, err
	}
	return "", err
}

// account is the outcome of the messages of all payloads.
type account struct {
	stored, passed, refused int
	by                      map[string]int // by identity: the payload that has it
}

// enter accounts for a payload that a function handled without an error: each of its
// messages is stored, or is named in the reply as failed, or has nothing to store.
func (a *account) enter(k stored, function string, n int, payload, reply []byte) error {
	batch, err := lambdafn.Unwrap(payload)
	if err != nil {
		return fmt.Errorf("it is no payload (%w), and the function returned no error", err)
	}
	var failed struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if len(reply) > 0 {
		if err := json.Unmarshal(reply, &failed); err != nil {
			return fmt.Errorf("the reply %q is none: %w", reply, err)
		}
	}
	refused := map[string]bool{}
	for _, f := range failed.BatchItemFailures {
		refused[f.ItemIdentifier] = true
	}
	for _, f := range batch.Failures {
		if !refused[f.RecordID] {
			return fmt.Errorf("record %q is no record (%w), and the reply does not name it", f.RecordID, f.Err)
		}
		a.refused++
	}
	for _, message := range batch.Messages {
		if refused[message.RecordID] {
			a.refused++
			continue
		}
		id, err := identity(function, message)
		switch other, double := a.by[id]; {
		case err != nil:
			return fmt.Errorf("it cannot be handled (%w), and the function returned no error", err)
		case id == "":
			a.passed++
			continue
		case !k[function][id]:
			return fmt.Errorf("%q is not stored, and the function returned no error", id)
		case double:
			return fmt.Errorf("payload %d is stored as %q, too: one of them could be lost unnoticed", other, id)
		}
		a.by[id] = n
		a.stored++
	}
	return nil
}
