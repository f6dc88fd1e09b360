package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// severalIncidents stores incidents of several days, and returns their ids by name.
func severalIncidents(t *testing.T, s *dynamo.Store, clock *time.Time) map[string]string {
	t.Helper()
	now, ids := *clock, map[string]string{}
	number := 0
	service := incident.Service{Repo: s, Timing: incident.DefaultTiming, Now: func() time.Time { return *clock }}
	join := func(
		name, connector string, class incident.Class, target, reason string, loss incident.Loss, ago time.Duration,
	) incident.Incident {
		number++
		*clock = now.Add(-ago)
		i, err := service.Record(t.Context(), incident.Report{
			Group: incident.Group{Scope: "voice-connector/" + connector, Element: "Sink"},
			Class: class, Target: target, Reason: reason, Losses: []incident.Loss{loss}, Began: *clock,
			Occurrence: incident.Occurrence{
				PipelineID: fmt.Sprintf("pipeline-%02d", number), CallID: fmt.Sprintf("call-%02d", number), At: *clock,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = i.ID
		return i
	}
	end := func(i incident.Incident, ago time.Duration) {
		*clock = now.Add(-ago)
		if err := s.Close(t.Context(), i, *clock); err != nil {
			t.Fatal(err)
		}
	}
	end(join("old", "aaa", incident.Permissions, "kms", "denied", incident.Insights, 72*time.Hour), 71*time.Hour)
	end(join("over", "aaa", incident.Quota, "", "full", incident.Transcript, 30*time.Minute), 10*time.Minute)
	join("open", "bbb", incident.Unknown, "", "it broke", incident.VoiceEnhancement, 20*time.Minute)
	// It opened before all but one, and was reopened a minute ago, more severe and for another reason.
	const denied = "denied for arn:aws:iam::111122223333:role/"
	end(join("back", "ccc", incident.Permissions, "", denied+"a", incident.Insights, 5*time.Hour), 2*time.Hour)
	join("back", "ccc", incident.Permissions, "", denied+"b", incident.Insights, 2*time.Minute)
	join("back", "ccc", incident.Unknown, "", "The key is disabled", incident.Recording, time.Minute)
	*clock = now
	return ids
}

func TestIncidentsAreListedByTheirLastFailure(t *testing.T) {
	server := startTable(t, t.TempDir())
	clock := time.Now().UTC().Truncate(time.Second)
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName,
		dynamo.Options{Now: func() time.Time { return clock }})
	ids := severalIncidents(t, s, &clock)
	chimewatch := func(args ...string) result {
		return executeOn(server.URL(), args...)
	}
	names := map[string]string{}
	for name, id := range ids {
		names[id] = name
	}
	for _, tt := range []struct{ flags, want string }{
		{"", "back open over old"},
		{"--since 1h", "back open over"},
		{"--since 5m", "back"},
		{"--since 15m --state closed", ""},
		{"--open", "back open"},
		{"--state open", "back open"},
		{"--state open -n 1", "back"},
		{"--state closed", "over old"},
		{"--severity critical", "back"},
		{"--severity low", "open"},
		{"--class quota", "over"},
		{"--class permissions", "back old"},
		{"--class permissions --since 1h", "back"},
		{"--class permissions -n 1", "back"},
		{"--scope AAA", "over old"},
		{"--scope voice-connector/bbb --severity high", ""},
	} {
		t.Run(tt.flags, func(t *testing.T) {
			got := chimewatch(append([]string{"incidents", "list", "-o", "json"}, strings.Fields(tt.flags)...)...)
			var list []incidentReport
			if err := json.Unmarshal([]byte(got.stdout), &list); err != nil || got.code != exitDone {
				t.Fatalf("got exit code %d, %q, %q", got.code, got.stdout, got.stderr)
			}
			var listed []string
			for _, i := range list {
				listed = append(listed, names[i.ID])
			}
			if diff := cmp.Diff(strings.Fields(tt.want), listed); diff != "" && len(listed)+len(tt.want) > 0 {
				t.Errorf("incidents (-want +got):\n%s", diff)
			}
		})
	}
	for _, tt := range []struct{ flags, want string }{
		{"--state shut", "--state"},
		{"--severity grave", "use one of: critical, high, medium, low"},
		{"--class none", "permissions"},
		{"--open --state closed", "--open"},
	} {
		got := chimewatch(append([]string{"incidents", "list"}, strings.Fields(tt.flags)...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", tt.flags, got.code, got.stderr, exitUsage, tt.want)
		}
	}
	t.Run("page by page", func(t *testing.T) {
		var listed []string
		for cursor := ""; ; {
			got := chimewatch("incidents", "list", "-n", "1", "-o", "json", "--cursor", cursor)
			var list []incidentReport
			var next struct{ Next string }
			if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
				t.Fatalf("%v in %q", err, got.stdout)
			}
			for _, i := range list {
				listed = append(listed, names[i.ID])
			}
			if got.stderr == "" {
				break
			}
			if err := json.Unmarshal([]byte(got.stderr), &next); err != nil {
				t.Fatalf("%v in %q", err, got.stderr)
			}
			cursor = next.Next
		}
		if got := strings.Join(listed, " "); got != "back open over old" {
			t.Errorf("got %q, want each once, the last failure first", got)
		}
	})
}

func TestIncidentShowsEveryReasonAndCall(t *testing.T) {
	server := startTable(t, t.TempDir())
	clock := time.Now().UTC().Truncate(time.Second)
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName,
		dynamo.Options{Now: func() time.Time { return clock }})
	id := severalIncidents(t, s, &clock)["back"]
	chimewatch := func(args ...string) result {
		return executeOn(server.URL(), args...)
	}
	shown := chimewatch("incidents", "show", id, "--calls")
	for _, want := range []string{"reopened  1 time\n", "severity  critical\n",
		"denied for arn:aws:iam::111122223333:role/a", "The key is disabled",
		"pipeline-04", "call-05", "pipeline-06"} {
		if !strings.Contains(shown.stdout, want) {
			t.Errorf("got %s, want %q in it", shown.stdout, want)
		}
	}
	short := chimewatch("incidents", "show", id[strings.LastIndex(id, "-")+1:], "--calls")
	if short.stdout != shown.stdout {
		t.Errorf("by the end of its id: got %q and %q, want the same", short.stdout, short.stderr)
	}
	if got := chimewatch("incidents", "show", "0123456789ab.1"); got.code != exitFailed ||
		!strings.Contains(got.stderr, "knows no incident 0123456789ab.1") {
		t.Errorf("an end that is none: got %d and %q, want it not found", got.code, got.stderr)
	}
	report := func() (r incidentReport) {
		got := chimewatch("incidents", "show", id, "--calls", "-o", "json")
		if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
			t.Fatalf("%v in %q, %q", err, got.stdout, got.stderr)
		}
		return r
	}
	before := report()
	if got := chimewatch("calls", "erase", "pipeline-05", "--yes", "--by", "me"); got.code != exitDone {
		t.Fatalf("got %d, %q", got.code, got.stderr)
	}
	after := report()
	if diff := cmp.Diff(before.Reasons, after.Reasons); diff != "" {
		t.Errorf("reasons after a call was erased (-before +after):\n%s", diff)
	}
	ago := func(minutes int) time.Time { return clock.Add(-time.Duration(minutes) * time.Minute) }
	denied := "denied for arn:aws:iam::111122223333:role/a"
	want := []failedCall{
		{PipelineID: "pipeline-04", CallID: "call-04", At: ago(300), Reasons: []string{denied}},
		{At: ago(2), Reasons: []string{denied}, Erased: true},
		{PipelineID: "pipeline-06", CallID: "call-06", At: ago(1), Reasons: []string{"The key is disabled"}},
	}
	if diff := cmp.Diff(want, after.FailedCalls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	wantReasons := []reasonReport{
		{Reason: denied, Class: incident.Permissions, Count: 2, First: ago(300), Last: ago(2)},
		{Reason: "The key is disabled", Class: incident.Unknown, Count: 1, First: ago(1), Last: ago(1)},
	}
	if diff := cmp.Diff(wantReasons, after.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestStatesAndSeveritiesAreColoured(t *testing.T) {
	for heading, values := range map[string]map[string]bool{
		stateColumn:    {stateOpen: true, stateClosed: false},
		severityColumn: {"critical": true, "high": true, "medium": false, "low": false},
	} {
		for value, want := range values {
			if got := coloured(heading, value); (got != value) != want || !strings.Contains(got, value) {
				t.Errorf("%s %s: got %q, want it coloured: %v", heading, value, got, want)
			}
		}
	}
}
