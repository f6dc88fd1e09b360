package incident

import (
	"cmp"
	"slices"
	"time"
)

// OccurrenceCounts are the calls of an incident.
type OccurrenceCounts struct {
	// Calls is how many pipelines failed, exactly.
	Calls int
	// LastAt is when the newest failure happened.
	LastAt time.Time
	// Examples are the first calls that were not erased, at most maxExamples.
	Examples []Occurrence
	// Occurrences are all of them, by time. A pipeline that failed again after the
	// incident was closed is in it twice.
	Occurrences []Occurrence
}

const maxExamples = 3

// CountOccurrences counts the calls of all occurrences of an incident.
func CountOccurrences(all []Occurrence) OccurrenceCounts {
	slices.SortFunc(all, func(a, b Occurrence) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.PipelineID, b.PipelineID))
	})
	counts := OccurrenceCounts{Occurrences: all}
	counted := make(map[string]bool, len(all))
	for _, o := range all {
		counts.LastAt = o.At
		erased := o.PipelineID == ""
		if !erased && counted[o.PipelineID] {
			continue
		}
		counts.Calls++
		counted[o.PipelineID] = true
		if !erased && len(counts.Examples) < maxExamples {
			counts.Examples = append(counts.Examples, o)
		}
	}
	return counts
}

// Count is how many calls failed, and when the first and the last of them did.
type Count struct {
	Calls       int
	First, Last time.Time
	// Example is the first of them that was not erased.
	Example Occurrence
}

// add counts an occurrence, of which none that was counted is newer; again reports whether
// its call was counted before.
func (c *Count) add(o Occurrence, again bool) {
	if !again {
		c.Calls++
	}
	if c.First.IsZero() {
		c.First = o.At
	}
	c.Last = o.At
	if c.Example.PipelineID == "" {
		c.Example = o
	}
}

// ReasonCount is a reason, and the calls that failed for it.
type ReasonCount struct {
	Reason
	Count
}

// CountReasons returns the incident's reasons with their calls: those of the incident's
// own cause first, then those of the most calls. rest counts the calls whose reason is
// none of them. A call that failed for two reasons counts for both.
func (i Incident) CountReasons(counts OccurrenceCounts) (list []ReasonCount, rest Count) {
	byID := map[string]*Count{"": &rest}
	for _, r := range i.Reasons {
		byID[r.ID] = &Count{}
	}
	type call struct{ pipeline, reason string }
	counted := map[call]bool{}
	for _, o := range counts.Occurrences {
		reasons := o.Reasons
		if len(reasons) == 0 && len(i.Reasons) == 1 {
			reasons = []string{i.Reasons[0].ID} // of a version that stored the first only
		}
		kept := slices.DeleteFunc(slices.Clone(reasons), func(id string) bool { return byID[id] == nil })
		if len(kept) < len(reasons) || len(reasons) == 0 {
			kept = append(kept, "")
		}
		for _, id := range kept {
			c := call{o.PipelineID, id}
			byID[id].add(o, o.PipelineID != "" && counted[c])
			counted[c] = true
		}
	}
	for _, r := range i.Reasons {
		list = append(list, ReasonCount{r, *byID[r.ID]})
	}
	slices.SortFunc(list, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(i.foreign(a.Reason), i.foreign(b.Reason)), cmp.Compare(b.Calls, a.Calls),
			a.First.Compare(b.First), cmp.Compare(a.ID, b.ID))
	})
	return list, rest
}

// foreign returns 0 for the reason that the incident's cause comes from, and 1 for
// any other.
func (i Incident) foreign(r Reason) int {
	if r.Cause == i.Cause() && (r.Text == i.Reason || r.ID == ReasonOf(i.Cause(), i.Reason).ID) {
		return 0
	}
	return 1
}

// Trend compares two windows.
type Trend string

// The trends.
const (
	Growing Trend = "growing"
	Steady  Trend = "steady"
	Slowing Trend = "slowing"
)

// TrendOf compares the calls that failed since the last notification with those of the
// window before. After the opening there is no window before: every further call is
// growth.
func TrendOf(a Announced, calls int) Trend {
	before := a.LastCalls
	if a.Summaries == 0 {
		before = a.Calls
	}
	switch cmp.Compare(calls-a.Calls, before) {
	case 1:
		return Growing
	case -1:
		return Slowing
	}
	return Steady
}
