//go:build unix

package test

import (
	"bytes"
	"strings"
	"testing"
)

// TestPlayedDaySummaryMatchesTheTable plays a day as a new user does, and compares its
// summary with calls list.
func TestPlayedDaySummaryMatchesTheTable(t *testing.T) {
	t.Parallel()
	needNode(t)
	dir := t.TempDir()
	played := chimewatch(t, "local", "--once", "--duration", "2s", "--port", "0", "--local-dir", dir,
		"--functions", functionBinaries(t), "--output", "json")
	var day struct {
		Agrees      bool
		Differences []string
		Lines       []struct {
			What          string
			Played, Found int
			Agrees        bool
		}
	}
	decode(t, played.stdout, &day)
	if played.code != 0 || played.stderr != "" || !day.Agrees || len(day.Differences) > 0 {
		t.Fatalf("got exit code %d, %q on the error stream and the differences %v, want a day on which all agrees",
			played.code, played.stderr, day.Differences)
	}
	summary := map[string]int{}
	for _, line := range day.Lines {
		if !line.Agrees || line.Played != line.Found || line.Found == 0 {
			t.Errorf("%s: got %d played and %d found, want as many, and some", line.What, line.Played, line.Found)
		}
		summary[line.What] = line.Found
	}

	listed := chimewatch(t, "calls", "list", "--limit", "1000", "--output", "json", "--local", "--local-dir", dir)
	var calls []struct {
		ID, Status    string
		Degraded      bool
		Events        *[]any
		Alerts        []any
		Notifications []struct{ Kind, Subject, SentAt string }
	}
	decode(t, listed.stdout, &calls)
	if listed.code != 0 || listed.stderr != "" {
		t.Errorf("calls list: got exit code %d and %q on the error stream, want 0 and nothing", listed.code, listed.stderr)
	}
	counted := map[string]int{"calls": len(calls)}
	for _, c := range calls {
		counted["calls "+c.Status]++
		counted["rule matches"] += len(c.Alerts)
		if c.Degraded {
			counted["calls degraded"]++
		}
		sent := map[string]int{}
		for _, n := range c.Notifications {
			if n.Subject == "" || n.SentAt == "" {
				t.Errorf("call %s: got the notification %+v, want one that was sent and has a subject", c.ID, n)
			}
			sent[n.Kind]++
		}
		counted["notifications rule match"] += sent["rule-match"]
		if failed := c.Degraded || c.Status == "Failed" || c.Status == "CreateFailed"; failed && sent["incident"] == 0 {
			t.Errorf("call %s is %s, degraded %v: got no notification of it, want one", c.ID, c.Status, c.Degraded)
		}
		if c.Events != nil {
			t.Errorf("call %s: got its events listed, want them in calls show only", c.ID)
		}
	}
	for what, want := range summary {
		if strings.HasPrefix(what, "calls") || what == "rule matches" || what == "notifications rule match" {
			if counted[what] != want {
				t.Errorf("%s: got %d from calls list, want the %d of the summary", what, counted[what], want)
			}
		}
	}
	if len(calls) != 300 || summary["dead letters"] == 0 {
		t.Errorf("got %d calls and %d dead letters, want the 300 of a day and some", len(calls), summary["dead letters"])
	}
}

// TestPlayedDayPrintsASummary plays a small day and reads the summary for people.
func TestPlayedDayPrintsASummary(t *testing.T) {
	t.Parallel()
	needNode(t)
	dir := t.TempDir()
	played := chimewatch(t, "local", "--once", "--calls", "1", "--duration", "0s", "--port", "0", "--local-dir", dir,
		"--functions", functionBinaries(t))
	if played.code != 0 || played.stderr != "" {
		t.Errorf("got exit code %d and %q on the error stream, want 0 and nothing", played.code, played.stderr)
	}
	for _, want := range []string{
		"Played a day of 1 call: ", "\ncalls ", "\ndead letters ", " calls list --local --local-dir " + dir,
	} {
		if !strings.Contains(played.stdout, want) {
			t.Errorf("got %q, want %q in it", played.stdout, want)
		}
	}
	if bytes.ContainsAny([]byte(played.stdout), "\r\x1b") {
		t.Errorf("got %q, want no control characters where there is no terminal", played.stdout)
	}
}
