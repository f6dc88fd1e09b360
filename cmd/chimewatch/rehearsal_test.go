package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// A rehearsal is found by the ids that were sent, and shown as a rehearsal.
func TestRehearsalsAreFoundBySentIDs(t *testing.T) {
	server := startTable(t, t.TempDir())
	now := time.Date(2026, 3, 9, 15, 20, 28, 0, time.UTC)
	db := dynalite.Client(server.URL(), "us-east-1")
	s := dynamo.New(db, local.TableName, dynamo.Options{Now: func() time.Time { return now }})
	const id, call, transaction = "7d444840-9dc0-11d1-b245-5ffdce74fad2", "rehearsed-call", "rehearsed-transaction"
	ofRehearsal := func(raw string) string { return strings.Replace(raw, `"aws.chime"`, `"chimewatch.rehearsal"`, 1) }
	failed := parsed(t, ofRehearsal(strings.NewReplacer(lost, id).Replace(example(t, "permanent-failure"))))
	failed.StateChange.CallID, failed.StateChange.TransactionID = "rehearsal-"+call, "rehearsal-"+transaction
	if err := pipeline.RecordEvent(t.Context(), s, failed); err != nil {
		t.Fatal(err)
	}
	st, err := pipeline.FromEvent(failed)
	if err != nil {
		t.Fatal(err)
	}
	recorder := &incident.Service{Repo: s, Timing: incident.DefaultTiming, Now: time.Now}
	if _, err := recorder.Record(t.Context(), incident.Report{
		Group: incident.Group{Scope: incident.ScopeOf(st)}, Class: incident.Permissions,
		Occurrence: incident.Occurrence{PipelineID: st.ID, At: now},
	}); err != nil {
		t.Fatal(err)
	}
	ids := strings.NewReplacer(voiceTransaction, transaction, voiceCall, call)
	ready := ofRehearsal(ids.Replace(example(t, "voice-analytics-ready")))
	n, err := chime.ParseVoice([]byte(ready), chime.BySQS)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RecordVoice(t.Context(), []chime.VoiceNotification{n})[0]; err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		args = append(args, "--endpoint-url", server.URL(), "--region", "us-east-1", "--table", local.TableName)
		got := execute(nil, "", args...)
		if got.code != exitDone {
			t.Fatalf("%v: got exit code %d and %q", args, got.code, got.stderr)
		}
		return got.stdout
	}
	type shown struct {
		ID, TransactionID, Scope string
		Rehearsal                bool
	}
	for _, ref := range []string{id, "rehearsal-" + id, call, transaction,
		"arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id} {
		var got shown
		if err := json.Unmarshal([]byte(run("calls", "show", ref, "-o", "json")), &got); err != nil {
			t.Fatal(err)
		}
		if got.ID != "rehearsal-"+id || !got.Rehearsal {
			t.Errorf("calls show %s: got %+v, want the rehearsal", ref, got)
		}
	}
	if text := run("calls", "show", lost, "-o", "json"); strings.Contains(text, "rehearsal") {
		t.Errorf("a real call: got %s, want no word of a rehearsal", text)
	}
	if text := run("calls", "list"); !strings.Contains(text, "rehearsal-"+id) {
		t.Errorf("calls list: got %s, want the id of the rehearsal", text)
	}
	for _, ref := range []string{transaction, call, "rehearsal-" + transaction} {
		var got shown
		if err := json.Unmarshal([]byte(run("consent", "show", ref, "-o", "json")), &got); err != nil {
			t.Fatal(err)
		}
		if got.TransactionID != "rehearsal-"+transaction {
			t.Errorf("consent show %s: got %+v, want the transaction of the rehearsal", ref, got)
		}
	}
	var incidents []shown
	if err := json.Unmarshal([]byte(run("incidents", "list", "-o", "json")), &incidents); err != nil {
		t.Fatal(err)
	}
	if len(incidents) != 1 || !incidents[0].Rehearsal || !strings.HasPrefix(incidents[0].ID, "rehearsal-") ||
		!strings.HasPrefix(incidents[0].Scope, "rehearsal/") {
		t.Errorf("incidents list: got %+v, want one of a rehearsal", incidents)
	}
}
