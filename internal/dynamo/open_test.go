package dynamo_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

func TestOpenPipelinesComeLeastAskedFirst(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "open", db, db)
	put := func(id, eventType string, at time.Duration) {
		ev := &chime.Event{ID: id + eventType, DetailType: chime.DetailStateChange, Region: "us-east-1",
			Time: c.Now().Add(at), Raw: []byte("{}"),
			StateChange: &chime.StateChange{EventType: eventType, PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/" + id}}
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	put("young", chime.EventInProgress, 3*time.Second)
	put("old", chime.EventInProgress, time.Second)
	put("asked", chime.EventPaused, 0)
	put("ended", chime.EventInProgress, 0)
	put("ended", chime.EventStopped, time.Second)
	for _, id := range []string{"asked", "none"} {
		if err := s.MarkAsked(t.Context(), id, c.Now()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, p.ID)
	}
	if len(got) != 3 || got[0] != "old" || got[1] != "young" || got[2] != "asked" || !list[2].AskedAt.Equal(c.Now()) {
		t.Errorf("got %v, the last asked at %v, want old, young, asked", got, list[len(list)-1].AskedAt)
	}
	put("asked", chime.EventStopped, time.Minute) // a mark does not stand in the way of an event
	if list, err = s.Open(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("got %d open (%v), want 2", len(list), err)
	}
}

func TestConditionKeepsItsTime(t *testing.T) {
	db := table(t)
	s, c := incidents(t, "condition", db, db)
	begin := c.Now()
	for range 2 {
		since, err := s.SetCondition(t.Context(), "quota")
		if err != nil || !since.Equal(begin) {
			t.Fatalf("got since %v (%v), want %v", since, err, begin)
		}
		c.pass(time.Minute)
	}
	for range 2 {
		if err := s.ClearCondition(t.Context(), "quota", begin); err != nil {
			t.Fatal(err)
		}
	}
	if since, err := s.ConditionSince(t.Context(), "quota"); err != nil || !since.IsZero() {
		t.Errorf("cleared: got since %v (%v), want none", since, err)
	}
	if since, err := s.SetCondition(t.Context(), "quota"); err != nil || !since.Equal(c.Now()) {
		t.Errorf("raised again: got since %v (%v), want %v", since, err, c.Now())
	}
	// Who read it when it was set before does not clear what is so now.
	if err := s.ClearCondition(t.Context(), "quota", begin); err != nil {
		t.Fatal(err)
	}
	if since, err := s.ConditionSince(t.Context(), "quota"); err != nil || !since.Equal(c.Now()) {
		t.Errorf("cleared by one who is late: got since %v (%v), want %v", since, err, c.Now())
	}
}

// More than a page of open pipelines, and of incidents with a due notification: each is
// listed once.
func TestMoreThanAPageIsReturnedWhole(t *testing.T) {
	const many = 230
	db := table(t)
	s, c := incidents(t, "pages", db, db)
	for n := range many {
		ev := &chime.Event{ID: fmt.Sprint("e", n), DetailType: chime.DetailStateChange, Region: "us-east-1",
			Time: c.Now().Add(time.Duration(n%7) * time.Second), Raw: []byte("{}"),
			StateChange: &chime.StateChange{EventType: chime.EventInProgress,
				PipelineARN: fmt.Sprint("arn:aws:chime:us-east-1:1:media-pipeline/p", n)}}
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
		f := failureOf(n, incident.Quota, c.Now())
		f.Group.Scope = fmt.Sprint("voice-connector/", n)
		mustJoin(t, s, f)
	}
	listed := map[string]int{}
	open, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range open {
		listed[p.ID]++
	}
	for cursor := "first"; cursor != ""; {
		if cursor == "first" {
			cursor = ""
		}
		page, next, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Due: true, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page {
			listed[i.ID]++
			closed, err := closeIncident(t.Context(), s, i)
			if err != nil {
				t.Fatal(err)
			}
			over := i.Announced
			over.Closings = 1
			if err := retry.IgnoreChanged(s.SetAnnounced(t.Context(), closed,
				over)); err != nil { // it leaves the index while it is read
				t.Fatal(err)
			}
		}
		cursor = next
	}
	if len(listed) != 2*many {
		t.Errorf("got %d pipelines and incidents, want %d of each", len(listed), many)
	}
	for id, n := range listed {
		if n != 1 {
			t.Errorf("got %s %d times, want once", id, n)
		}
	}
}
