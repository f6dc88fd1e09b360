package incident_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

var timing = incident.Timing{Window: 5 * time.Minute, Quiet: 10 * time.Minute, Reopen: time.Hour}

// world is a service with its repository and its clock. It sends nothing, and counts
// what it would send.
type world struct {
	repo *memory
	now  time.Time
	sent []incident.UpdateKind
	// answer is what the notifier returns instead of what it is asked to send.
	answer *incident.Sent
}

func newWorld() *world { return &world{repo: newMemory(), now: noon} }

func (w *world) service() *incident.Service {
	return &incident.Service{
		Repo: w.repo, Notifier: w, Timing: timing, Counts: w, Now: func() time.Time { return w.now },
	}
}

func (w *world) Count(string, int) {}

func (w *world) Notify(_ context.Context, u incident.Update) (incident.Sent, error) {
	if w.answer != nil {
		return *w.answer, nil
	}
	w.sent = append(w.sent, u.Kind)
	sent := incident.Sent{At: u.Now, Calls: u.Counts.Calls, Severity: u.Incident.Severity()}
	for _, r := range u.Incident.Reasons {
		sent.Reasons = append(sent.Reasons, r.ID)
	}
	return sent, nil
}

// reportOf returns the failure of a call's recording.
func reportOf(call int, class incident.Class) incident.Report {
	return incident.Report{
		Group: incident.Group{Scope: "voice-connector/abc", Element: "S3RecordingSink"},
		Class: class, Reason: "reason of " + string(class), Losses: []incident.Loss{incident.Recording},
		Occurrence: incident.Occurrence{
			PipelineID: fmt.Sprint("pipeline-", call), CallID: fmt.Sprint("call-", call), At: noon,
		},
	}
}

// failureOf returns the failure of a pipeline.
func failureOf(id, reason string, at time.Time) incident.Failure {
	st := pipeline.State{
		ID: id, CallFields: chime.CallFields{CallID: "call-" + id, VoiceConnectorID: "abc"}, Status: pipeline.Failed,
		Failure: &pipeline.Failure{Reason: reason},
	}
	return incident.Failure{Kind: incident.PermanentFailure, State: st, Event: st, At: at}
}

const denied = "Access denied when assuming resource access role"

// What is recorded as announced is what the notification said that was sent, whoever
// sent it: not what this process would have said.
func TestAnnouncedIsWhatWasSent(t *testing.T) {
	first := incident.ReasonOf(incident.Cause{Class: incident.Permissions}, denied)
	second := incident.ReasonOf(incident.Cause{Class: incident.Unknown}, "It broke")
	minutes := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	known := incident.Announced{
		At: minutes(5), Calls: 4, LastCalls: 3, Openings: 1, Summaries: 1,
		Severity: incident.High, Reasons: []string{first.ID},
	}
	of := func(change func(*incident.Announced)) incident.Announced {
		a := known
		change(&a)
		return a
	}
	sent := func(at, calls int, severity incident.Severity) incident.Sent {
		return incident.Sent{At: minutes(at), Calls: calls, Severity: severity, Reasons: []string{first.ID}}
	}
	for _, tt := range []struct {
		name      string
		announced incident.Announced
		reopened  int
		sent      incident.Sent
		want      incident.Announced
	}{
		{"the opening knew one call and one reason", incident.Announced{}, 0, sent(1, 1, incident.Medium), incident.Announced{
			At: minutes(1), Calls: 1, LastCalls: 1, Openings: 1, Severity: incident.Medium, Reasons: []string{first.ID},
		}},
		{"a reopening knew fewer calls than people know of", known, 1, sent(3, 2, incident.High),
			of(func(a *incident.Announced) { a.Openings, a.LastCalls = 2, 0 })},
		{"a graver loss was sent, and leaves the count of calls to the next summary", known, 0,
			sent(8, 9, incident.Critical), of(func(a *incident.Announced) { a.Additions, a.Severity = 1, incident.Critical })},
		{"it is being sent", known, 1, incident.Sent{}, known},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.answer = &tt.sent
			f := failureOf("p1", denied, noon)
			i := incident.Incident{
				Group: f.Report().Group, Class: first.Class, Target: first.Target,
				Reason: denied, Reasons: []incident.Reason{first, second},
				Losses: []incident.Loss{incident.Recording}, Announced: tt.announced, Reopened: tt.reopened,
			}
			i.ID = i.Group.ID() + ".1"
			w.repo.incidents[i.ID] = i
			if err := w.service().RecordFailure(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, w.repo.incidents[i.ID].Announced); diff != "" {
				t.Errorf("recorded (-want +got):\n%s", diff)
			}
		})
	}
}

// A process that opens an incident and is slow to store its first call learns what
// became of the incident meanwhile.
func TestSlowOpeningReadsTheIncidentAgain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		reads int
	}{{"at once", 0, 0}, {"after the quiet time", timing.Quiet, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			s := w.service()
			s.Now = func() time.Time {
				if len(w.repo.memberships) > 0 {
					return noon.Add(tt.after)
				}
				return noon
			}
			i, err := s.Record(t.Context(), reportOf(1, incident.Quota))
			if err != nil || cmp.Diff(w.repo.incidents[i.ID], i) != "" {
				t.Errorf("got %+v (%v), want it as it is stored", i, err)
			}
			reads := 0
			for _, call := range w.repo.Calls() {
				if call == "Incident" {
					reads++
				}
			}
			if reads != tt.reads {
				t.Errorf("got %d reads of the incident, want %d", reads, tt.reads)
			}
		})
	}
}

// A review that closes an incident reads all of its occurrences once.
func TestReviewCountsOnce(t *testing.T) {
	w := newWorld()
	s := w.service()
	if err := s.RecordFailure(t.Context(), failureOf("p1", denied, w.now)); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(timing.Quiet)
	w.repo.pipelines["good"] = pipeline.State{
		ID: "good", CallFields: chime.CallFields{VoiceConnectorID: "abc"}, Status: pipeline.InProgress, CreatedAt: w.now,
	}
	before := len(w.repo.Calls())
	if err := s.Review(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls := w.repo.Calls()[before:]
	counted := slices.DeleteFunc(slices.Clone(calls), func(name string) bool { return name != "CountOccurrences" })
	if !slices.Contains(w.sent, incident.Closing) || len(counted) != 1 {
		t.Errorf("sent %v with the calls %v, want a closing, and the occurrences counted once", w.sent, calls)
	}
}

// The notifications of an incident, from its opening to its reopening.
func TestNotificationsOfAnIncident(t *testing.T) {
	w := newWorld()
	s := w.service()
	// Each step is a failure of a call or, without one, a review, some minutes later.
	for n, step := range []struct {
		minutes      int
		call, reason string
		succeeds     string // a pipeline that succeeds before the review
		want         []incident.UpdateKind
	}{
		{0, "p1", denied, "", []incident.UpdateKind{incident.Opening}},
		{1, "p2", denied, "", nil},
		{1, "p3", "It broke", "", []incident.UpdateKind{incident.NewReason}},
		{1, "", "", "", nil},
		{5, "", "", "", []incident.UpdateKind{incident.Summary}},
		{10, "", "", "", nil},
		{1, "", "", "good", []incident.UpdateKind{incident.Closing}},
		{1, "", "", "", nil},
		{10, "p4", denied, "", []incident.UpdateKind{incident.Reopening}},
		{5, "", "", "", nil},
		{6, "", "", "better", []incident.UpdateKind{incident.Closing}},
		{1, "p1", denied, "", []incident.UpdateKind{incident.Reopening}}, // again
	} {
		w.now, w.sent = w.now.Add(time.Duration(step.minutes)*time.Minute), nil
		if step.succeeds != "" {
			w.repo.pipelines[step.succeeds] = pipeline.State{
				ID: step.succeeds, CallFields: chime.CallFields{VoiceConnectorID: "abc"},
				Status: pipeline.InProgress, CreatedAt: w.now,
			}
		}
		err := s.Review(t.Context())
		if step.call != "" {
			err = s.RecordFailure(t.Context(), failureOf(step.call, step.reason, w.now))
		}
		if diff := cmp.Diff(step.want, w.sent); diff != "" || err != nil {
			t.Errorf("step %d: error %v, sent (-want +got):\n%s", n, err, diff)
		}
	}
}

func ExampleService_RecordFailure() {
	s := newWorld().service()
	s.Notifier = printed{s.Notifier}
	for _, f := range []incident.Failure{
		failureOf("p1", denied, noon),
		failureOf("p2", denied, noon),          // joins the incident: the next summary counts it
		failureOf("p3", "It broke", noon),      // may have another cause, which is notified at once
		failureOf("p4", "Rate exceeded", noon), // needs another remedy: an incident of its own
	} {
		if err := s.RecordFailure(context.Background(), f); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// opening: missing permissions, critical, calls: 1
	// new-reason: missing permissions, critical, calls: 3
	// opening: throttled dependency, critical, calls: 1
}

// printed prints notifications.
type printed struct{ incident.Notifier }

func (p printed) Notify(ctx context.Context, u incident.Update) (incident.Sent, error) {
	fmt.Printf("%s: %s, %s, calls: %d\n", u.Kind, u.Incident.Class.Title(), u.Incident.Severity(), u.Counts.Calls)
	return p.Notifier.Notify(ctx, u)
}
