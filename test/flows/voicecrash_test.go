package flows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// The process of each event is killed before and after each of its requests to the table
// and to the API, and the event is delivered again: at once, or after all later events.
func TestVoiceTasksSurviveACrashAtAnyRequest(t *testing.T) {
	world := newVoiceCall(t)
	const granted, denied, withdrawn = voicetask.Granted, voicetask.Denied, voicetask.Withdrawn
	for _, tt := range []struct {
		name  string
		steps func(*voiceCall) []voiceStep
		// running and started are the tasks in the end. A start that was killed and then lost
		// its consent never happens.
		running, started int
	}{
		{
			name:    "ready, granted",
			steps:   func(c *voiceCall) []voiceStep { return []voiceStep{c.ready(), c.decide(granted)} },
			running: 1, started: 1,
		},
		{
			name: "granted, ready, withdrawn",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.decide(granted), c.ready(), c.decide(withdrawn)}
			},
			running: 0, started: 1,
		},
		{
			name: "ready, granted, withdrawn",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.decide(granted), c.decide(withdrawn)}
			},
			running: 0, started: 1,
		},
		{
			name: "ready, denied, granted",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.decide(denied), c.decide(granted)}
			},
			running: 1, started: 1,
		},
		{
			name: "ready, granted for an hour, two hours pass",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(time.Hour), c.later(2 * time.Hour)}
			},
			running: 0, started: 1,
		},
		{
			name: "ready, hang-up, granted",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.hangUp(), c.decide(granted)}
			},
			running: 0, started: 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			run := func(crash voiceCrash) (happened bool) {
				runs++
				c := world.another(t, fmt.Sprintf("%s %d", tt.name, runs))
				happened = crash.play(t, c, tt.steps(c))
				all, _ := c.tasks()
				for _, task := range all { // each task sends notifications, so that a forgotten one is found
					c.play(c.notify(voiceEvent("n-"+task.ID, "VoiceToneAnalysisStatus",
						fmt.Sprintf(`{"taskId":%q,"transactionId":%q}`, task.ID, c.transaction))))
				}
				all, running := c.tasks()
				if running != tt.running || len(all) > tt.started || len(all) < tt.started && tt.running > 0 {
					t.Errorf("%+v: got %d tasks and %d running, want %d and %d", crash, len(all), running, tt.started, tt.running)
				}
				return happened
			}
			steps := len(tt.steps(&voiceCall{t: t}))
			for step := range steps {
				for request := 1; run(voiceCrash{step: step, request: request}); request++ {
					run(voiceCrash{step: step, request: request, after: true})
					run(voiceCrash{step: step, request: request, late: true})
					run(voiceCrash{step: step, request: request, after: true, late: true})
				}
			}
			if runs < 20 && steps > 2 {
				t.Errorf("got %d runs, want one for each request", runs)
			}
		})
	}
}

// voiceCrash kills the process of one step at one request: before it, or after it was
// answered. The event is delivered again at once, or late, after all other steps.
type voiceCrash struct {
	step, request int
	after, late   bool
}

// play runs the steps with the crash, and reports whether the step made so many requests.
func (v voiceCrash) play(t *testing.T, c *voiceCall, steps []voiceStep) (happened bool) {
	t.Helper()
	for i, step := range steps {
		ctx, cancel := context.WithCancel(t.Context())
		n := &network{die: cancel}
		if i == v.step {
			n.at, n.after = v.request, v.after
		}
		err := step(ctx, n)
		happened = happened || i == v.step && n.requests >= v.request
		cancel()
		if err != nil && !happened {
			t.Fatal(err)
		}
		if happened && i == v.step && !v.late {
			c.play(step)
		}
	}
	if happened && v.late {
		c.play(steps[v.step])
	}
	return happened
}
