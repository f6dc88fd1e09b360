package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// ofFunction are the detail types that each function is for.
var ofFunction = map[string][]string{
	"status": {chime.DetailStateChange}, "failures": {chime.DetailStateChange}, "alerts": {chime.DetailRulesMatched},
	"consent": {voicetask.DetailType},
	"voice":   {chime.DetailVoiceStatus, chime.DetailSpeakerSearch, chime.DetailVoiceTone},
}

// Ten thousand malformed payloads for each function that handles events, as its real
// binary: it neither crashes nor hangs, and each payload is stored, or is an error, or has
// nothing to store.
func TestMalformedPayloadsAreStoredOrRefused(t *testing.T) {
	payloads := 10_000
	if testing.Short() {
		payloads = 300
	}
	for _, function := range slices.Sorted(maps.Keys(ofFunction)) {
		t.Run(function, func(t *testing.T) {
			s := startStack(t, local.Options{Processes: 2})
			m := newMalformer(int64(len(function)), ofFunction[function]...)
			type handled struct{ payload, reply []byte }
			all := make([]handled, payloads)
			var refused atomic.Int64
			group, ctx := errgroup.WithContext(t.Context())
			group.SetLimit(4)
			for n := range payloads {
				payload := m.payload()
				group.Go(func() error {
					reply, err := s.Invoke(ctx, function, payload)
					var failed *lambdahost.FunctionError
					switch {
					case errors.As(err, &failed):
						if strings.HasPrefix(failed.Type, "Runtime.") || strings.HasPrefix(failed.Type, "Sandbox.") ||
							strings.Contains(failed.Message, "panic") {
							return fmt.Errorf("payload %d: %w\n%.300q", n, err, payload)
						}
						refused.Add(1)
					case err != nil:
						return err
					default:
						all[n] = handled{payload, reply}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			k, a := scan(t, s), account{by: map[string]int{}}
			for n, one := range all {
				if one.payload == nil {
					continue
				}
				if err := a.enter(k, function, n, one.payload, one.reply); err != nil {
					t.Errorf("payload %d: %v\n%.300q", n, err, one.payload)
				}
			}
			t.Logf("%d payloads: %d messages stored, %d with nothing to store, %d refused alone, %d with their payload",
				payloads, a.stored, a.passed, a.refused, refused.Load())
			if a.stored < payloads/20 || int(refused.Load()) < payloads/20 {
				t.Error("nearly all ended alike: the payloads prove nothing")
			}
		})
	}
}

// If a function refuses a payload at each retry, the record in the dead-letter queue has the
// payload's bytes and the reason.
func TestRefusedPayloadsAreDeadLetters(t *testing.T) {
	s := startStack(t, local.Options{Processes: 2, RetryDelay: time.Millisecond})
	want := map[string]int{}
	for _, function := range slices.Sorted(maps.Keys(ofFunction)) {
		m := newMalformer(99, ofFunction[function]...)
		for range 60 {
			payload := m.payload()
			if len(payload) > 1<<18 || !json.Valid(payload) {
				continue // EventBridge delivers JSON of up to 256 KB
			}
			if _, err := s.Invoke(t.Context(), function, payload); err == nil {
				continue
			}
			want[function+" "+compact(t, payload)]++
			if err := s.InvokeAsync(function, payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, message := range s.DeadLetters() {
		var record struct {
			RequestContext  struct{ FunctionArn, Condition string }
			RequestPayload  json.RawMessage
			ResponsePayload struct{ ErrorMessage string }
		}
		if err := json.Unmarshal([]byte(message.Body), &record); err != nil {
			t.Fatalf("%v: %s", err, message.Body)
		}
		function := strings.TrimSuffix(record.RequestContext.FunctionArn, ":$LATEST")
		function = function[strings.LastIndexByte(function, ':')+1:]
		want[function+" "+compact(t, record.RequestPayload)]--
		if record.ResponsePayload.ErrorMessage == "" {
			t.Errorf("a dead letter of %s has no reason: %s", function, message.Body)
		}
	}
	if len(want) < 30 {
		t.Errorf("got %d refused payloads, too few to prove anything", len(want))
	}
	for payload, n := range want {
		if n != 0 {
			t.Errorf("%d dead letters are missing of %.300s", n, payload)
		}
	}
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
