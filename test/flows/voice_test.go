package flows_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestVoiceStoresAllButInvalidRecords(t *testing.T) {
	silenceLog(t)
	s, _, _ := voiceTable(t)
	for _, source := range voiceSources {
		for name, invalid := range map[string][]byte{
			"no event":  []byte(`{"this":"is none"}`),
			"bad time":  []byte(`{"id":"n-2","detail-type":"SpeakerSearchStatus","time":"soon","detail":{"taskId":"k"}}`),
			"no detail": []byte(`{"id":"n-2","detail-type":"SpeakerSearchStatus","time":"2026-03-11T08:15:04Z"}`),
		} {
			t.Run(source.name+", "+name, func(t *testing.T) {
				transaction := source.name + name
				bodies := map[int][]byte{}
				for i := range 5 {
					bodies[i] = searchResult(i, transaction)
				}
				bodies[2] = invalid
				dead := source.deliver(t, voiceHandler(s, nil, counts{}), bodies)
				if source.whole { // Lambda sends the whole invocation to the OnFailure destination
					if len(dead) != 5 {
						t.Errorf("got %d records in the failed invocation, want all 5", len(dead))
					}
				} else if len(dead) != 1 || string(dead[2]) != string(invalid) {
					t.Errorf("got dead letters %v, want only the invalid record, with its bytes", dead)
				}
				for _, n := range storedVoice(t, s, transaction) {
					if string(n.By) != source.source {
						t.Errorf("%s: got source %s, want %s", n.ID, n.By, source.source)
					}
				}
				if got, want := strings.Join(storedIDs(t, s, transaction), " "), "n-0 n-1 n-3 n-4"; got != want {
					t.Errorf("got %s stored, want %s", got, want)
				}
			})
		}
	}
}

// Wherever the invalid records are, the valid ones are stored, and of a queue and a stream
// only the invalid ones fail.
func TestVoiceStoresValidRecordsAtAnyPosition(t *testing.T) {
	silenceLog(t)
	s, _, _ := voiceTable(t)
	for _, source := range voiceSources {
		for _, tt := range []struct {
			name    string
			of      int
			invalid []int
		}{
			{name: "the first", of: 5, invalid: []int{0}},
			{name: "the last", of: 5, invalid: []int{4}},
			{name: "two in a row", of: 5, invalid: []int{1, 2}},
			{name: "all", of: 3, invalid: []int{0, 1, 2}},
			{name: "the only one", of: 1, invalid: []int{0}},
			{name: "one of 25", of: 25, invalid: []int{12}},
			{name: "none", of: 25},
		} {
			t.Run(source.name+", "+tt.name, func(t *testing.T) {
				transaction := "where " + source.name + tt.name
				bodies := map[int][]byte{}
				var valid []string
				for i := range tt.of {
					bodies[i] = searchResult(i, transaction)
					if slices.Contains(tt.invalid, i) {
						bodies[i] = fmt.Appendf(nil, `{"invalid":%d}`, i)
					} else {
						valid = append(valid, fmt.Sprint("n-", i))
					}
				}
				dead := source.deliver(t, voiceHandler(s, nil, counts{}), bodies)
				want := tt.invalid
				if source.whole && len(want) > 0 {
					want = slices.Sorted(maps.Keys(bodies))
				}
				if got := slices.Sorted(maps.Keys(dead)); !slices.Equal(got, want) {
					t.Errorf("got %v left for the dead letters, want %v", got, want)
				}
				if got := storedIDs(t, s, transaction); !slices.Equal(got, valid) {
					t.Errorf("got %v stored, want %v", got, valid)
				}
			})
		}
	}
}

func TestVoiceReturnsAnErrorPerMessage(t *testing.T) {
	counted := counts{}
	errs := voiceHandler(refusing{[]string{"n-3"}}, nil, counted)(t.Context(), messagesOf(
		searchResult(1, "t"), []byte(`{}`), searchResult(3, "t"),
		[]byte(`{"id":"n-4","detail-type":"New","time":"2026-03-11T08:15:04Z"}`),
	))
	var got []apperr.Class
	for _, err := range errs {
		got = append(got, apperr.ClassOf(err))
	}
	if want := []apperr.Class{"", apperr.Invalid, apperr.Throttled, ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var field *chime.FieldError
	if !errors.As(errs[1], &field) || field.Pointer != "/id" {
		t.Errorf("got %v, want the faulty field named", errs[1])
	}
	if counted["VoiceNotifications"] != 2 || counted["UnknownNotifications"] != 1 {
		t.Errorf("got %v, want 2 stored and 1 of an unknown type", counted)
	}
}

// Each call of a batch is reconciled once, whether another fails or not. Its error fails
// every notification that is about it.
func TestVoiceReconcilesEachCallOnce(t *testing.T) {
	calls := &reconciler{fails: []string{"b", "c"}}
	errs := voiceHandler(refusing{[]string{"7"}}, calls, counts{})(t.Context(), messagesOf(
		voiceEvent("1", "VoiceAnalyticsStatus",
			`{"detailStatus":"AnalyticsReady","transactionId":"a","voiceConnectorId":"v"}`),
		voiceEvent("2", "SpeakerSearchStatus", `{"taskId":"k2","transactionId":"b"}`),
		voiceEvent("3", "VoiceToneAnalysisStatus", `{"taskId":"k3","transactionId":"b"}`),
		voiceEvent("4", "VoiceAnalyticsStatus", `{"detailStatus":"PostCallVoiceAnalytics","transactionId":"c"}`),
		voiceEvent("5", "SpeakerSearchStatus", `{"taskId":"k5"}`),
		voiceEvent("6", "VoiceAnalyticsStatus", `{"detailStatus":"AnalyticsTired","transactionId":"x"}`),
		voiceEvent("7", "SpeakerSearchStatus", `{"taskId":"k7","transactionId":"not-stored"}`),
		voiceEvent("8", "VoiceMoodStatus", `{"taskId":"k8","transactionId":"y"}`),
		voiceEvent("9", "SpeakerSearchStatus", `{"detailStatus":"IdentificationFailure","transactionId":"d"}`),
	))
	var failed []int
	for i, err := range errs {
		if err != nil {
			failed = append(failed, i+1)
		}
	}
	if diff := cmp.Diff([]int{2, 3, 4, 7}, failed); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	want := []voicetask.Trigger{
		{Event: "1", TransactionID: "a"},
		{Event: "2", TransactionID: "b", Observed: []voicetask.ObservedTask{
			{Task: voicetask.SpeakerSearch, TaskID: "k2"}, {Task: voicetask.VoiceTone, TaskID: "k3"},
		}},
		{Event: "4", TransactionID: "c"},
		{Event: "9", TransactionID: "d"},
	}
	slices.SortFunc(calls.triggers, func(a, b voicetask.Trigger) int { return strings.Compare(a.Event, b.Event) })
	if diff := cmp.Diff(want, calls.triggers); diff != "" {
		t.Errorf("reconciled (-want +got):\n%s", diff)
	}
}
