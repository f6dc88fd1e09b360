package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// sides reads the partitions that items of the call name, and that other calls
// may have as well: those of its callIds, mostly. Where no other call is named
// in one of them, all of it is the call's.
func (f *finder) sides(ctx context.Context) error {
	for _, pk := range slices.Sorted(maps.Keys(f.sidePartitions)) {
		id, isCall := strings.CutPrefix(pk, callPK)
		if isCall && f.calls[id] || !isCall && f.transactions[strings.TrimPrefix(pk, transactionPK)] {
			continue // read by core
		}
		if err := f.side(ctx, pk); err != nil {
			return err
		}
	}
	return nil
}

// sharedFound is a shared id with the items of which it is not known whose they are.
type sharedFound struct {
	SharedID
	nobodys []item
}

// sharedIDs returns them when all that is the call's has been found: a task may
// have told of some items whose they are.
func (f *finder) sharedIDs() (list []SharedID) {
	for _, s := range f.shared {
		for _, it := range s.nobodys {
			if _, ours := f.found[itemKey(it)]; !ours {
				s.Left++
			}
		}
		list = append(list, s.SharedID)
	}
	return list
}

func (f *finder) side(ctx context.Context, pk string) error {
	id, isCall := strings.CutPrefix(pk, callPK)
	index := voiceByCall
	if !isCall {
		id, index = strings.TrimPrefix(pk, transactionPK), voiceByTransaction
	}
	items, err := f.s.queryAll(ctx, pk, "")
	if err != nil {
		return err
	}
	notes, err := f.s.voiceItemsOf(ctx, index+id)
	if err != nil {
		return err
	}
	others := map[string]bool{}
	var nobodys []item
	for _, it := range items {
		mine, other, err := f.owner(it)
		switch {
		case err != nil:
			return err
		case mine:
			if err := f.addSide(it); err != nil {
				return err
			}
		case other != "":
			others[other] = true
		default:
			nobodys = append(nobodys, it)
		}
	}
	var nobodysNotes []voiceItem
	for _, v := range notes {
		switch other := f.otherOf(v.note); {
		case f.owns(v.note):
			f.addNote(v, depthSide)
		case other != "":
			others[other] = true
		default:
			nobodysNotes = append(nobodysNotes, v)
		}
	}
	if len(others) > 0 {
		for _, v := range nobodysNotes {
			nobodys = append(nobodys, v.it)
		}
		f.shared = append(f.shared, sharedFound{SharedID{ID: id, Others: slices.Sorted(maps.Keys(others))}, nobodys})
		return nil
	}
	if isCall {
		f.calls[id] = true
	}
	for _, it := range nobodys {
		if err := f.addSide(it); err != nil {
			return err
		}
	}
	for _, v := range nobodysNotes {
		f.addNote(v, depthSide)
	}
	return nil
}

// addSide adds an item of a side partition.
func (f *finder) addSide(it item) error {
	if kindOf(it) == KindConsent {
		_, err := f.addEntry(it, depthSide)
		return err
	}
	f.add(it, kindOf(it), depthSide)
	return nil
}

// owner says whose an item of a side partition is: the call's, or that of
// another pipeline or transaction, or nobody's.
func (f *finder) owner(it item) (mine bool, other string, err error) {
	transaction := ""
	switch kindOf(it) {
	case KindPointer:
		id := strings.TrimPrefix(textIn(it, attrSK), pointerSK)
		if f.pipelines[id] != nil {
			return true, "", nil
		}
		return false, "pipeline " + id, nil
	case KindConsent:
		transaction = readEntry(it).TransactionID
	case KindMatch:
		if transaction = textIn(it, attrMatchTransaction); transaction == "" {
			mine, err = f.mentionedIn(it)
			return mine, "", err
		}
	}
	if transaction == "" || f.transactions[keyID(transaction)] {
		return transaction != "", "", nil
	}
	return false, "transaction " + transaction, nil
}

// owns reports whether a voice notification names a pipeline or transaction of
// the call.
func (f *finder) owns(n chime.VoiceNotification) bool {
	return f.pipelines[keyID(n.PipelineID)] != nil || f.transactions[keyID(n.TransactionID)]
}

// otherOf returns the pipeline or transaction of another call that a voice
// notification names, which the call does not own; empty when it names none.
func (f *finder) otherOf(n chime.VoiceNotification) string {
	switch {
	case n.TransactionID != "":
		return "transaction " + n.TransactionID
	case n.PipelineID != "":
		return "pipeline " + n.PipelineID
	}
	return ""
}

// taskNotes finds the voice notifications of the call's tasks that name nothing
// but their task. They are in no index; their partitions follow from the task.
func (f *finder) taskNotes(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.tasks)) {
		for _, source := range []chime.VoiceSource{chime.ByLambda, chime.BySQS, chime.BySNS, chime.ByKinesis} {
			for _, analytics := range []chime.Analytics{chime.AnalyticsSpeakerSearch, chime.AnalyticsVoiceTone} {
				pk := voicePK(chime.VoiceNotification{VoiceAnalytics: chime.VoiceAnalytics{TaskID: id}, By: source, Analytics: analytics})
				items, err := f.s.queryAll(ctx, pk, "")
				if err != nil {
					return err
				}
				for _, it := range items {
					n := readVoice(it)
					if f.owns(n) || f.otherOf(n) == "" {
						f.add(it, KindVoice, depthTask)
					}
				}
			}
		}
	}
	return nil
}

// occurrences finds where incidents count the call's pipelines. A pipeline that
// failed again after an incident's end has joined another one, and its link to
// the first is gone: so all incidents that it may have joined are looked at.
func (f *finder) occurrences(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.pipelines)) {
		p := f.pipelines[id]
		for _, group := range p.groups() {
			if err := f.occurrencesIn(ctx, p, group); err != nil {
				return err
			}
		}
	}
	return f.reasonsThatMention(ctx)
}

// occurrencesIn adds the occurrences of a pipeline in the incidents of a group.
// The last of each incident leaves an anonymous one: the notifications about an
// incident, and its end, must not change because a call is erased.
func (f *finder) occurrencesIn(ctx context.Context, p *pipelineFound, group string) error {
	incidents, err := f.s.queryAll(ctx, incidentPK+group, incidentSK)
	if err != nil {
		return err
	}
	for _, it := range incidents {
		id := decodeIncident(it).ID
		all, err := f.s.queryAll(ctx, occurrencePK+id+"#"+shardOf(p.id), "")
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(all, func(it item) bool { return occurrenceIn(it).PipelineID != p.id })
		for n, it := range own { // by the time they were handled
			depth := depthAgain
			if n == len(own)-1 {
				depth = depthLeaf
			}
			f.add(it, KindOccurrence, depth)
			f.incidents[id] = true
		}
		if len(own) > 0 {
			f.leave(own[len(own)-1])
		}
	}
	return nil
}

// leave makes an occurrence leave an anonymous one. Its key follows from the
// occurrence's alone, so that it is the same one however often it is written.
func (f *finder) leave(it item) {
	b := f.found[itemKey(it)]
	b.instead = anonymous(it)
	f.found[itemKey(it)] = b
}

// groups returns the ids of the groups of incidents that the pipeline may have
// joined, sorted.
func (p *pipelineFound) groups() []string {
	groups := map[string]bool{}
	for element, id := range p.links {
		group, _, _ := cutLast(id, ".")
		groups[group] = true
		for scope := range p.scopes() {
			groups[incident.Group{Scope: scope, Element: element}.ID()] = true
		}
	}
	return slices.Sorted(maps.Keys(groups))
}
