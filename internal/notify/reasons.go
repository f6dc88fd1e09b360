package notify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// reasonData is a reason of an incident for machines.
type reasonData struct {
	Reason string         `json:"reason"`
	Class  incident.Class `json:"class"`
	Target string         `json:"target,omitempty"`
	Calls  int            `json:"calls"`
	First  time.Time      `json:"first,omitzero"`
	Last   time.Time      `json:"last,omitzero"`
	// New reports whether no earlier message had it.
	New bool `json:"new,omitempty"`
}

const (
	// maxReasonLines is how many reasons have a line of their own.
	maxReasonLines = 4
	// maxOther is how many characters of any further reason are shown.
	maxOther = 50
)

// reasonCounts returns the incident's reasons, first the one that the message is about,
// and how many calls failed for others.
func (u update) reasonCounts() (list []incident.ReasonCount, others int) {
	list, rest := u.Incident.CountReasons(u.Counts)
	at := slices.IndexFunc(list, func(g incident.ReasonCount) bool { return g.ID == u.UrgentReason.ID })
	if u.Kind == incident.NewReason && at > 0 {
		list = slices.Concat(list[at:at+1], list[:at], list[at+1:])
	}
	return list, rest.Calls
}

func (u update) isNew(r incident.Reason) bool {
	return u.Incident.Announced.Openings > 0 && !u.Incident.Announced.Has(r)
}

func (u update) reasonsData() (list []reasonData, others int) {
	given, others := u.reasonCounts()
	for _, g := range given {
		list = append(list, reasonData{
			Reason: clean(g.Text, maxID), Class: g.Class, Target: clean(g.Target, maxWord), Calls: g.Calls,
			First: g.First.UTC(), Last: g.Last.UTC(), New: u.isNew(g.Reason),
		})
	}
	return list, others
}

// reasons adds the lines about the reasons of the failures, each with its calls where
// there are several.
func (u update) reasons(l *lines) {
	given, others := u.reasonCounts()
	if len(given) <= 1 && others == 0 {
		l.field("Reason given", clean(cmp.Or(u.about().Text, "none"), maxReason))
		return
	}
	var further []string
	for k, g := range given {
		about := []string{calls(g.Calls)}
		if g.Cause != u.about().Cause {
			about = append(about, g.Class.Title())
		}
		if u.isNew(g.Reason) && u.Kind != incident.NewReason {
			about = append(about, "new")
		}
		notes := " (" + strings.Join(about, ", ") + ")"
		switch {
		case k == 0:
			l.field("Reason given", clean(cmp.Or(g.Text, "none"), maxReason)+notes)
		case k < maxReasonLines:
			l.field("Also given", clean(cmp.Or(g.Text, "none"), maxReason/2)+notes)
		default:
			further = append(further, clean(cmp.Or(g.Text, "none"), maxOther)+notes)
		}
	}
	l.field("Also given", strings.Join(further, "; "))
	if others > 0 {
		l.field("Other reasons", calls(others))
	}
}
