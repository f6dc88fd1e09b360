package dynamo_test

import (
	"bytes"
	"encoding/base64"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// with returns an example with a text behind the first match of where.
func with(t *testing.T, name, where, text string) []byte {
	t.Helper()
	body := exampleBody(t, name)
	if !bytes.Contains(body, []byte(where)) {
		t.Fatalf("example %s has no %s", name, where)
	}
	return bytes.Replace(body, []byte(where), []byte(where+text), 1)
}

func parse(t *testing.T, raw []byte) *chime.Event {
	t.Helper()
	ev, err := chime.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// noise is text of n bytes that hardly gets smaller when compressed.
func noise(n int) string {
	b := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(b)
	return base64.RawStdEncoding.EncodeToString(b)[:n]
}

func TestLargeEventsAreKeptWholeOrRefusedWhole(t *testing.T) {
	db := faultinject.Server(t)
	const mebibyte = 1 << 20
	long := strings.Repeat("all work and no play ", mebibyte/21)
	cases := []struct {
		name string
		raw  []byte
		want apperr.Class // empty: it is kept
	}{
		{"a mebibyte next to the detail", with(t, "in-progress", `{`, `"extra":"`+long+`",`), ""},
		{"a mebibyte of metadata", with(t, "in-progress", `"detail": {`, `"extra":"`+long+`",`), ""},
		{"a mebibyte of metadata of a match", with(t, "rule-keyword-utterance", `"detail": {`, `"extra":"`+long+`",`), ""},
		{"noise of the size that fits", with(t, "in-progress", `{`, `"extra":"`+noise(350_000)+`",`), ""},
		{"noise that does not fit", with(t, "in-progress", `{`, `"extra":"`+noise(mebibyte)+`",`), apperr.Invalid},
		{"noise of metadata that does not fit", with(t, "in-progress", `"detail": {`, `"extra":"`+noise(mebibyte)+`",`),
			apperr.Invalid},
		{"noise of a match that does not fit", with(t, "rule-keyword-utterance", `{`, `"extra":"`+noise(mebibyte)+`",`),
			apperr.Invalid},
		{"a call id that is no key", with(t, "in-progress", `"callId": "`, strings.Repeat("c", 3000)), ""},
		{"a transaction id that is no key", with(t, "in-progress", `"transactionId": "`, strings.Repeat("c", 3000)), ""},
		{"a pipeline id that is no key", with(t, "in-progress", `:media-pipeline/`, strings.Repeat("c", 1100)), ""},
		{"a transaction id of a match that is no key", with(t, "rule-keyword-utterance", `"transactionId": "`,
			strings.Repeat("c", 3000)), ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			world := faultinject.NewWorld(t, db)
			s := at(world.Process(), noon)
			ev := parse(t, tc.raw)
			record := func() error {
				if ev.RulesMatched != nil {
					return s.RecordMatch(t.Context(), ev, "KeywordMatch")
				}
				return pipeline.RecordEvent(t.Context(), s, ev)
			}
			for range 2 { // the second is a duplicate, and the slow way
				if err := record(); (err == nil) != (tc.want == "") || err != nil && apperr.ClassOf(err) != tc.want {
					t.Fatalf("got %v, want class %q", err, tc.want)
				}
			}
			if items := len(world.Dump(t)); (items == 0) != (tc.want != "") {
				t.Errorf("got %d items, want it kept whole or not at all", items)
			}
			if tc.want == "" && ev.StateChange != nil {
				st, err := s.Pipeline(t.Context(), strings.SplitAfter(ev.StateChange.PipelineARN, "/")[1])
				if err != nil || len(st.Metadata["extra"]) != len(ev.StateChange.Metadata["extra"]) {
					t.Errorf("got %d bytes of metadata (%v), want %d", len(st.Metadata["extra"]), err,
						len(ev.StateChange.Metadata["extra"]))
				}
				history, err := s.History(t.Context(), st.ID)
				if err != nil || len(history) != 1 || !bytes.Equal(history[0].Body, tc.raw) {
					t.Errorf("got a history of %d (%v), want the event's bytes", len(history), err)
				}
			}
		})
	}
}

// Whoever finds a pipeline in a list finds it by its call, too, until it expires.
func TestPointersOutliveThePipeline(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(world.Process(), noon)
	events := story(t)
	for i, ev := range events {
		ev.Time = noon.Add(time.Duration(i) * 2 * time.Hour) // as long as a pipeline may last
	}
	for _, ev := range append(events[1:], events[0]) { // and an old one comes last
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	expiry := world.Expiry(t)
	state := expiry[tabletest.StateOf(strings.SplitAfter(events[0].StateChange.PipelineARN, "/")[1]).String()]
	pointers := 0
	for k, at := range expiry {
		if tabletest.ParseKey(k).Type() == tabletest.Pointer {
			if pointers++; at < state {
				t.Errorf("%s expires %d s before its pipeline", k, state-at)
			}
		}
	}
	if state == 0 || pointers != 2 {
		t.Errorf("got %d pointers to a state that expires at %d, want 2", pointers, state)
	}
}

func TestWhatIsNotKeptForEverExpires(t *testing.T) {
	world := faultinject.NewWorld(t, faultinject.Server(t))
	s := world.Process().Store(dynamo.Options{})
	for _, ev := range story(t) {
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	if expiry := world.Expiry(t); len(expiry) != 0 {
		t.Errorf("without a retention, got %v, want nothing to expire", expiry)
	}
}
