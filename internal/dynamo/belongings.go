package dynamo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Kind says what an item that belongs to a call is, for counts.
type Kind string

// The kinds, in the order in which they are shown. KindReason is no item but the reason of an
// incident that has an id or a number of the call in it.
const (
	KindPipeline      Kind = "pipelines"
	KindEvent         Kind = "events"
	KindPointer       Kind = "pointers"
	KindMembership    Kind = "incidentLinks"
	KindOccurrence    Kind = "occurrences"
	KindMatch         Kind = "ruleMatches"
	KindWindow        Kind = "ruleWindows"
	KindNotification  Kind = "notifications"
	KindVoice         Kind = "voiceNotifications"
	KindConsent       Kind = "consentEntries"
	KindConsentExpiry Kind = "consentEnds"
	KindReason        Kind = "incidentReasons"
	KindOther         Kind = "others"
)

// Kinds returns all kinds, in the order in which they are shown.
func Kinds() []Kind {
	return []Kind{
		KindPipeline, KindEvent, KindPointer, KindMembership, KindOccurrence, KindMatch, KindWindow,
		KindNotification, KindVoice, KindConsent, KindConsentExpiry, KindReason, KindOther,
	}
}

// kindsBySK are the kinds of items in the partition of a pipeline, a transaction, a callId or
// a rule match, by what their sort keys begin with.
var kindsBySK = map[string]Kind{
	stateSK: KindPipeline, eventSK: KindEvent, pointerSK: KindPointer, membershipSK: KindMembership, matchSK: KindMatch,
	windowSK: KindWindow, notificationSK: KindNotification, ledgerSK: KindConsent, consentExpirySK: KindConsentExpiry,
}

// kindOf returns the kind of an item in one of these partitions.
func kindOf(it item) Kind {
	prefix, _, cut := strings.Cut(textIn(it, attrSK), "#")
	if cut {
		prefix += "#"
	}
	return cmp.Or(kindsBySK[prefix], KindOther)
}

// Belongings is all that the table has of a call, and that Erase removes.
type Belongings struct {
	// Pipelines are the states of its pipelines, newest first.
	Pipelines []pipeline.State
	// TransactionIDs and CallIDs are sorted. A callId that another call has, too, is in Shared
	// instead, unless it is what was asked for.
	TransactionIDs, CallIDs []string
	// Incidents are the ids of the incidents that count the call, sorted. They go on
	// counting it, without knowing which call it was.
	Incidents []string
	// Shared are ids that another call has, too.
	Shared []SharedID
	// Running says what goes on in each part of the call that is not over.
	Running []string

	items   []belonging
	reasons []reasonChange
}

// SharedID is a callId, or the transactionId of single events, that another call has, too. Items
// that name one of the call's own ids as well belong to the call; all others stay.
type SharedID struct {
	ID string
	// Others are the pipelines and transactions of other calls, sorted.
	Others []string
	// Left is how many items stay because they name no other id, so that they may be anybody's.
	Left int
}

// The depths of items that lead to no others but those of a greater depth.
const (
	depthLeaf  = 1<<20 + iota // found by what is in the call's own partitions
	depthAgain                // an earlier occurrence of depthLeaf in the same incident
	depthSide                 // in a partition that other calls may have, too
	depthTask                 // found by the id of a voice task that the items before name
	depthMatch                // a rule match that names no call, found by the times of the items before
	depthAbout                // what was sent of such a match
)

// Counts returns how many items of each kind there are. A kind of which there
// is none is not in it.
func (b Belongings) Counts() map[Kind]int {
	counts := map[Kind]int{}
	for _, it := range b.items {
		counts[it.kind]++
	}
	if len(b.reasons) > 0 {
		counts[KindReason] = len(b.reasons)
	}
	return counts
}

// Belongings finds what belongs to the call that ref means: a pipeline's id or ARN, the id of a
// failed creation, a callId or a transactionId. A transaction is one call with all its
// pipelines, so any of these means all of it. A callId is no identity: all calls that have it
// are found when it is asked for; else what other calls with the same callId own is left out.
// Unlike Find it needs no state of a pipeline. When there is nothing, the error is of class
// NotFound.
//
// It reads whole partitions, and two indexes, which follow the table within moments. It changes
// nothing.
func (s *Store) Belongings(ctx context.Context, ref string) (Belongings, error) {
	f := newFinder(s, ref)
	for _, step := range []func(context.Context) error{f.core, f.sides, f.taskNotes, f.occurrences, f.unnamedMatches} {
		if err := step(ctx); err != nil {
			return Belongings{}, err
		}
	}
	b := Belongings{
		TransactionIDs: f.owned(transactionPK), CallIDs: f.owned(callPK),
		Incidents: slices.Sorted(maps.Keys(f.incidents)), Shared: f.sharedIDs(), reasons: f.reasons,
	}
	for _, k := range slices.Sorted(maps.Keys(f.items)) {
		b.items = append(b.items, f.items[k])
	}
	if len(b.items) == 0 {
		return Belongings{}, s.notFound("pipeline, call or transaction " + ref)
	}
	hasState := map[string]bool{} // transactions
	for _, p := range f.pipelines {
		if p.state.ID != "" {
			b.Pipelines = append(b.Pipelines, p.state)
			hasState[keyID(p.state.TransactionID)] = true
		}
	}
	newestFirst(b.Pipelines)
	for _, st := range b.Pipelines {
		if st.Status.Open() {
			b.Running = append(b.Running, "pipeline "+st.ID+" is "+string(st.Status))
		}
	}
	for _, id := range b.TransactionIDs {
		if hasState[id] {
			continue // the pipelines show whether the call is over
		}
		for _, task := range f.ledgers[id].Running(s.now()) {
			b.Running = append(b.Running, "the task "+string(task.Task)+" of transaction "+id+" is "+string(task.State))
		}
	}
	return b, nil
}
