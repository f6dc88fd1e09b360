package dynamo_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

// listed is a pipeline of the tests of List.
type listed struct {
	id        string
	createdAt time.Time
	status    pipeline.Status
}

// rehearsal reports whether the pipeline is one of a rehearsal.
func (l listed) rehearsal() bool { return chime.IsRehearsal(l.id) }

// fill puts pipelines into the table: three in each minute, so that times tie,
// of every status in turn; every fourth and then all but every fourth is of a
// rehearsal.
func fill(t *testing.T, s *dynamo.Store, n int) []listed {
	t.Helper()
	kinds := []struct {
		eventType string
		status    pipeline.Status
	}{
		{chime.EventInProgress, pipeline.InProgress}, {chime.EventStopped, pipeline.Stopped}, {chime.EventPermanentFailure,
			pipeline.Failed},
		{chime.EventPaused, pipeline.Paused}, {chime.EventObservedLost, pipeline.Lost},
	}
	var all []listed
	for i := range n {
		prefix := ""
		if (i%4 == 0) != (i > n/2) {
			prefix = chime.RehearsalPrefix
		}
		id, at := fmt.Sprintf("%spipeline-%02d", prefix, i), noon.Add(time.Duration(i/3)*time.Minute)
		kind := kinds[i%len(kinds)]
		for _, eventType := range []string{chime.EventCreated, kind.eventType} {
			ev := &chime.Event{ID: id + eventType, DetailType: chime.DetailStateChange, Region: "us-east-1", Time: at,
				Raw: []byte("{}"),
				StateChange: &chime.StateChange{EventType: eventType, PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/" +
					id}}
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Second)
		}
		all = append(all, listed{id, noon.Add(time.Duration(i/3) * time.Minute), kind.status})
	}
	return all
}

func TestListReturnsEachOnceNewestFirstInPagesOfAnySize(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	all := fill(t, s, 23)
	minute := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	cases := []struct {
		name  string
		query pipeline.Query
		want  func(listed) bool
	}{
		{"all", pipeline.Query{}, func(listed) bool { return true }},
		{"in progress, off the sparse index", pipeline.Query{Statuses: []pipeline.Status{pipeline.InProgress}},
			func(l listed) bool { return l.status == pipeline.InProgress }},
		{"failed, off the sparse index", pipeline.Query{Statuses: []pipeline.Status{pipeline.Failed}},
			func(l listed) bool { return l.status == pipeline.Failed }},
		{"lost, off the sparse index", pipeline.Query{Statuses: []pipeline.Status{pipeline.Lost}},
			func(l listed) bool { return l.status == pipeline.Lost }},
		{"stopped, picked from all", pipeline.Query{Statuses: []pipeline.Status{pipeline.Stopped}},
			func(l listed) bool { return l.status == pipeline.Stopped }},
		{"of no status that there is", pipeline.Query{Statuses: []pipeline.Status{pipeline.CreateFailed}},
			func(listed) bool { return false }},
		{"open ones of two statuses", pipeline.Query{Statuses: []pipeline.Status{pipeline.Paused, pipeline.InProgress}},
			func(l listed) bool { return l.status == pipeline.Paused || l.status == pipeline.InProgress }},
		{"failed and lost ones", pipeline.Query{Statuses: []pipeline.Status{pipeline.Lost, pipeline.Failed}},
			func(l listed) bool { return l.status == pipeline.Lost || l.status == pipeline.Failed }},
		{"open, failed and stopped ones", pipeline.Query{Statuses: []pipeline.Status{pipeline.Failed, pipeline.Paused,
			pipeline.Stopped}},
			func(l listed) bool {
				return l.status == pipeline.Failed || l.status == pipeline.Paused || l.status == pipeline.Stopped
			}},
		{"from a time on", pipeline.Query{From: minute(5)}, func(l listed) bool { return !l.createdAt.Before(minute(5)) }},
		{"up to a time", pipeline.Query{To: minute(2)}, func(l listed) bool { return !l.createdAt.After(minute(2)) }},
		{"between times, both included", pipeline.Query{From: minute(1), To: minute(3)}, func(l listed) bool {
			return !l.createdAt.Before(minute(1)) && !l.createdAt.After(minute(3))
		}},
		{"between times, of a status", pipeline.Query{From: minute(1), To: minute(5),
			Statuses: []pipeline.Status{pipeline.Paused}}, func(l listed) bool {
			return l.status == pipeline.Paused && !l.createdAt.Before(minute(1)) && !l.createdAt.After(minute(5))
		}},
		{"no rehearsals", pipeline.Query{NoRehearsals: true}, func(l listed) bool { return !l.rehearsal() }},
		{"no rehearsals, of a status", pipeline.Query{NoRehearsals: true, Statuses: []pipeline.Status{pipeline.Stopped}},
			func(l listed) bool {
				return !l.rehearsal() && l.status == pipeline.Stopped
			}},
		{"no rehearsals, off the sparse index", pipeline.Query{NoRehearsals: true,
			Statuses: []pipeline.Status{pipeline.Paused}},
			func(l listed) bool { return !l.rehearsal() && l.status == pipeline.Paused }},
		{"between times when nothing was", pipeline.Query{From: minute(50)}, func(listed) bool { return false }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, l := range all {
				if tc.want(l) {
					want = append(want, l.id)
				}
			}
			for size := 1; size <= len(all)+1; size++ {
				q := tc.query
				q.Limit = size
				var got []string
				last := noon.Add(24 * time.Hour)
				for pages := 0; ; pages++ {
					page, err := s.List(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					if len(page.States) > size || pages > len(all)+1 {
						t.Fatalf("pages of %d: got a page of %d, the %dth", size, len(page.States), pages+1)
					}
					for _, st := range page.States {
						if st.CreatedAt.After(last) {
							t.Errorf("pages of %d: got %s of %s after one of %s", size, st.ID, st.CreatedAt, last)
						}
						last = st.CreatedAt
						got = append(got, st.ID)
					}
					if q.Cursor = page.Next; page.Next == "" {
						break
					}
				}
				slices.Sort(want)
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("pages of %d: got %v, want %v", size, got, want)
				}
			}
		})
	}
}

func TestListAcceptsAnyLimit(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	all := fill(t, s, 7)
	for _, limit := range []int{-1, 0, math.MaxInt32 + 1, math.MaxInt} {
		page, err := s.List(t.Context(), pipeline.Query{Limit: limit})
		if err != nil || len(page.States) != len(all) || page.Next != "" && limit > 0 {
			t.Errorf("limit %d: got %d states (%v), want %d", limit, len(page.States), err, len(all))
		}
	}
}

func TestListRefusesACursorThatNoPageReturned(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	fill(t, s, 3)
	encoded := base64.RawURLEncoding.EncodeToString
	for name, cursor := range map[string]string{
		"no base64": "%%%", "no JSON": encoded([]byte("x")), "another JSON": encoded([]byte(`{"p":"P#1"}`)),
		"null": encoded([]byte("null")), "no shards": encoded([]byte("[]")), "too few shards": encoded([]byte(`[{},{}]`)),
		"too many shards": encoded([]byte(`[{},{},{},{},{}]`)), "more follows": encoded([]byte(`[{},{},{},{}][]`)),
		"half a position": encoded([]byte(`[{"p":"P#1"},{},{},{}]`)),
	} {
		if page, err := s.List(t.Context(), pipeline.Query{Cursor: cursor}); apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %d states and %v, want it refused as invalid", name, len(page.States), err)
		}
		_, _, err := s.Incidents(t.Context(), dynamo.IncidentQuery{Cursor: cursor})
		if apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s, for incidents: got %v, want it refused as invalid", name, err)
		}
	}
}

func TestFindByEveryID(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	for _, name := range []string{"create-failed", "in-progress", "two-elements-transcribing"} {
		if err := pipeline.RecordEvent(t.Context(), s, example(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	second := *example(t, "in-progress") // the same call, analysed once more
	sc := *second.StateChange
	second.ID, second.Time = "second", second.Time.Add(time.Minute)
	sc.PipelineARN += "2"
	second.StateChange = &sc
	if err := pipeline.RecordEvent(t.Context(), s, &second); err != nil {
		t.Fatal(err)
	}
	first, failed, two := example(t, "in-progress").StateChange, example(t, "create-failed").StateChange, example(t,
		"two-elements-transcribing").StateChange
	cases := []struct {
		name, ref string
		want      []string
	}{
		{"pipeline id", pipeline.IDFromARN(first.PipelineARN), []string{pipeline.IDFromARN(first.PipelineARN)}},
		{"ARN", two.PipelineARN, []string{pipeline.IDFromARN(two.PipelineARN)}},
		{"call of two pipelines, newest first", first.CallID, []string{pipeline.IDFromARN(first.PipelineARN) + "2",
			pipeline.IDFromARN(first.PipelineARN)}},
		{"transaction of two pipelines", first.TransactionID, []string{pipeline.IDFromARN(first.PipelineARN) + "2",
			pipeline.IDFromARN(first.PipelineARN)}},
		{"transaction of a failed creation", failed.TransactionID, []string{"create-failed." + failed.TransactionID}},
		{"call of a failed creation", failed.CallID, []string{"create-failed." + failed.TransactionID}},
		{"id of a failed creation", "create-failed." + failed.TransactionID,
			[]string{"create-failed." + failed.TransactionID}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			found, err := s.Find(t.Context(), tc.ref)
			var got []string
			for _, st := range found {
				got = append(got, st.ID)
			}
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("got %v (%v), want %v", got, err, tc.want)
			}
		})
	}
	tied := []string{}
	for i := range 6 { // all begin in one second; the even ones go on
		for n, eventType := range []string{chime.EventCreated, chime.EventInProgress}[:1+(i+1)%2] {
			id := fmt.Sprintf("tied-%d", i)
			ev := &chime.Event{ID: id + eventType, DetailType: chime.DetailStateChange,
				Time: noon.Add(time.Duration(n) * time.Second), Raw: []byte("{}"), StateChange: &chime.StateChange{
					EventType: eventType, PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/" + id,
					CallFields: chime.CallFields{CallID: "tied"},
				}}
			if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 5 {
		found, err := s.Find(t.Context(), "tied")
		tied = tied[:0]
		for _, st := range found {
			tied = append(tied, st.ID)
		}
		if want := []string{"tied-4", "tied-2", "tied-0", "tied-5", "tied-3", "tied-1"}; err != nil || !slices.Equal(tied,
			want) {
			t.Fatalf("of one second: got %v (%v), want %v: the greatest event first", tied, err, want)
		}
	}
	for _, ref := range []string{"", "nothing", "arn:aws:chime:us-east-1:1:media-pipeline/"} {
		if _, err := s.Find(t.Context(), ref); apperr.ClassOf(err) != apperr.NotFound {
			t.Errorf("find %q: got %v, want not found", ref, err)
		}
	}
}

// The id that a person sent in a rehearsal finds the rehearsal, unless it is the
// id of something real; the id as lists show it always does.
func TestFindARehearsalByTheIDThatWasSent(t *testing.T) {
	s := at(faultinject.NewWorld(t, faultinject.Server(t)).Process(), noon)
	rehearsed := func(name string) *chime.Event {
		raw := bytes.Replace(exampleBody(t, name), []byte(`"aws.chime"`), []byte(`"chimewatch.rehearsal"`), 1)
		ev, err := chime.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		return ev
	}
	real, failed := example(t, "in-progress").StateChange, example(t, "create-failed").StateChange
	find := func(ref string) string {
		found, err := s.Find(t.Context(), ref)
		if err != nil && apperr.ClassOf(err) != apperr.NotFound {
			t.Fatal(err)
		}
		var ids []string
		for _, st := range found {
			ids = append(ids, st.ID)
		}
		return strings.Join(ids, " ")
	}
	id, uncreated := pipeline.IDFromARN(real.PipelineARN), "create-failed."+failed.TransactionID
	for _, ev := range []*chime.Event{rehearsed("in-progress"), rehearsed("create-failed")} {
		if err := pipeline.RecordEvent(t.Context(), s, ev); err != nil {
			t.Fatal(err)
		}
	}
	for name, refs := range map[string][]string{
		"rehearsal-" + id: {id, real.PipelineARN, real.CallID, real.TransactionID,
			"rehearsal-" + id, "rehearsal-" + real.CallID, "rehearsal-" + real.TransactionID,
			strings.Replace(real.PipelineARN, id, "rehearsal-"+id, 1)},
		"rehearsal-" + uncreated: {uncreated, "rehearsal-" + uncreated, failed.TransactionID, failed.CallID},
	} {
		for _, ref := range refs {
			if got := find(ref); got != name {
				t.Errorf("%s: got %q, want %s", ref, got, name)
			}
		}
	}
	if err := pipeline.RecordEvent(t.Context(), s, example(t, "in-progress")); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{id, real.PipelineARN, real.CallID, real.TransactionID} {
		if got := find(ref); got != id {
			t.Errorf("%s, of which there is a real one: got %q, want it alone", ref, got)
		}
		if got := find("rehearsal-" + pipeline.IDFromARN(ref)); got != "rehearsal-"+id {
			t.Errorf("rehearsal-%s: got %q, want the rehearsal", pipeline.IDFromARN(ref), got)
		}
	}
}
