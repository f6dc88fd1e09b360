package dynamo

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/retry"
)

// RecordStateChange implements pipeline.Recorder. It may be called any number of times with
// the same event, in any order and at once: the table ends the same. An event that is newer
// than all before costs one update and one put and reads nothing; any other costs a read,
// too.
func (s *Store) RecordStateChange(ctx context.Context, ev *chime.Event, delta pipeline.State) error {
	body, err := pack(ev.Raw)
	if err != nil {
		return err
	}
	if pipeline.Observed(ev.StateChange.EventType) {
		// An observation is made anew by whoever tries again, but not once the state has it:
		// so the state comes last.
		if err := s.putHistory(ctx, ev, delta, body); err != nil {
			return err
		}
		if err := s.putPointers(ctx, delta); err != nil {
			return err
		}
		_, _, err := s.updateState(ctx, delta)
		return err
	}
	first, applied, err := s.updateState(ctx, delta)
	if err != nil {
		return err
	}
	// An event that comes again writes the pointers again: the first delivery may have died here.
	if first || !applied {
		if err := s.putPointers(ctx, delta); err != nil {
			return err
		}
	}
	return s.putHistory(ctx, ev, delta, body)
}

// updateState merges delta into the state of its pipeline: without a read where that is
// possible, else with one, and then applied is false. first reports whether the state had
// no call before.
func (s *Store) updateState(ctx context.Context, delta pipeline.State) (first, applied bool, err error) {
	first, applied, err = s.appendState(ctx, delta)
	if err == nil && !applied {
		err = s.mergeState(ctx, delta)
	}
	return first, applied, err
}

// appendState merges delta, of an event that is newer than all before, without a read.
// applied is false when the event is not, or when the registers do not show what the merge
// would be.
func (s *Store) appendState(ctx context.Context, delta pipeline.State) (first, applied bool, err error) {
	if delta.RawStatus == pipeline.Unknown {
		return false, false, nil // the status stays what it is
	}
	regs, err := encode(delta)
	if err != nil {
		return false, false, err
	}
	put(regs, attrExpiry, s.expiry(s.believed(delta.UpdatedAt())))
	up := &update{}
	up.require("(attribute_not_exists(" + attrOrder + ") OR " + attrOrder + " < " + up.value(regs[attrOrder]) + ")")
	for _, name := range slices.Sorted(maps.Keys(regs)) {
		ref := up.value(regs[name])
		attr := up.name(name)
		switch {
		case name == attrFirst || name == attrStarted:
			up.set(attr, "if_not_exists("+attr+", "+ref+")")
			continue
		case name == attrARN, name == attrConfiguration, name == attrAccount, name == attrRegion, name == attrIdentity:
			up.require("(attribute_not_exists(" + attr + ") OR " + attr + " = " + ref + ")")
		case strings.HasPrefix(name, attrElementPrefix):
			// Registers of the same millisecond merge by rank, which their text does not show.
			older := up.value(text(textIn(regs, name)[:updatedDigits]))
			up.require("(attribute_not_exists(" + attr + ") OR " + attr + " < " + older + " OR " + attr + " = " + ref + ")")
		}
		up.set(attr, ref)
	}
	if delta.RawStatus == pipeline.Stopped { // statePartition depends on the beginning, too
		earliest := up.value(moment(delta.LastEnd.Add(-maxLife)))
		up.require("(attribute_not_exists(" + attrFirst + ") OR " + attrFirst + " >= " + earliest + ")")
	}
	up.remove(attrStatusOrder)
	if regs[attrState] == nil {
		up.remove(attrState)
	}
	old, err := s.updateReturning(ctx, key(pipelineKey(delta.ID), stateSK), up, types.ReturnValueUpdatedOld,
		"cannot store the state")
	return err == nil && old[attrIdentity] == nil, err == nil, retry.IgnoreChanged(err)
}

// mergeState reads the state, merges delta into it, and writes the registers that changed, on
// condition that nobody else changed them meanwhile; else it does so again.
func (s *Store) mergeState(ctx context.Context, delta pipeline.State) error {
	for attempt := 0; ; attempt++ {
		err := s.tryMerge(ctx, delta)
		if !retry.Again(ctx, "pipeline "+delta.ID, attempt, &err) {
			return err
		}
	}
}

func (s *Store) tryMerge(ctx context.Context, delta pipeline.State) error {
	k := key(pipelineKey(delta.ID), stateSK)
	old, err := s.get(ctx, k)
	if err != nil {
		return err
	}
	merged := delta
	if len(old) > 0 {
		current, err := decode(old)
		if err != nil {
			return err
		}
		merged = pipeline.Merge(current, delta)
	}
	regs, err := encode(merged)
	if err != nil {
		return err
	}
	put(regs, attrExpiry, s.expiry(s.believed(merged.UpdatedAt())))
	up := &update{}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(regs)) {
		if !reflect.DeepEqual(old[name], regs[name]) {
			up.put(up.name(name), regs[name])
			changed = append(changed, name)
		}
	}
	for _, name := range []string{attrStatusOrder, attrState} {
		if old[name] != nil && regs[name] == nil {
			up.remove(name)
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	for _, name := range changeConditions(changed) {
		up.is(name, old[name])
	}
	return s.updateIf(ctx, k, up, "cannot store the state")
}

// changeConditions returns the registers that must be as they were read, for these to change.
// Those of which the status is made change together: what one writer makes of them must not
// be next to what another changed.
func changeConditions(changed []string) []string {
	all := append([]string{attrOrder}, changed...)
	ofStatus := []string{attrStatus, attrStatusOrder, attrObservation, attrState}
	if slices.ContainsFunc(changed, func(name string) bool { return slices.Contains(ofStatus, name) }) {
		all = append(all, ofStatus...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// putHistory stores an event in the history, unless it is there.
func (s *Store) putHistory(
	ctx context.Context, ev *chime.Event, delta pipeline.State, body types.AttributeValue,
) error {
	it := key(pipelineKey(delta.ID), eventSK+string(delta.Order))
	it[attrEventType], it[attrEventID], it[attrEventBody] = text(ev.StateChange.EventType), text(ev.ID), body
	put(it, attrExpiry, s.expiry(s.believed(ev.Time)))
	return retry.IgnoreChanged(s.putIfAbsent(ctx, it, "cannot store the event"))
}

// pointerMargin is for how long a pointer is kept beyond the items of the event that wrote
// it: whichever event wrote it last, its pipeline's state expires before.
const pointerMargin = 24 * time.Hour

// putPointers writes the items by which a call's pipelines are found.
func (s *Store) putPointers(ctx context.Context, delta pipeline.State) error {
	for _, pk := range callPartitions(delta.CallFields) {
		it := key(pk, pointerSK+keyID(delta.ID))
		put(it, attrExpiry, s.expiry(s.believed(delta.UpdatedAt()).Add(pointerMargin)))
		if err := s.put(ctx, it, "cannot store the pointer from "+pk); err != nil {
			return err
		}
	}
	return nil
}

// expiry returns when something of a time expires; nil where nothing does.
func (s *Store) expiry(at time.Time) types.AttributeValue {
	if s.retention <= 0 {
		return nil
	}
	return number(int(at.Add(s.retention).Unix()))
}

// believed is the time by which what happened at a time expires: what a wrong clock dates
// to the future must not be kept until then.
func (s *Store) believed(at time.Time) time.Time { return pipeline.Believed(at, s.now()) }
