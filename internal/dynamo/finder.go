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
	// own are the partitions that are the call's alone: those of its pipelines, its
	// transactions, and the callIds that were asked for or that no other call has.
	own map[string]bool
	// shareable are those that items of the call name, and other calls may have, too.
	shareable map[string]node

	items     map[string]belonging // by itemKey
	pipelines map[string]*pipelineFound
	ledgers   map[string]voicetask.Ledger
	tasks     map[string]bool
	incidents map[string]bool
	times     []stretch // when something of the call happened
	reasons   []reasonChange
	shared    []SharedID
	// nobodys are, for each shared id, the items in its partition that may be anybody's.
	nobodys [][]belonging
}

// node is an id whose partition is to be read; its prefix says of what.
type node struct {
	prefix, id string
	how        howNamed
}

func (n node) pk() string { return n.prefix + n.id }

// howNamed says how an id came to be looked at.
type howNamed int

const (
	named howNamed = iota // by an item of the call
	asked                 // it is what was asked for, and may be of another prefix
	weak                  // a pipeline by a voice notification; its state may name another transaction
)

// stretch is a time from its beginning to its end, both included.
type stretch struct{ from, to time.Time }

// pipelineFound is a pipeline of the call. Its state is zero where it is not there.
type pipelineFound struct {
	state pipeline.State
	// proven are the state, and what each event of the history proves by itself.
	proven []pipeline.State
	// incidents are those that it has joined, by element.
	incidents map[string]string
}

func newFinder(s *Store, ref string) *finder {
	f := &finder{
		s: s, own: map[string]bool{}, shareable: map[string]node{}, items: map[string]belonging{},
		pipelines: map[string]*pipelineFound{}, ledgers: map[string]voicetask.Ledger{}, tasks: map[string]bool{},
		incidents: map[string]bool{},
	}
	f.follow(pipelinePK, pipeline.IDFromARN(ref), asked)
	f.follow(transactionPK, ref, asked)
	f.follow(callPK, ref, asked)
	return f
}

// owned returns the ids of the partitions of a kind that are the call's alone, sorted.
func (f *finder) owned(prefix string) (ids []string) {
	for pk := range f.own {
		if id, ok := strings.CutPrefix(pk, prefix); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// add adds an item of the call, and notes where else to look.
func (f *finder) add(x belonging, depth int) {
	if _, there := f.items[itemKey(x.it)]; !there {
		x.depth = depth
		f.items[itemKey(x.it)] = x
	}
	if x.task != "" {
		f.tasks[x.task] = true
	}
	if x.incident != "" {
		f.incidents[x.incident] = true
	}
	if !x.time.from.IsZero() && !x.time.to.IsZero() {
		f.times = append(f.times, x.time)
	}
	named := []node{{prefix: callPK, id: keyID(x.call)}}
	if x.state != nil { // else core follows the transaction
		named = append(named, node{prefix: transactionPK, id: keyID(x.transaction)})
	}
	for _, n := range named {
		if n.id != "" {
			f.shareable[n.pk()] = n
		}
	}
}

// read reads the items in the partition of an id, and its voice notifications.
func (f *finder) read(ctx context.Context, n node) ([]belonging, error) {
	items, err := f.s.queryAll(ctx, n.pk(), "")
	if err != nil {
		return nil, err
	}
	index := map[string]string{pipelinePK: voiceByPipeline, transactionPK: voiceByTransaction, callPK: voiceByCall}
	keys, err := f.s.voiceKeys(ctx, index[n.prefix]+n.id)
	if err != nil {
		return nil, err
	}
	notes, err := f.s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	list, err := decodeEach(items, readBelonging)
	return append(list, readEach(notes, readVoiceBelonging)...), err
}

// core reads the partitions of the call's pipelines and transactions, and of the callId
// that was asked for. It goes in waves, so that the depth of an item is greater than that
// of those which led to it.
func (f *finder) core(ctx context.Context) error {
	for ; len(f.wave) > 0; f.depth++ {
		wave := f.wave
		f.wave = nil
		for _, n := range wave {
			if f.own[n.pk()] {
				continue
			}
			if err := f.visit(ctx, n); err != nil {
				return err
			}
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

// visit reads the partition of an id, and adds what is in it unless it is not the call's.
func (f *finder) visit(ctx context.Context, n node) error {
	list, err := f.read(ctx, n)
	if err != nil || n.how == asked && len(list) == 0 {
		return err
	}
	transaction := "" // the only one that a pipeline belongs to; any of a call's
	if n.prefix == pipelinePK {
		p := pipelineOf(list)
		transaction = p.state.TransactionID
		if n.how == weak && transaction != "" && !f.own[transactionKey(transaction)] {
			return nil
		}
		f.pipelines[n.id] = p
	}
	f.own[n.pk()] = true
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
	return nil
}

func pipelineOf(list []belonging) *pipelineFound {
	p := &pipelineFound{incidents: map[string]string{}}
	for _, x := range list {
		if x.state != nil {
			p.proven = append(p.proven, *x.state)
		}
		switch x.kind {
		case KindPipeline:
			p.state = *x.state
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
		if f.own[pk] {
			continue // read by core
		}
		n := f.shareable[pk]
		list, err := f.read(ctx, n)
		if err != nil {
			return err
		}
		others := map[string]bool{}
		var nobodys []belonging
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
			f.shared = append(f.shared, SharedID{ID: n.id, Others: slices.Sorted(maps.Keys(others))})
			f.nobodys = append(f.nobodys, nobodys)
			continue
		}
		if n.prefix == callPK {
			f.own[pk] = true
		}
		for _, x := range nobodys {
			f.add(x, depthSide)
		}
	}
	return nil
}

// owner says whose an item is that is not in a partition of the call's own: the call's, or
// that of another pipeline or transaction, or nobody's.
func (f *finder) owner(x belonging) (mine bool, other string, err error) {
	switch {
	case f.own[pipelineKey(x.pipeline)] || f.own[transactionKey(x.transaction)]:
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
func (f *finder) sharedIDs() []SharedID {
	for i, nobodys := range f.nobodys {
		for _, x := range nobodys {
			if _, ours := f.items[itemKey(x.it)]; !ours {
				f.shared[i].Left++
			}
		}
	}
	return f.shared
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
				for _, x := range readEach(items, readVoiceBelonging) {
					if mine, other, _ := f.owner(x); mine || other == "" {
						f.add(x, depthTask)
					}
				}
			}
		}
	}
	return nil
}
