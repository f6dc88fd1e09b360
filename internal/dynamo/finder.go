package dynamo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// finder collects what belongs to a call. The call's own partitions come first, from one
// id to the next; then what only these lead to.
type finder struct {
	s *Store
	// wave are the ids whose partitions are read next, depth is how far they are from the
	// one that was asked for.
	wave  []node
	depth int

	items        map[string]belonging // by itemKey
	pipelines    map[string]*pipelineFound
	transactions map[string]bool
	calls        map[string]bool // the callId that was asked for, and those that no other call has
	ledgers      map[string]voicetask.Ledger
	// shareable are the partitions that items of the call name, and other calls may have, too.
	shareable map[string]bool
	tasks     map[string]bool
	incidents map[string]bool
	times     []stretch // when something of the call happened
	shared    []sharedFound
	reasons   []reasonChange
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
	weak                  // a pipeline by a voice notification; its state may name another transaction
)

// stretch is a time from its beginning to its end, both included.
type stretch struct{ from, to time.Time }

// pipelineFound is a pipeline of the call, whether its state is there or not.
type pipelineFound struct {
	id    string
	known bool
	state pipeline.State
	// proven are the state, and what each event of the history proves by itself.
	proven []pipeline.State
	// incidents are those that it has joined, by element.
	incidents map[string]string
}

// sharedFound is a shared id with the items of which it is not known whose they are.
type sharedFound struct {
	SharedID
	nobodys []foundItem
}

func newFinder(s *Store, ref string) *finder {
	return &finder{
		s: s, wave: []node{{pipelinePK, pipeline.IDFromARN(ref), asked}, {transactionPK, ref, asked}, {callPK, ref, asked}},
		items: map[string]belonging{}, pipelines: map[string]*pipelineFound{}, transactions: map[string]bool{},
		calls: map[string]bool{}, ledgers: map[string]voicetask.Ledger{}, shareable: map[string]bool{},
		tasks: map[string]bool{}, incidents: map[string]bool{},
	}
}

// add adds an item of the call, and notes where else to look.
func (f *finder) add(x foundItem, depth int) {
	if _, there := f.items[itemKey(x.it)]; !there {
		f.items[itemKey(x.it)] = belonging{foundItem: x, depth: depth}
	}
	if x.task != "" {
		f.tasks[x.task] = true
	}
	if x.incident != "" {
		f.incidents[x.incident] = true
	}
	if !x.time.from.IsZero() {
		f.times = append(f.times, x.time)
	}
	c := chime.CallFields{CallID: x.call}
	if x.state != nil { // else core follows the transaction
		c.TransactionID = x.transaction
	}
	for _, pk := range callPartitions(c) {
		f.shareable[pk] = true
	}
}

// read reads the items in the partition of an id, and its voice notifications.
func (f *finder) read(ctx context.Context, prefix, id string) ([]foundItem, error) {
	items, err := f.s.queryAll(ctx, prefix+id, "")
	if err != nil {
		return nil, err
	}
	index := map[string]string{pipelinePK: voiceByPipeline, transactionPK: voiceByTransaction, callPK: voiceByCall}
	notes, err := f.s.voiceItemsOf(ctx, index[prefix]+id)
	if err != nil {
		return nil, err
	}
	list := make([]foundItem, 0, len(items)+len(notes))
	for _, it := range items {
		x, err := readFound(it, kindOf(it))
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	for _, n := range notes {
		list = append(list, foundVoice(n))
	}
	return list, nil
}

// core reads the partitions of the call's pipelines and transactions, and of the callId
// that was asked for. It goes in waves, so that the depth of an item is greater than that
// of those which led to it.
func (f *finder) core(ctx context.Context) error {
	read := map[string]bool{}
	for ; len(f.wave) > 0; f.depth++ {
		wave := f.wave
		f.wave = nil
		for _, n := range wave {
			n.id = keyID(n.id)
			if read[n.prefix+n.id] {
				continue
			}
			ours, err := f.visit(ctx, n)
			if err != nil {
				return err
			}
			read[n.prefix+n.id] = ours
		}
	}
	return nil
}

// follow reads the partition of an id in the next wave.
func (f *finder) follow(prefix, id string, how howNamed) {
	if id != "" {
		f.wave = append(f.wave, node{prefix, id, how})
	}
}

// visit reads the partition of an id, and reports whether it is the call's.
func (f *finder) visit(ctx context.Context, n node) (ours bool, err error) {
	list, err := f.read(ctx, n.prefix, n.id)
	if err != nil || n.how == asked && len(list) == 0 {
		return false, err
	}
	transaction := "" // the only one that a pipeline belongs to; any of a call's
	switch n.prefix {
	case pipelinePK:
		p := pipelineOf(n.id, list)
		transaction = p.state.TransactionID
		if n.how == weak && transaction != "" && !f.transactions[keyID(transaction)] {
			return false, nil
		}
		f.pipelines[n.id] = p
	case transactionPK:
		f.transactions[n.id] = true
	case callPK:
		f.calls[n.id] = true
	}
	for _, x := range list {
		f.add(x, f.depth)
		if transaction == "" || x.transaction == transaction {
			f.follow(transactionPK, x.transaction, named)
		}
		if x.kind == KindPointer {
			f.follow(pipelinePK, x.pipeline, named)
		} else {
			f.follow(pipelinePK, x.pipeline, weak)
		}
		if n.prefix == transactionPK && x.kind == KindConsent {
			f.ledgers[n.id] = append(f.ledgers[n.id], readEntry(x.it))
		}
	}
	return true, nil
}

func pipelineOf(id string, list []foundItem) *pipelineFound {
	p := &pipelineFound{id: id, incidents: map[string]string{}}
	for _, x := range list {
		if x.state != nil {
			p.proven = append(p.proven, *x.state)
		}
		switch x.kind {
		case KindPipeline:
			p.known, p.state = true, *x.state
		case KindMembership:
			p.incidents[strings.TrimPrefix(textIn(x.it, attrSK), membershipSK)] = x.incident
		}
	}
	return p
}

// sides reads the partitions that items of the call name, and that other calls may have as
// well: those of its callIds, mostly. Where no other call is named in one of them, all of
// it is the call's.
func (f *finder) sides(ctx context.Context) error {
	for _, pk := range slices.Sorted(maps.Keys(f.shareable)) {
		id, isCall := strings.CutPrefix(pk, callPK)
		prefix, own := callPK, f.calls
		if !isCall {
			id, prefix, own = strings.TrimPrefix(pk, transactionPK), transactionPK, f.transactions
		}
		if own[id] {
			continue // read by core
		}
		list, err := f.read(ctx, prefix, id)
		if err != nil {
			return err
		}
		others := map[string]bool{}
		var nobodys []foundItem
		for _, x := range list {
			mine, other, err := f.owner(x)
			switch {
			case err != nil:
				return err
			case mine:
				f.add(x, depthSide)
			case other != "":
				others[other] = true
			default:
				nobodys = append(nobodys, x)
			}
		}
		if len(others) > 0 {
			f.shared = append(f.shared, sharedFound{SharedID{ID: id, Others: slices.Sorted(maps.Keys(others))}, nobodys})
			continue
		}
		if isCall {
			f.calls[id] = true
		}
		for _, x := range nobodys {
			f.add(x, depthSide)
		}
	}
	return nil
}

// owner says whose an item is that is not in a partition of the call's own: the call's, or
// that of another pipeline or transaction, or nobody's.
func (f *finder) owner(x foundItem) (mine bool, other string, err error) {
	switch {
	case f.pipelines[keyID(x.pipeline)] != nil || f.transactions[keyID(x.transaction)]:
		mine = true
	case x.transaction != "":
		other = "transaction " + x.transaction
	case x.pipeline != "":
		other = "pipeline " + x.pipeline
	case x.kind == KindMatch:
		mine, err = f.mentionedIn(x.it)
	}
	return mine, other, err
}

// sharedIDs returns the shared ids when all that is the call's has been found: a task may
// have said of some items whose they are.
func (f *finder) sharedIDs() (list []SharedID) {
	for _, s := range f.shared {
		for _, x := range s.nobodys {
			if _, ours := f.items[itemKey(x.it)]; !ours {
				s.Left++
			}
		}
		list = append(list, s.SharedID)
	}
	return list
}

// taskNotes finds the voice notifications of the call's tasks that name nothing but their
// task. They are in no index; their partitions follow from the task.
func (f *finder) taskNotes(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(f.tasks)) {
		for _, source := range []chime.VoiceSource{chime.ByLambda, chime.BySQS, chime.BySNS, chime.ByKinesis} {
			for _, analytics := range []chime.Analytics{chime.AnalyticsSpeakerSearch, chime.AnalyticsVoiceTone} {
				n := chime.VoiceNotification{
					VoiceAnalytics: chime.VoiceAnalytics{TaskID: id}, By: source, Analytics: analytics,
				}
				items, err := f.s.queryAll(ctx, voicePK(n), "")
				if err != nil {
					return err
				}
				for _, it := range items {
					x := foundVoice(voiceItem{it, readVoice(it)})
					if mine, other, _ := f.owner(x); mine || other == "" {
						f.add(x, depthTask)
					}
				}
			}
		}
	}
	return nil
}
