package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// belonging is one item of the call, with the ids that it names, each of which is empty where
// it names none: they say whose it is, and where else to look.
type belonging struct {
	it   item
	kind Kind
	// depth is how far from the id that was asked for the item was found. Those of
	// a smaller depth lead to it, and are deleted after it.
	depth int

	pipeline, transaction, call, task, incident string
	// time is when what it is about happened, zero where it does not say.
	time stretch
	// state is what the item proves of its pipeline; nil for items of other kinds.
	state *pipeline.State
	// first is to be in the place of the item before anything is deleted, instead is written
	// right before the item is deleted; nil for nothing.
	first, instead item
}

// readBelonging reads the ids that an item names.
func readBelonging(it item) (x belonging, err error) {
	x = belonging{it: it, kind: kindOf(it)}
	switch x.kind {
	case KindPipeline:
		st, err := decode(it)
		if err != nil {
			return x, err
		}
		x.prove(st)
	case KindEvent:
		body, err := unpack(it[attrEventBody])
		if err != nil {
			return x, err
		}
		// What cannot be read names no id that could be found otherwise.
		if _, st, _, err := pipeline.Read(body); err == nil {
			x.prove(st)
		}
	case KindMembership:
		x.incident = textIn(it, attrMemberOf)
	case KindPointer:
		x.pipeline = pointerTo(it)
	case KindMatch:
		x.call, x.transaction = textIn(it, attrMatchCall), textIn(it, attrMatchTransaction)
		x.time = stretch{timeIn(it, attrFirst), timeIn(it, attrFirst)}
	case KindConsent:
		e := readEntry(it)
		x.call, x.transaction, x.task = e.CallID, e.TransactionID, e.TaskID
		if first, differs := e.Harmless(); differs {
			x.first = maps.Clone(it)
			err = setJSON(x.first, attrEntry, first)
		}
	}
	return x, err
}

func (x *belonging) prove(st pipeline.State) {
	x.state, x.call, x.transaction = &st, st.CallID, st.TransactionID
	x.time = stretch{st.CreatedAt, st.UpdatedAt()}
}

func readVoiceBelonging(it item) belonging {
	n := readVoice(it)
	return belonging{it: it, kind: KindVoice, pipeline: n.PipelineID, transaction: n.TransactionID, call: n.CallID,
		task: n.TaskID, time: stretch{n.Time, n.Time}}
}

// occurrences finds where incidents count the call's pipelines. A pipeline that failed
// again after an incident's end has joined another one, and its membership of the first is
// gone: so all incidents that it may have joined are looked at.
func (f *finder) occurrences(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.pipelines)) {
		for _, group := range f.pipelines[id].groups() {
			if err := f.occurrencesIn(ctx, id, group); err != nil {
				return err
			}
		}
	}
	return f.reasonsThatMention(ctx)
}

// groups returns the ids of the groups of incidents that the pipeline may have joined, sorted.
func (p *pipelineFound) groups() []string {
	groups := map[string]bool{}
	for element, id := range p.incidents {
		group, _, _ := cutLast(id, ".")
		groups[group] = true
		for _, st := range p.proven {
			for _, scope := range incident.ScopesOf(st) {
				groups[incident.Group{Scope: scope, Element: element}.ID()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(groups))
}

// occurrencesIn adds the occurrences of a pipeline in the incidents of a group. The last of
// each incident leaves an anonymous one: the notifications about an incident, and its end,
// must not change because a call is erased.
func (f *finder) occurrencesIn(ctx context.Context, pipelineID, group string) error {
	incidents, err := f.s.queryAll(ctx, incidentPK+group, incidentSK)
	if err != nil {
		return err
	}
	for _, it := range incidents {
		id := decodeIncident(it).ID
		all, err := f.s.queryAll(ctx, occurrencePK+id+"#"+shardOf(pipelineID), "")
		if err != nil {
			return err
		}
		own := slices.DeleteFunc(all, func(it item) bool { return occurrenceIn(it).PipelineID != pipelineID })
		for n, it := range own { // by the time they were handled
			f.incidents[id] = true
			b := belonging{it: it, kind: KindOccurrence, depth: depthAgain}
			if n == len(own)-1 {
				b.depth, b.instead = depthLeaf, anonymous(it)
			}
			f.items[itemKey(it)] = b
		}
	}
	return nil
}

// margin is how far from what is known of a call a rule match may be that is looked at.
const margin = time.Hour

// unnamedMatches finds the rule matches that name no call where they should, and so are in
// partitions of their own, but that mention one of the call's ids elsewhere. Only those are
// read that matched while something happened on the call.
func (f *finder) unnamedMatches(ctx context.Context) error {
	for _, when := range joined(f.times) {
		sp := span{index: byTime, letter: timeMatch, from: when.from, to: when.to}
		for k, err := range f.s.entriesIn(ctx, sp) {
			if err == nil && strings.HasPrefix(textIn(k, attrPK), matchPK) {
				err = f.unnamedMatch(ctx, textIn(k, attrPK))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// unnamedMatch adds the match in a partition of its own, and what was sent of it, when it
// mentions the call.
func (f *finder) unnamedMatch(ctx context.Context, pk string) error {
	items, err := f.s.queryAll(ctx, pk, "")
	if err != nil {
		return err
	}
	for _, it := range items {
		if kindOf(it) == KindMatch {
			if mine, err := f.mentionedIn(it); err != nil || !mine {
				return err
			}
		}
	}
	for _, it := range items {
		depth := depthAbout
		if kindOf(it) == KindMatch {
			depth = depthMatch
		}
		f.add(belonging{it: it, kind: kindOf(it)}, depth)
	}
	return nil
}

// joined sorts stretches of time, and returns them longer by the margin at both ends, those that
// touch as one.
func joined(times []stretch) (list []stretch) {
	slices.SortFunc(times, func(a, b stretch) int { return a.from.Compare(b.from) })
	for _, s := range times {
		s = stretch{s.from.Add(-margin), s.to.Add(margin)}
		if n := len(list); n > 0 && !s.from.After(list[n-1].to) {
			list[n-1].to = pipeline.Later(list[n-1].to, s.to)
		} else {
			list = append(list, s)
		}
	}
	return list
}
