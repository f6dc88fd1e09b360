package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

func TestFailureNamesClassAndLosses(t *testing.T) {
	failed := func(kind string) chime.Element { return element(kind, chime.StatusFailed, "") }
	denied := element(chime.ElementSqsSink, chime.StatusFailed, "AccessDenied")
	throttled := pipeline.State{Failure: &pipeline.Failure{Reason: "Rate exceeded"}}
	twoFailed := pipeline.State{Elements: []chime.Element{denied, failed(chime.ElementRecordingSink)}}
	recorded := element(chime.ElementRecordingSink, chime.StatusStopped, "")
	tests := []struct {
		name    string
		failure incident.Failure
		class   incident.Class
		losses  []incident.Loss
	}{
		{
			name:    "element's own detail before the pipeline's reason",
			failure: incident.Failure{Kind: incident.ElementFailure, Element: denied, State: throttled},
			class:   incident.Permissions, losses: []incident.Loss{incident.Insights},
		},
		{
			name: "pipeline's reason where the element has none",
			failure: incident.Failure{
				Kind: incident.ElementFailure, Element: failed(chime.ElementSqsSink), State: throttled,
			},
			class: incident.Throttled, losses: []incident.Loss{incident.Insights},
		},
		{
			name:    "one element's loss, though others failed",
			failure: incident.Failure{Kind: incident.ElementFailure, Element: denied, State: twoFailed},
			class:   incident.Permissions, losses: []incident.Loss{incident.Insights},
		},
		{
			name:    "all failed elements of a pipeline",
			failure: permanent("", twoFailed.Elements...),
			class:   incident.Permissions, losses: []incident.Loss{incident.Recording, incident.Insights},
		},
		{
			name:    "unfinished elements where none failed",
			failure: permanent("", recorded, element(chime.ElementTranscribe, chime.StatusPaused, "")),
			class:   incident.Unknown, losses: []incident.Loss{incident.Transcript, incident.Insights},
		},
		{name: "all done", failure: permanent("", recorded), class: incident.Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.failure.Event = tt.failure.State
			if got := tt.failure.Cause().Class; got != tt.class {
				t.Errorf("got class %s, want %s", got, tt.class)
			}
			if diff := cmp.Diff(tt.losses, tt.failure.Losses()); diff != "" {
				t.Errorf("losses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpans(t *testing.T) {
	tests := []struct {
		into time.Duration
		want string
	}{
		{0, "0 s into the call"},
		{1499 * time.Millisecond, "1 s into the call"},
		{59 * time.Second, "59 s into the call"},
		{time.Minute, "1 min into the call"},
		{61 * time.Minute, "1 h 1 min into the call"},
		{8*time.Hour + 30*time.Second, "8 h into the call"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			call := pipeline.State{ID: "x", StartedAt: failedAt.Add(-tt.into)}
			m := matched(&call, chime.RulesMatched{RuleName: "r"}).Message(notify.Options{})
			if !strings.Contains(m.Body, ", "+tt.want+"\n") {
				t.Errorf("got %s, want %s", m.Body, tt.want)
			}
		})
	}
	t.Run("before the call", func(t *testing.T) {
		call := pipeline.State{ID: "x", StartedAt: failedAt.Add(time.Second)}
		m := matched(&call, chime.RulesMatched{RuleName: "r"}).Message(notify.Options{})
		if strings.Contains(m.Body, "into the call") {
			t.Errorf("got %s, want no span", m.Body)
		}
	})
	t.Run("in forms that services write", func(t *testing.T) {
		for _, begin := range []string{
			"2026-03-09T15:20:20Z", "2026-03-09t15:20:20.000+0000", "1773069620", "1773069620000",
		} {
			m := matched(nil, chime.RulesMatched{RuleName: "r", BeginTimestamp: begin}).Message(notify.Options{})
			if want := "2026-03-09 15:20:20 UTC"; !strings.Contains(m.Body, want) || strings.Contains(m.Body, "as given") {
				t.Errorf("%s: got %s, want %s", begin, m.Body, want)
			}
		}
	})
	t.Run("over midnight", func(t *testing.T) {
		m := matched(nil, chime.RulesMatched{
			RuleName: "r", BeginTimestamp: "2026-03-09T23:59:30Z", EndTimestamp: "2026-03-10T00:00:30Z",
		}).Message(notify.Options{})
		if want := "2026-03-09 23:59:30 to 2026-03-10 00:00:30 UTC (1 min)"; !strings.Contains(m.Body, want) {
			t.Errorf("got %s, want %s", m.Body, want)
		}
	})
}

// A text message says all that an e-mail does, in one segment, for every cause,
// loss and stage: what, since when, how many, why, what to try, where to look.
func TestTextMessageHasAllInOneSegment(t *testing.T) {
	elements := []string{
		"", chime.ElementRecordingSink, chime.ElementTranscribe, chime.ElementTranscribeCallAnalytics,
		chime.ElementVoiceAnalytics, chime.ElementVoiceEnhancementSink, chime.ElementKinesisSink,
	}
	for _, class := range incident.Classes() {
		for _, failed := range elements {
			for _, stage := range stages {
				f := permanent("", element(failed, chime.StatusFailed, ""))
				if failed == "" {
					f = permanent("")
				}
				id := ""
				m := news(f, stage, func(n *testUpdate) {
					n.UrgentReason.Class, id = class, n.Incident.ID
					n.Incident.Class, n.Counts.Calls, n.Incident.OpenedAt = class, 99999, failedAt.AddDate(0, 0, 14)
					n.Counts.Examples[0].At = failedAt.AddDate(0, 0, 14)
				}).Message(notify.Options{})
				want := []string{"] ", class.Title(), "99999 calls since 23 Mar 15:20 UTC.", id[strings.LastIndex(id, "-")+1:]}
				if stage != incident.Closing {
					want = append(want, class.Hint())
				}
				for _, part := range want {
					if part == "" || !strings.Contains(m.SMS, part) {
						t.Errorf("%s of %s, %s: got %q, want %q in it", class, failed, stage, m.SMS, part)
					}
				}
				if n := gsmSeptets(m.SMS); n > 160 {
					t.Errorf("got %d septets, want one segment: %q", n, m.SMS)
				}
			}
		}
	}
}

// Events come in any order: the first call that failed need not have opened the
// incident.
func TestSinceIsWhenTheFirstCallFailed(t *testing.T) {
	m := news(permanent("Access denied"), incident.Closing, func(n *testUpdate) {
		n.Counts.Examples = []incident.Occurrence{{PipelineID: "early", At: failedAt.Add(-25 * time.Minute)}}
	}).Message(notify.Options{})
	if !strings.Contains(m.Body, "Since: 2026-03-09 14:55:27 UTC\n") || !strings.Contains(m.Body, "It lasted 2 h,") {
		t.Errorf("got %s, want it since the first call, for two hours", m.Body)
	}
}
