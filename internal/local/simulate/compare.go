package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Found is what became of a day, read back from where a user would look.
type Found struct {
	// Pipelines are those in the table.
	Pipelines []Pipeline
	// Incidents counts those of the pipelines, Recorded the notifications that were sent
	// about them, as the table says.
	Incidents, Recorded int
	// Matches holds the event ids of the rule matches in the table.
	Matches []string
	// Published counts the messages on the topics, by kind.
	Published   map[Kind]int
	DeadLetters []DeadLetter
}

// RuleMatch is the kind of a notification about a rule match. One is sent for each match,
// not for each pipeline.
const RuleMatch Kind = "rule-match"

// Incident is the kind of every notification about an incident.
const Incident Kind = "incident"

// Line is one line of a summary: how many were played, and how many were found.
type Line struct {
	What   string `json:"what"`
	Played int    `json:"played"`
	Found  int    `json:"found"`
	// Agrees also says that they are the same ones, not only as many.
	Agrees bool `json:"agrees"`
}

// Report is the comparison of what was found with the truth.
type Report struct {
	Lines []Line `json:"lines"`
	// Differences says, for each thing that is not as it should be, what was found and
	// what was wanted.
	Differences []string `json:"differences"`
}

// Agrees reports whether everything is as it should be.
func (r Report) Agrees() bool {
	return len(r.Differences) == 0 && !slices.ContainsFunc(r.Lines, func(l Line) bool { return !l.Agrees })
}

// Compare compares what was found with the truth.
func (t Truth) Compare(found Found) Report {
	r := Report{Differences: []string{}}
	r.pipelines(t.Pipelines, found.Pipelines)
	matches := make([]string, len(t.Matches))
	for i, m := range t.Matches {
		matches[i] = m.EventID
	}
	r.eachOnce("rule match", "rule matches", matches, found.Matches)
	r.notifications(t, found)
	r.eachOnce("dead letter", "dead letters", names(t.DeadLetters), names(found.DeadLetters))
	return r
}

func names(letters []DeadLetter) []string {
	all := make([]string, len(letters))
	for i, d := range letters {
		all[i] = d.EventID + " from " + d.Function
	}
	return all
}

func (r *Report) differ(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// line adds a line, which agrees only where the numbers do.
func (r *Report) line(what string, played, found int, agrees bool) {
	r.Lines = append(r.Lines, Line{strings.ReplaceAll(what, "-", " "), played, found, agrees && played == found})
}

// statuses are in the order in which a summary shows them.
var statuses = []string{"Created", "InProgress", "Paused", "TemporarilyFailed", "Stopped", "Failed", "CreateFailed",
	"Lost", "Unknown"}

func (r *Report) pipelines(played, found []Pipeline) {
	left := byID(found)
	wrong := map[string]bool{} // what differs somewhere: calls, degraded, statuses
	differ := func(p Pipeline, got, want any, lines ...string) {
		for _, line := range lines {
			wrong[line] = true
		}
		r.differ("call %s (%s): got %v, want %v", p.ID, p.Scenario, got, want)
	}
	for _, want := range played {
		got, ok := left[want.ID]
		delete(left, want.ID)
		switch {
		case !ok:
			differ(want, "nothing", want.Status, "calls", want.Status)
		case got.Status != want.Status:
			differ(want, got.Status, want.Status, got.Status, want.Status)
		case got.Degraded != want.Degraded:
			differ(want, fmt.Sprintf("degraded %v", got.Degraded), want.Degraded, "degraded")
		}
	}
	for _, p := range found {
		if _, ok := left[p.ID]; ok {
			differ(p, p.Status, "no such call", "calls", p.Status)
		}
	}
	r.line("calls", len(played), len(found), !wrong["calls"])
	for _, status := range statuses {
		has := func(p Pipeline) bool { return p.Status == status }
		if p, f := count(played, has), count(found, has); p+f > 0 {
			r.line("calls "+status, p, f, !wrong[status])
		}
	}
	degraded := func(p Pipeline) bool { return p.Degraded }
	r.line("calls degraded", count(played, degraded), count(found, degraded), !wrong["degraded"])
}

func byID(pipelines []Pipeline) map[string]Pipeline {
	all := map[string]Pipeline{}
	for _, p := range pipelines {
		all[p.ID] = p
	}
	return all
}

func count(pipelines []Pipeline, has func(Pipeline) bool) (n int) {
	for _, p := range pipelines {
		if has(p) {
			n++
		}
	}
	return n
}

// notifications compares what the table says was sent, and what was published, with what
// should have been.
func (r *Report) notifications(t Truth, found Found) {
	pipelines, before := byID(found.Pipelines), len(r.Differences)
	failed, notified, wrong, incidents := map[Kind]int{}, map[Kind]int{}, map[Kind]bool{}, map[string]bool{}
	for _, want := range t.Pipelines {
		got := pipelines[want.ID].Incidents
		for _, id := range got {
			incidents[id] = true
		}
		if len(got) != len(want.Fails) {
			r.differ("call %s (%s): got %d incidents with a notification, want %d", want.ID, want.Scenario, len(got),
				len(want.Fails))
		}
		for n, kind := range want.Fails {
			failed[kind]++
			if n < len(got) {
				notified[kind]++
			}
			wrong[kind] = wrong[kind] || len(got) != len(want.Fails)
		}
	}
	for _, kind := range []Kind{PermanentFailure, CreateFailed, ElementFailure, TemporaryFailure} {
		r.line("failures notified "+string(kind), failed[kind], notified[kind], !wrong[kind])
	}
	r.line("incidents notified", found.Incidents, len(incidents), len(r.Differences) == before)
	for _, one := range []struct {
		kind Kind
		want int
	}{{Incident, found.Recorded}, {RuleMatch, len(t.Matches)}} {
		got := found.Published[one.kind]
		if got != one.want {
			r.differ("topics: got %d messages %s, want %d", got, one.kind, one.want)
		}
		r.line("notifications "+string(one.kind), one.want, got, true)
	}
}

// eachOnce adds a line of things that are named, each of which should be found once.
func (r *Report) eachOnce(one, line string, played, found []string) {
	got, before := map[string]int{}, len(r.Differences)
	for _, name := range found {
		got[name]++
	}
	for _, name := range played {
		if got[name] != 1 {
			r.differ("%s %s: got it %d times, want once", one, name, got[name])
		}
		delete(got, name)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		r.differ("%s %s: got one, want none", one, name)
	}
	r.line(line, len(played), len(found), len(r.Differences) == before)
}
