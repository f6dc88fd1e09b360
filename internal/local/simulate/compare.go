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
	// Matches are the ids of the rule matches in the table.
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
	r := &Report{Differences: []string{}}
	r.pipelines(t.Pipelines, found.Pipelines)
	eachOnce(r, "rule match", "rule matches", t.Matches, found.Matches)
	r.notifications(t, found)
	eachOnce(r, "dead letter", "dead letters", t.DeadLetters, found.DeadLetters)
	return *r
}

func (r *Report) differ(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// line adds a line, which agrees only where the numbers do.
func (r *Report) line(what string, played, found int, agrees bool) {
	r.Lines = append(r.Lines, Line{strings.ReplaceAll(what, "-", " "), played, found, agrees && played == found})
}

// lineOf adds a line, which agrees where the same things were found as were played.
func lineOf[T comparable](r *Report, what string, played, found []T) {
	r.line(what, len(played), len(found), maps.Equal(times(played), times(found)))
}

// times counts how often each thing is there.
func times[T comparable](things []T) map[T]int {
	n := map[T]int{}
	for _, thing := range things {
		n[thing]++
	}
	return n
}

// eachOnce compares things each of which should be found once.
func eachOnce[T comparable](r *Report, one, line string, played, found []T) {
	got := times(found)
	for _, thing := range played {
		if got[thing] != 1 {
			r.differ("%s %v: got it %d times, want once", one, thing, got[thing])
		}
		delete(got, thing)
	}
	for _, thing := range found {
		if got[thing] > 0 {
			r.differ("%s %v: got one, want none", one, thing)
			delete(got, thing)
		}
	}
	lineOf(r, line, played, found)
}

// statuses are in the order in which a summary shows them.
var statuses = []string{"Created", "InProgress", "Paused", "TemporarilyFailed", "Stopped", "Failed", "CreateFailed",
	"Lost", "Unknown"}

func (r *Report) pipelines(played, found []Pipeline) {
	differ := func(p Pipeline, got, want any) {
		r.differ("call %s (%s): got %v, want %v", p.ID, p.Scenario, got, want)
	}
	left := byID(found)
	for _, want := range played {
		got, ok := left[want.ID]
		delete(left, want.ID)
		switch {
		case !ok:
			differ(want, "nothing", want.Status)
		case got.Status != want.Status:
			differ(want, got.Status, want.Status)
		case got.Degraded != want.Degraded:
			differ(want, fmt.Sprintf("degraded %v", got.Degraded), want.Degraded)
		}
	}
	for _, p := range found {
		if _, extra := left[p.ID]; extra {
			differ(p, p.Status, "no such call")
		}
	}
	line := func(what string, has func(Pipeline) bool) { lineOf(r, what, ids(played, has), ids(found, has)) }
	line("calls", func(Pipeline) bool { return true })
	for _, status := range statuses {
		has := func(p Pipeline) bool { return p.Status == status }
		if slices.ContainsFunc(played, has) || slices.ContainsFunc(found, has) {
			line("calls "+status, has)
		}
	}
	line("calls degraded", func(p Pipeline) bool { return p.Degraded })
}

func byID(pipelines []Pipeline) map[string]Pipeline {
	all := map[string]Pipeline{}
	for _, p := range pipelines {
		all[p.ID] = p
	}
	return all
}

// ids returns the ids of the pipelines that are of a kind.
func ids(pipelines []Pipeline, has func(Pipeline) bool) (ids []string) {
	for _, p := range pipelines {
		if has(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// notifications compares what the table says was sent, and what was published, with what
// should have been.
func (r *Report) notifications(t Truth, found Found) {
	pipelines, before := byID(found.Pipelines), len(r.Differences)
	failed, notified, incidents := map[Kind][]string{}, map[Kind][]string{}, map[string]int{}
	for _, want := range t.Pipelines {
		got := pipelines[want.ID].Incidents
		maps.Copy(incidents, times(got))
		wanted := 0
		if want.Failure != "" {
			wanted = 1
			failed[want.Failure] = append(failed[want.Failure], want.ID)
			if len(got) > 0 {
				notified[want.Failure] = append(notified[want.Failure], want.ID)
			}
		}
		if len(got) != wanted {
			r.differ("call %s (%s): got %d incidents with a notification, want %d", want.ID, want.Scenario, len(got), wanted)
		}
	}
	for _, kind := range []Kind{PermanentFailure, CreateFailed, ElementFailure, TemporaryFailure} {
		lineOf(r, "failures notified "+string(kind), failed[kind], notified[kind])
	}
	r.line("incidents notified", found.Incidents, len(incidents), len(r.Differences) == before)
	r.messages(Incident, found.Recorded, found)
	r.messages(RuleMatch, len(t.Matches), found)
}

func (r *Report) messages(kind Kind, want int, found Found) {
	got := found.Published[kind]
	if got != want {
		r.differ("topics: got %d messages %s, want %d", got, kind, want)
	}
	r.line("notifications "+string(kind), want, got, true)
}
