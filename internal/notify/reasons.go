package notify

import (
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
	// New says that no earlier message had it.
	New bool `json:"new,omitempty"`
}

const (
	// wordedReasons is how many reasons have a line of their own.
	wordedReasons = 4
	// maxOther is how many characters of any further reason are shown.
	maxOther = 50
)

// reason is the reason that the message is about.
func (n update) reason() string {
	if n.Kind == incident.NewReason {
		return n.Another.Text
	}
	return n.Incident.Reason
}

// given returns the incident's reasons, with the one first that the message is about,
// and how many calls failed for others.
func (n update) given() (list []incident.Given, others int) {
	list, rest := n.Incident.Given(n.Tally)
	at := slices.IndexFunc(list, func(g incident.Given) bool { return g.ID == n.Another.ID })
	if n.Kind == incident.NewReason && at > 0 {
		list = slices.Concat(list[at:at+1], list[:at], list[at+1:])
	}
	return list, rest.Calls
}

func (n update) isNew(r incident.Reason) bool {
	return n.Incident.Announced.Openings > 0 && !n.Incident.Announced.Has(r)
}

func (n update) reasonsData() (list []reasonData, others int) {
	given, others := n.given()
	for _, g := range given {
		list = append(list, reasonData{
			Reason: clean(g.Text, maxID), Class: g.Class, Target: clean(g.Target, maxWord), Calls: g.Calls,
			First: g.First.UTC(), Last: g.Last.UTC(), New: n.isNew(g.Reason),
		})
	}
	return list, others
}

// reasons adds the lines about what the failures gave as their reasons: all that are
// kept, each with its calls where there are several.
func (n update) reasons(l *lines) {
	given, others := n.given()
	if len(given) <= 1 && others == 0 {
		l.tell("Reason given", clean(orNone(n.reason()), maxReason))
		return
	}
	var further []string
	for k, g := range given {
		about := []string{calls(g.Calls)}
		if g.Cause != n.cause() {
			about = append(about, g.Class.Title())
		}
		if n.isNew(g.Reason) && n.Kind != incident.NewReason {
			about = append(about, "new")
		}
		notes := " (" + strings.Join(about, ", ") + ")"
		switch {
		case k == 0:
			l.tell("Reason given", clean(orNone(g.Text), maxReason)+notes)
		case k < wordedReasons:
			l.tell("Also given", clean(orNone(g.Text), maxReason/2)+notes)
		default:
			further = append(further, clean(orNone(g.Text), maxOther)+notes)
		}
	}
	l.tell("Also given", strings.Join(further, "; "))
	if others > 0 {
		l.tell("Other reasons", calls(others))
	}
}
