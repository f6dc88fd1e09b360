package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// Found is what became of a day, read back from where a user would look.
type Found struct {
	// Pipelines are those in the table, with the incidents that people were told of.
	Pipelines []Pipeline
	// Incidents counts those that the pipelines have joined, Recorded the messages
	// that went out about them, as the table says.
	Incidents, Recorded int
	// Matches holds the event ids of the rule matches that were kept.
	Matches []string
	// Published counts the messages on the topics, by kind.
	Published   map[Kind]int
	DeadLetters []DeadLetter
}

// RuleMatch is the kind of notification about a rule match. One goes out for
// each match, not for each pipeline.
const RuleMatch Kind = "rule-match"

// Incident is the kind of every message about an incident.
const Incident Kind = "incident"

// Line is one line of a summary: how many were played, and how many were found.
type Line struct {
	What   string `json:"what"`
	Played int    `json:"played"`
	Found  int    `json:"found"`
	// Agrees also says that they are the same ones, not only as many.
	Agrees bool `json:"agrees"`
}

// Report holds what was found against the truth.
type Report struct {
	Lines []Line `json:"lines"`
	// Differences says for each thing that is not as it should be what was got
	// and what was wanted.
	Differences []string `json:"differences"`
}

// Agrees tells whether everything is as it should be.
func (r Report) Agrees() bool {
	return len(r.Differences) == 0 && !slices.ContainsFunc(r.Lines, func(l Line) bool { return !l.Agrees })
}

// Compare holds what was found against the truth.
func (t Truth) Compare(found Found) Report {
	r := Report{Differences: []string{}}
	r.pipelines(t.Pipelines, found.Pipelines)
	r.matches(t.Matches, found.Matches)
	r.notifications(t, found)
	r.deadLetters(t.DeadLetters, found.DeadLetters)
	return r
}

// statuses are in the order in which a summary shows them.
var statuses = []string{"Created", "InProgress", "Paused", "TemporarilyFailed", "Stopped", "Failed", "CreateFailed", "Lost", "Unknown"}

func (r *Report) pipelines(played, found []Pipeline) {
	byID := map[string]Pipeline{}
	for _, p := range found {
		byID[p.ID] = p
	}
	wrong := map[string]bool{} // statuses and words in which something differs
	differ := func(p Pipeline, marks []string, got, want any) {
		for _, mark := range marks {
			wrong[mark] = true
		}
		r.Differences = append(r.Differences, fmt.Sprintf("call %s (%s): got %v, want %v", p.ID, p.Scenario, got, want))
	}
	for _, want := range played {
		got, ok := byID[want.ID]
		delete(byID, want.ID)
		switch {
		case !ok:
			differ(want, []string{"calls", want.Status}, "nothing", want.Status)
		case got.Status != want.Status:
			differ(want, []string{got.Status, want.Status}, got.Status, want.Status)
		case got.Degraded != want.Degraded:
			differ(want, []string{"degraded"}, fmt.Sprintf("degraded %v", got.Degraded), want.Degraded)
		}
	}
	for _, p := range found {
		if _, ok := byID[p.ID]; ok {
			differ(p, []string{"calls", p.Status}, p.Status, "no such call")
		}
	}
	r.line("calls", len(played), len(found), !wrong["calls"])
	for _, status := range statuses {
		has := func(p Pipeline) bool { return p.Status == status }
		if slices.ContainsFunc(played, has) || slices.ContainsFunc(found, has) {
			r.line("calls "+status, count(played, has), count(found, has), !wrong[status])
		}
	}
	degraded := func(p Pipeline) bool { return p.Degraded }
	r.line("calls degraded", count(played, degraded), count(found, degraded), !wrong["degraded"])
}

func (r *Report) matches(played []Match, found []string) {
	got := tallyOf(found)
	before := len(r.Differences)
	for _, m := range played {
		if n := got[m.EventID]; n != 1 {
			r.Differences = append(r.Differences, fmt.Sprintf("rule match %s (%s): got it kept %d times, want once", m.EventID, m.Type, n))
		}
		delete(got, m.EventID)
	}
	for _, id := range sortedKeys(got) {
		r.Differences = append(r.Differences, fmt.Sprintf("rule match %s: got it kept, want no such match", id))
	}
	r.line("rule matches", len(played), len(found), len(r.Differences) == before)
}

// notifications holds what the table says was sent, and what was published,
// against what should have been.
func (r *Report) notifications(t Truth, found Found) {
	byID := map[string]Pipeline{}
	for _, p := range found.Pipelines {
		byID[p.ID] = p
	}
	failed, told, wrong, before := map[Kind]int{}, map[Kind]int{}, map[Kind]bool{}, len(r.Differences)
	joined := map[string]bool{}
	for _, want := range t.Pipelines {
		got := byID[want.ID].Told
		for _, id := range got {
			joined[id] = true
		}
		if len(got) != len(want.Fails) {
			r.Differences = append(r.Differences, fmt.Sprintf("call %s (%s): got %d incidents that people were told of, want %d", want.ID, want.Scenario, len(got), len(want.Fails)))
		}
		for n, kind := range want.Fails {
			failed[kind]++
			if n < len(got) {
				told[kind]++
			}
			wrong[kind] = wrong[kind] || len(got) != len(want.Fails)
		}
	}
	for _, kind := range []Kind{PermanentFailure, CreateFailed, ElementFailure, TemporaryFailure} {
		r.line("failures told "+string(kind), failed[kind], told[kind], !wrong[kind])
	}
	r.line("incidents told", found.Incidents, len(joined), len(r.Differences) == before)
	r.messages(Incident, found.Recorded, found.Published[Incident])
	r.messages(RuleMatch, len(t.Matches), found.Published[RuleMatch])
}

// messages holds how many messages of a kind were published against how many
// should have been.
func (r *Report) messages(kind Kind, want, got int) {
	if got != want {
		r.Differences = append(r.Differences, fmt.Sprintf("topics: got %d messages %s, want %d", got, kind, want))
	}
	r.line("notifications "+string(kind), want, got, true)
}

func (r *Report) deadLetters(played, found []DeadLetter) {
	name := func(d DeadLetter) string { return d.EventID + " from " + d.Function }
	got := tallyOf(mapped(found, name))
	before := len(r.Differences)
	for _, want := range mapped(played, name) {
		if n := got[want]; n != 1 {
			r.Differences = append(r.Differences, fmt.Sprintf("dead letter %s: got it %d times, want once", want, n))
		}
		delete(got, want)
	}
	for _, other := range sortedKeys(got) {
		r.Differences = append(r.Differences, fmt.Sprintf("dead letter %s: got one, want none", other))
	}
	r.line("dead letters", len(played), len(found), len(r.Differences) == before)
}

func (r *Report) line(what string, played, found int, agrees bool) {
	r.Lines = append(r.Lines, Line{strings.ReplaceAll(what, "-", " "), played, found, agrees && played == found})
}

func count[T any](all []T, has func(T) bool) int {
	n := 0
	for _, one := range all {
		if has(one) {
			n++
		}
	}
	return n
}

func tallyOf(all []string) map[string]int {
	n := map[string]int{}
	for _, one := range all {
		n[one]++
	}
	return n
}

func mapped[T any](all []T, name func(T) string) []string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return names
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
