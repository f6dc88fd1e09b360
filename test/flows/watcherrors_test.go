package flows_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// An error in one part of a run does not stop the others; it says what failed, and the next
// run completes the work.
func TestWatchContinuesAfterAnError(t *testing.T) {
	const throttledAPI = "GetMediaPipeline"
	for _, tt := range []struct {
		name, call, code string
		status           int
		want             []string // in the error
		sent             sent
		pipeline         pipeline.Status // of p1, which has stopped
	}{
		{
			name: "the topic refuses",
			call: "Publish", status: 403, code: "AuthorizationError",
			want: []string{"topic " + failureTopic, "AuthorizationError", "the role may publish"},
			sent: sent{}, pipeline: pipeline.Stopped,
		},
		{
			name: "the topic does not exist",
			call: "Publish", status: 404, code: "NotFound",
			want: []string{"topic " + failureTopic, "check that the topic exists"},
			sent: sent{}, pipeline: pipeline.Stopped,
		},
		{
			name: "the table throttles its writes",
			call: "UpdateItem", status: 400, code: "ProvisionedThroughputExceededException",
			want: []string{"table world-", "throttle metrics"},
			sent: sent{}, pipeline: pipeline.InProgress,
		},
		{
			name: "the table answers queries with 500",
			call: "Query", status: 500, code: "InternalServerError",
			want: []string{"table world-", "it is tried again"},
			sent: sent{}, pipeline: pipeline.InProgress,
		},
		{
			name: "the API throttles",
			call: throttledAPI,
			want: []string{"pipeline p1", "GetMediaPipeline"},
			sent: sent{"opening": 2}, pipeline: pipeline.InProgress,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := inNewWorld(t)
			v.dieBeforePublish(t, failedCall("bad", denied, minutes(118)))
			v.record(t, testCall{id: "p1", connector: "xyz"}.event(chime.EventInProgress, noon),
				testCall{id: "flaky", connector: "flaky"}.event(chime.EventTemporaryFailure, minutes(110)))
			v.api.known["p1"] = watchdog.Answer{Status: "Stopped"}
			if tt.call == throttledAPI {
				v.api.errors = map[string]error{"p1": apiError(429)}
			} else {
				v.Injector.Refuse(tt.call, tt.status, tt.code)
			}
			_, err := v.runCounting(t, limits, minutes(120))
			wantNamed(t, "with the error", err, tt.want...)
			v.wantSent(t, "with the error", tt.sent)
			v.Injector.Allow()
			v.wantStatuses(t, "with the error", map[string]pipeline.Status{"p1": tt.pipeline})
			v.api.errors = nil
			v.run(t, limits, minutes(121))
			v.wantSent(t, "afterwards", sent{"opening": 2})
			v.wantStatuses(t, "afterwards", map[string]pipeline.Status{"p1": pipeline.Stopped})
		})
	}
}
