package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/notify"
)

// fillIncidents stores a closed incident, and an open one of three calls.
func fillIncidents(t *testing.T, s *dynamo.Store) (open, closed incident.Incident) {
	t.Helper()
	now := time.Date(2026, 3, 9, 15, 20, 28, 0, time.UTC)
	service := &incident.Service{Repo: s, Timing: incident.DefaultTiming, Now: func() time.Time { return now }}
	join := func(element string, class incident.Class, pipeline, reason string, at time.Time) incident.Incident {
		i, err := service.Record(t.Context(), incident.Report{
			Group: incident.Group{Scope: "voice-connector/c4tq9mzx1bd7ne0rw3yhk8", Element: element},
			Class: class, Reason: reason, Losses: []incident.Loss{incident.Recording},
			Occurrence: incident.Occurrence{PipelineID: pipeline, CallID: "call of " + pipeline, At: at},
		})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	noon := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	closed = join("", incident.Quota, lost, "The quota was reached for +12065550137", noon)
	if err := s.Close(t.Context(), closed, now); err != nil {
		t.Fatal(err)
	}
	for n, id := range []string{running, ended, transferred} {
		open = join("S3RecordingSink", incident.Permissions, id, "Access denied", noon.Add(time.Duration(n+1)*time.Minute))
	}
	note := notify.Notification{
		ID: "incident/" + open.ID + "/opening", Kind: "incident", Subject: "[critical] Calls not recorded", Calls: 1,
	}
	send := func(context.Context) error { return nil }
	if _, err := s.TryOnce(t.Context(), dynamo.PartitionOfIncident(open.Group), note, "test", send); err != nil {
		t.Fatal(err)
	}
	return open, closed
}

func TestIncidentsAndAlerts(t *testing.T) {
	server := startTable(t, t.TempDir())
	now := time.Date(2026, 3, 9, 15, 20, 28, 0, time.UTC)
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName,
		dynamo.Options{Now: func() time.Time { return now }})
	open, closed := fillIncidents(t, s)
	chimewatch := func(args ...string) result {
		return executeOn(server.URL(), args...)
	}
	for _, test := range []struct {
		name string
		args []string
	}{
		{"incidents/list.txt", []string{"incidents", "list"}},
		{"incidents/list.json", []string{"incidents", "list", "-o", "json"}},
		{"incidents/list-open.txt", []string{"incidents", "list", "--open"}},
		{"incidents/show.txt", []string{"incidents", "show", open.ID}},
		{"incidents/show.json", []string{"incidents", "show", open.ID, "-o", "json"}},
		{"incidents/show-closed.txt", []string{"incidents", "show", closed.ID}},
		{"incidents/show-calls.txt", []string{"incidents", "show", open.ID, "--calls"}},
		{"incidents/show-calls.json", []string{"incidents", "show", open.ID, "--calls", "-o", "json"}},
		{"alerts/list.txt", []string{"alerts", "list"}},
		{"alerts/list.json", []string{"alerts", "list", "-o", "json"}},
	} {
		got := chimewatch(test.args...)
		if got.code != exitDone || got.stderr != "" {
			t.Errorf("%v: got exit code %d and %q, want 0 and nothing on the error stream", test.args, got.code, got.stderr)
		}
		golden(t, test.name, got.stdout)
	}
	t.Run("page by page", func(t *testing.T) {
		for _, what := range []string{"incidents", "alerts"} {
			first := chimewatch(what, "list", "-n", "1", "-o", "json")
			var next struct{ Next string }
			if err := json.Unmarshal([]byte(first.stderr), &next); err != nil || next.Next == "" {
				t.Fatalf("%s: got %q, want a cursor", what, first.stderr)
			}
			second := chimewatch(what, "list", "-n", "1", "-o", "json", "--cursor", next.Next)
			var a, b []struct{ ID string }
			if json.Unmarshal([]byte(first.stdout), &a) != nil || json.Unmarshal([]byte(second.stdout), &b) != nil ||
				len(a) != 1 || len(b) != 1 || a[0].ID == b[0].ID {
				t.Errorf("%s: got %s and then %s, want two pages", what, first.stdout, second.stdout)
			}
		}
	})
	t.Run("a call names its incident", func(t *testing.T) {
		got := chimewatch("calls", "show", running, "-o", "json")
		if !strings.Contains(got.stdout, `"incidents": [`) || !strings.Contains(got.stdout, open.ID) ||
			!strings.Contains(got.stdout, "Calls not recorded") {
			t.Errorf("got %s, want the incident and its notification", got.stdout)
		}
	})
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"incidents", "show", "none.1"}, exitFailed, "knows no incident none.1"},
		{[]string{"incidents", "list", "-n", "0"}, exitUsage, "--limit"},
		{[]string{"incidents", "list", "--since", "yesterday"}, exitUsage, "--since"},
		{[]string{"alerts", "list", "-n", "5000"}, exitUsage, "--limit"},
	} {
		if got := chimewatch(test.args...); got.code != test.code || !strings.Contains(got.stderr, test.want) {
			t.Errorf("%v: got exit code %d and %q, want %d and %q", test.args, got.code, got.stderr, test.code, test.want)
		}
	}
}
