package dynamo

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// finder collects what belongs to a call. First come the call's own partitions
// (core), from one id to the next; then what only these lead to.
type finder struct {
	s *Store
	// wave are the ids whose partitions are read next, depth is how far they are
	// from the one that was asked for.
	wave  []node
	depth int

	found        map[string]belonging // by itemKey
	pipelines    map[string]*pipelineFound
	transactions map[string]bool
	calls        map[string]bool // the callId that was asked for, and those that no other call has
	ledgers      map[string]voicetask.Ledger
	// sidePartitions are those that items of the call name, and other calls may.
	sidePartitions map[string]bool
	tasks          map[string]bool
	incidents      map[string]bool
	// times are when something of the call happened.
	times   []stretch
	shared  []sharedFound
	reasons []reasonChange
}

// node is an id whose partition is to be read; its prefix says of what.
type node struct {
	prefix, id string
	how        howNamed
}

// howNamed says how an id came to be looked at.
type howNamed int

const (
	named howNamed = iota // by an item of the call
	asked                 // it is what was asked for, and may be of another prefix
	weak                  // a pipeline by a notification; its state may say another transaction
)

func (n node) pk() string { return n.prefix + keyID(n.id) }

// pipelineFound is a pipeline of the call, whether its state is there or not.
type pipelineFound struct {
	id    string
	known bool
	state pipeline.State
	// proven are the state, and what each event of the history proves by itself.
	proven []pipeline.State
	// links are the incidents that it has joined, by element.
	links map[string]string
}

// stretch is a time from its beginning to its end, both included.
type stretch struct{ from, to time.Time }

func newFinder(s *Store, ref string) *finder {
	return &finder{
		s: s, wave: []node{{pipelinePK, pipeline.IDFromARN(ref), asked}, {transactionPK, keyID(ref), asked}, {callPK, keyID(ref), asked}},
		found:     map[string]belonging{},
		pipelines: map[string]*pipelineFound{}, transactions: map[string]bool{}, calls: map[string]bool{},
		ledgers:        map[string]voicetask.Ledger{},
		sidePartitions: map[string]bool{}, tasks: map[string]bool{}, incidents: map[string]bool{},
	}
}

func (f *finder) add(it item, kind Kind, depth int) {
	k := itemKey(it)
	if _, there := f.found[k]; !there {
		f.found[k] = belonging{key: key(textIn(it, attrPK), textIn(it, attrSK)), kind: kind, depth: depth}
	}
}

// core reads the partitions of the call's pipelines and transactions, and of the
// callId that was asked for. It goes in waves, so that the depth of an item is
// greater than that of those which led to it.
func (f *finder) core(ctx context.Context) error {
	read := map[string]bool{}
	for ; len(f.wave) > 0; f.depth++ {
		wave := f.wave
		f.wave = nil
		for _, n := range wave {
			if read[n.pk()] {
				continue
			}
			visit := f.visitCall
			if n.prefix == pipelinePK {
				visit = f.visitPipeline
			}
			ours, err := visit(ctx, n)
			if err != nil {
				return err
			}
			read[n.pk()] = ours
		}
	}
	return nil
}

// follow reads the partition of an id in the next wave.
func (f *finder) follow(prefix, id string, how howNamed) {
	if id != "" {
		f.wave = append(f.wave, node{prefix, keyID(id), how})
	}
}

// visitPipeline reads the items of a pipeline, and its voice notifications. It
// reports whether the pipeline is the call's.
func (f *finder) visitPipeline(ctx context.Context, n node) (ours bool, err error) {
	items, err := f.s.queryAll(ctx, n.pk(), "")
	if err != nil {
		return false, err
	}
	p, err := readPipeline(n.id, items)
	if err != nil {
		return false, err
	}
	if t := p.state.TransactionID; n.how == weak && t != "" && !f.transactions[keyID(t)] {
		return false, nil
	}
	notes, err := f.s.voiceItemsOf(ctx, voiceByPipeline+keyID(n.id))
	if err != nil || n.how == asked && len(items)+len(notes) == 0 {
		return false, err
	}
	f.pipelines[n.id] = p
	for _, it := range items {
		f.add(it, kindOf(it), f.depth)
	}
	for _, st := range p.proven {
		f.times = append(f.times, stretch{st.CreatedAt, st.UpdatedAt()})
		f.name(st.CallFields)
		// One whose state is gone has the transactions that its events name.
		if !p.known || st.TransactionID == p.state.TransactionID {
			f.follow(transactionPK, st.TransactionID, named)
		}
	}
	for _, id := range p.links {
		f.incidents[id] = true
	}
	for _, v := range notes {
		f.addNote(v, f.depth)
		if p.state.TransactionID == "" {
			f.follow(transactionPK, v.note.TransactionID, named)
		}
	}
	return true, nil
}

// readPipeline reads the items of a pipeline.
func readPipeline(id string, items []item) (*pipelineFound, error) {
	p := &pipelineFound{id: id, links: map[string]string{}}
	for _, it := range items {
		switch kindOf(it) {
		case KindPipeline:
			st, err := decode(it)
			if err != nil {
				return p, err
			}
			p.known, p.state = true, st
			p.proven = append(p.proven, st)
		case KindEvent:
			body, err := unpack(it[attrEventBody])
			if err != nil {
				return p, err
			}
			// What cannot be read names no id that could be found otherwise.
			if st, err := provenBy(body); err == nil {
				p.proven = append(p.proven, st)
			}
		case KindIncidentLink:
			p.links[strings.TrimPrefix(textIn(it, attrSK), membershipSK)] = textIn(it, attrMemberOf)
		}
	}
	return p, nil
}

// scopes returns the scopes under which the pipeline may have failed.
func (p *pipelineFound) scopes() map[string]bool {
	scopes := map[string]bool{}
	for _, st := range p.proven {
		for _, scope := range incident.ScopesOf(st) {
			scopes[scope] = true
		}
	}
	return scopes
}

// visitCall reads the items of a transaction, or of the callId that was asked
// for, and its voice notifications. It reports whether there are any.
func (f *finder) visitCall(ctx context.Context, n node) (ours bool, err error) {
	ids, index := f.transactions, voiceByTransaction
	if n.prefix == callPK {
		ids, index = f.calls, voiceByCall
	}
	items, err := f.s.queryAll(ctx, n.pk(), "")
	if err != nil {
		return false, err
	}
	notes, err := f.s.voiceItemsOf(ctx, index+keyID(n.id))
	if err != nil || n.how == asked && len(items)+len(notes) == 0 {
		return false, err
	}
	ids[n.id] = true
	for _, it := range items {
		switch kindOf(it) {
		case KindPointer:
			f.follow(pipelinePK, strings.TrimPrefix(textIn(it, attrSK), pointerSK), named)
		case KindMatch:
			at := timeIn(it, attrFirst)
			f.times = append(f.times, stretch{at, at})
			f.name(chime.CallFields{CallID: textIn(it, attrMatchCall)})
		case KindConsent:
			e, err := f.addEntry(it, f.depth)
			if err != nil {
				return false, err
			}
			f.name(chime.CallFields{CallID: e.CallID})
			f.follow(transactionPK, e.TransactionID, named)
			if n.prefix == transactionPK {
				f.ledgers[n.id] = append(f.ledgers[n.id], e)
			}
		}
		f.add(it, kindOf(it), f.depth)
	}
	for _, v := range notes {
		f.addNote(v, f.depth)
		f.follow(transactionPK, v.note.TransactionID, named)
		f.follow(pipelinePK, v.note.PipelineID, weak)
	}
	return true, nil
}

// name notes the partitions of ids that an item of the call names.
func (f *finder) name(c chime.CallFields) {
	for _, pk := range callPartitions(c) {
		f.sidePartitions[pk] = true
	}
}

// addEntry adds an entry of the call's ledger, and notes the task that it names.
//
// A ledger must not say more, half erased, than it said whole: a yes without the
// no that came after it would start a task. So before any entry is deleted, each
// yes is made a no, and each readiness an end; they still name what they named.
func (f *finder) addEntry(it item, depth int) (e voicetask.Entry, err error) {
	e = readEntry(it)
	f.noteTask(e.TaskID)
	f.add(it, KindConsent, depth)
	harmless := e
	switch e.Kind {
	case voicetask.Granted:
		harmless.Kind, harmless.Until = voicetask.Withdrawn, time.Time{}
	case voicetask.Ready:
		harmless.Kind = voicetask.Ended
	default:
		return e, nil
	}
	b := f.found[itemKey(it)]
	b.first = maps.Clone(it)
	f.found[itemKey(it)] = b
	return e, setJSON(b.first, attrEntry, harmless)
}

func (f *finder) noteTask(id string) {
	if id != "" {
		f.tasks[id] = true
	}
}

// addNote adds a voice notification of the call.
func (f *finder) addNote(v voiceItem, depth int) {
	f.add(v.it, KindVoice, depth)
	f.noteTask(v.note.TaskID)
	f.name(chime.CallFields{CallID: v.note.CallID})
	f.times = append(f.times, stretch{v.note.Time, v.note.Time})
}
