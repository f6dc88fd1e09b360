package rulematch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// memory is a Repository in memory, for one goroutine.
type memory struct {
	matches map[rulematch.Key][]string // their ids, oldest first
	bodies  map[string][]byte          // by id; an erased match has none
	windows map[rulematch.Key]rulematch.Window
	call    *pipeline.State
	err     error // of CallOf
}

func newMemory() *memory {
	return &memory{
		matches: map[rulematch.Key][]string{}, bodies: map[string][]byte{}, windows: map[rulematch.Key]rulematch.Window{},
	}
}

// ofDay is the key under which matches of a group are counted.
func ofDay(k rulematch.Key, day string) rulematch.Key {
	if k.Scope == rulematch.Group {
		k.ID += "#" + day
	}
	return k
}

func (m *memory) RecordMatch(_ context.Context, ev *chime.Event, _ string) error {
	if _, there := m.bodies[ev.ID]; !there {
		k := ofDay(rulematch.KeyOf(ev, true), ev.Time.Format(rulematch.DayLayout))
		m.matches[k], m.bodies[ev.ID] = append(m.matches[k], ev.ID), ev.Raw
	}
	return nil
}

func (m *memory) CallOf(context.Context, chime.CallFields) (pipeline.State, error) {
	if m.call == nil && m.err == nil {
		return pipeline.State{}, apperr.New(apperr.NotFound, "memory", "knows no call", "")
	}
	if m.err != nil {
		return pipeline.State{}, m.err
	}
	return *m.call, nil
}

func (m *memory) CountMatches(_ context.Context, k rulematch.Key) (int, []byte, error) {
	ids := m.matches[k]
	if len(ids) == 0 {
		return 0, nil, nil
	}
	return len(ids), m.bodies[ids[len(ids)-1]], nil
}

func (m *memory) CountDay(_ context.Context, k rulematch.Key, day string) (int, error) {
	return len(m.matches[ofDay(k, day)]), nil
}

func (m *memory) NewestOfDay(ctx context.Context, k rulematch.Key, day string) ([]byte, error) {
	_, newest, err := m.CountMatches(ctx, ofDay(k, day))
	return newest, err
}

func (m *memory) Window(_ context.Context, k rulematch.Key) (rulematch.Window, error) {
	w := m.windows[k]
	w.Key = k
	return w, nil
}

func (m *memory) OpenWindows(_ context.Context, before time.Time) (list []rulematch.Window, _ error) {
	for _, w := range m.windows {
		if w.Open && !w.SentAt.After(before) {
			list = append(list, w)
		}
	}
	return list, nil
}

func (m *memory) SetSent(_ context.Context, was, is rulematch.Window) error {
	if m.windows[was.Key].Notifications == was.Notifications {
		is.Open = true
		m.windows[was.Key] = is
	}
	return nil
}

func (m *memory) HoldBack(_ context.Context, w rulematch.Window, day string) (bool, error) {
	w.Held++
	if w.Scope == rulematch.Group {
		days := map[string]rulematch.Day{}
		maps.Copy(days, w.Days)
		days[day] = rulematch.Day{Sent: days[day].Sent, Held: days[day].Held + 1}
		w.Days = days
	}
	m.windows[w.Key] = w
	return true, nil
}

func (m *memory) EndWindow(_ context.Context, w rulematch.Window) error {
	w.Open, w.Held = false, 0
	m.windows[w.Key] = w
	return nil
}

// outbox is a Notifier that sends each notification once.
type outbox struct {
	sent  []rulematch.Notification
	now   func() time.Time
	busy  int              // how often another process is sending
	other *rulematch.Tally // what another process has sent
	done  map[string]rulematch.Sent
}

func (o *outbox) Notify(_ context.Context, n rulematch.Notification) (rulematch.Sent, error) {
	if o.busy > 0 {
		o.busy--
		return rulematch.Sent{}, nil
	}
	id := n.DeduplicationID
	if id == "" {
		id = n.Event.ID
	}
	if s, ok := o.done[id]; ok {
		return s, nil
	}
	s := rulematch.Sent{At: o.now(), Tally: n.Tally}
	if o.other != nil {
		s.Tally, o.other = *o.other, nil
	} else {
		o.sent = append(o.sent, n)
	}
	o.done[id] = s
	return s, nil
}

// counts counts in a map.
type counts map[string]int

func (c counts) Count(name string, n int) { c[name] += n }

// desk is a service in memory, and its time.
type desk struct {
	*rulematch.Service
	repo   *memory
	outbox *outbox
	counts counts
	now    time.Time
}

func newDesk(window time.Duration) *desk {
	d := &desk{repo: newMemory(), counts: counts{}, now: noon}
	d.outbox = &outbox{now: func() time.Time { return d.now }, done: map[string]rulematch.Sent{}}
	d.Service = &rulematch.Service{Repo: d.repo, Notifier: d.outbox, Window: window, Counts: d.counts, Now: d.outbox.now}
	return d
}

// event is a match of the rule r1, with the source metadata.
func event(t *testing.T, id string, at time.Time, metadata map[string]string) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": chime.DetailRulesMatched, "source": chime.Source,
		"account": "111122223333", "region": "us-east-1", "time": at.Format(time.RFC3339),
		"detail": map[string]any{"version": "0", "ruleName": "r1", "utteranceId": "u", "sourceMetadata": metadata},
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (d *desk) handle(t *testing.T, raw []byte) {
	t.Helper()
	if err := d.Handle(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
}

// run is a scheduled run at a time.
func (d *desk) run(t *testing.T, at time.Time) {
	t.Helper()
	d.now = at
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantSent compares what was sent, as "EVENT+HELD".
func (d *desk) wantSent(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, n := range d.outbox.sent {
		got = append(got, fmt.Sprintf("%s+%d", n.Event.ID, n.Held))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// One notification at once, one at the end of the window for all that was held back, and
// none of what came twice: for a call, and for a group, whose matches count by their day.
func TestServiceHoldsBackWithinAWindow(t *testing.T) {
	for name, metadata := range map[string]map[string]string{
		"a transaction": {"transactionId": "t1"}, "a call": {"callId": "c1"}, "a group": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(5 * time.Minute)
			for _, id := range []string{"m1", "m1", "m2", "m3", "m2"} {
				d.handle(t, event(t, id, noon, metadata))
			}
			d.handle(t, event(t, "m0", noon.Add(-24*time.Hour), metadata)) // it is late, by a day
			d.wantSent(t, "m1+0")
			if d.counts["RuleMatches"] != 6 || d.counts["RuleMatchesHeldBack"] != 5 {
				t.Errorf("got %v, want 6 matches, 5 of them held back", d.counts)
			}
			d.run(t, noon.Add(5*time.Minute-time.Second))
			d.wantSent(t, "m1+0")
			d.run(t, noon.Add(5*time.Minute))
			if n := len(d.outbox.sent); n != 2 || d.outbox.sent[1].Held != 2 {
				t.Fatalf("got %d notifications, want a second one about 2 other matches", n)
			}
			d.run(t, noon.Add(6*time.Minute))
			d.handle(t, event(t, "m3", noon, metadata)) // held back, although a duplicate
			d.run(t, noon.Add(10*time.Minute))
			d.run(t, noon.Add(20*time.Minute))
			d.handle(t, event(t, "m3", noon, metadata)) // when no window is open
			if n := len(d.outbox.sent); n != 2 {
				t.Errorf("got %d notifications, want none of duplicates", n)
			}
			d.handle(t, event(t, "m4", d.now, metadata))
			if n := len(d.outbox.sent); n != 3 || d.outbox.sent[2].Event.ID != "m4" || d.outbox.sent[2].Held != 0 {
				t.Errorf("got %d notifications, want a third one of m4", n)
			}
		})
	}
}

func TestServiceNotifiesOfEachMatchWhereWindowsAreDisabled(t *testing.T) {
	d := newDesk(0)
	for _, id := range []string{"m1", "m2", "m1"} {
		d.handle(t, event(t, id, noon, nil))
	}
	d.wantSent(t, "m1+0", "m2+0")
	if k := d.outbox.sent[0].Key; k != (rulematch.Key{Scope: rulematch.OneMatch, ID: "m1", Rule: "r1"}) {
		t.Errorf("got the key %+v, want that of one match", k)
	}
}

func TestServiceEndsOpenWindowsOnceTheyAreDisabled(t *testing.T) {
	d := newDesk(5 * time.Minute)
	d.handle(t, event(t, "m1", noon, nil))
	d.handle(t, event(t, "m2", noon, nil))
	d.Window = 0
	d.run(t, noon.Add(time.Minute))
	d.wantSent(t, "m1+0", "m2+0")
	if w := slices.Collect(maps.Values(d.repo.windows)); len(w) != 1 || w[0].Notifications != 2 || w[0].Matches != 2 {
		t.Errorf("got the windows %+v, want one with two notifications of two matches", w)
	}
}

func TestServiceEndsWindowsWhoseMatchesWereErased(t *testing.T) {
	d := newDesk(5 * time.Minute)
	d.handle(t, event(t, "m1", noon, nil))
	d.handle(t, event(t, "m2", noon, nil))
	d.repo.bodies["m2"] = nil
	d.run(t, noon.Add(5*time.Minute))
	d.wantSent(t, "m1+0")
	if list, _ := d.repo.OpenWindows(t.Context(), d.now); len(list) != 0 {
		t.Errorf("got %+v, want no open window", list)
	}
}

// A process that sends the same notification is waited for; what it did not count is sent
// next, and the caller's context ends the waiting.
func TestServiceWaitsForAnotherProcess(t *testing.T) {
	t.Run("that counts all", func(t *testing.T) {
		d := newDesk(5 * time.Minute)
		d.outbox.busy, d.outbox.other = 1, &rulematch.Tally{Matches: 1}
		d.handle(t, event(t, "m1", noon, map[string]string{"callId": "c1"}))
		d.wantSent(t)
	})
	t.Run("that counts fewer", func(t *testing.T) {
		d := newDesk(5 * time.Minute)
		d.outbox.other = &rulematch.Tally{}
		d.handle(t, event(t, "m1", noon, map[string]string{"callId": "c1"}))
		d.run(t, noon.Add(5*time.Minute))
		d.wantSent(t, "m1+0")
	})
	t.Run("until time is up", func(t *testing.T) {
		d := newDesk(5 * time.Minute)
		d.outbox.busy = 1000
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := d.Handle(ctx, event(t, "m1", noon, nil))
		if apperr.ClassOf(err) != apperr.Conflict || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want class %q", err, apperr.Conflict)
		}
	})
}

func TestServiceAddsTheRouteAndTheCall(t *testing.T) {
	d := newDesk(0)
	d.Routes = rulematch.Routes{{Rule: "r*", Severity: incident.High, Topic: urgent}}
	d.handle(t, event(t, "m1", noon, nil))
	d.repo.call = &pipeline.State{ID: "p1"}
	d.handle(t, event(t, "m2", noon, nil))
	for i, n := range d.outbox.sent {
		if n.Severity != incident.High || n.Topic != urgent || (n.Call != nil) != (i == 1) {
			t.Errorf("%s: got severity %q, topic %q, call %v", n.Event.ID, n.Severity, n.Topic, n.Call)
		}
	}
	d.repo.err = apperr.New(apperr.Unavailable, "memory", "cannot be read", "")
	if err := d.Handle(t.Context(), event(t, "m3", noon, nil)); !errors.Is(err, d.repo.err) {
		t.Errorf("got %v, want the error of the read", err)
	}
}

func TestServiceRefusesOtherEvents(t *testing.T) {
	raw := strings.Replace(string(event(t, "m1", noon, nil)), chime.DetailRulesMatched, chime.DetailStateChange, 1)
	for _, raw := range []string{raw, "{"} {
		if err := newDesk(0).Handle(t.Context(), []byte(raw)); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v, want class %q", raw, err, apperr.Invalid)
		}
	}
}
