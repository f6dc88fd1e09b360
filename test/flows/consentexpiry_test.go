package flows_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

func TestTasksStopWhenConsentExpires(t *testing.T) {
	const hour = time.Hour
	world := newVoiceCall(t)
	for _, tt := range []struct {
		name    string
		steps   func(*voiceCall) []voiceStep
		running int
	}{
		{
			name: "before it expires",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(hour), c.later(hour / 2)}
			},
			running: 1,
		},
		{
			name: "after it has expired",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(hour), c.later(2 * hour)}
			},
		},
		{
			name: "granted by the callId",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.decide(voicetask.Denied), c.grantFor(hour), c.later(2 * hour)}
			},
		},
		{
			name: "granted again without an end",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(hour), c.decide(voicetask.Granted), c.later(2 * hour)}
			},
			running: 1,
		},
		{
			name: "granted again for longer",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(hour), c.grantFor(3 * hour), c.later(2 * hour)}
			},
			running: 1,
		},
		{
			name: "granted again for less",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.ready(), c.grantFor(3 * hour), c.grantFor(hour), c.later(2 * hour)}
			},
		},
		{
			name: "ready after it has expired",
			steps: func(c *voiceCall) []voiceStep {
				return []voiceStep{c.grantFor(hour), c.later(2 * hour), c.ready()}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := world.another(t, tt.name)
			c.play(tt.steps(c)...)
			if all, running := c.tasks(); running != tt.running {
				t.Errorf("got %d running of %d, want %d", running, len(all), tt.running)
			}
		})
	}
}

// A stop that is refused is retried until it succeeds, and then no more.
func TestStopOfAnExpiredTaskIsRetried(t *testing.T) {
	const hour = time.Hour
	c := newVoiceCall(t)
	requests := func(step voiceStep) (n int, err error) {
		client := &network{}
		err = step(t.Context(), client)
		return client.requests, err
	}
	c.play(c.ready(), c.grantFor(10*hour))
	none, err := requests(c.later(9 * hour))
	if err != nil {
		t.Fatal(err)
	}
	c.api.Refuse(http.StatusForbidden)
	if _, err := requests(c.later(11 * hour)); apperr.ClassOf(err) != apperr.Internal {
		t.Errorf("got %v, want that the task may not be stopped", err)
	}
	for range 2 {
		if _, err := requests(c.later(11 * hour)); err != nil {
			t.Error(err)
		}
	}
	if _, running := c.tasks(); running != 0 {
		t.Errorf("got %d running, want none", running)
	}
	if again, err := requests(c.later(11 * hour)); err != nil || again != none {
		t.Errorf("got %d requests and %v after the stop, want %d, those that find nothing", again, err, none)
	}
}

// unstoppable is a network on which one task cannot be stopped: the API hangs, or refuses.
type unstoppable struct {
	taskID  string
	refuses bool
}

func (u unstoppable) Do(r *http.Request) (*http.Response, error) {
	switch {
	case !strings.HasSuffix(r.URL.Path, "/"+u.taskID):
		return http.DefaultClient.Do(r)
	case u.refuses:
		header := http.Header{"X-Amzn-Errortype": {"ForbiddenException"}}
		return &http.Response{StatusCode: http.StatusForbidden, Header: header, Body: http.NoBody}, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// The task of the first call whose consent has expired cannot be stopped: all others are,
// in the same run, and the error of the first one is in the ledger.
func TestOtherTasksStopWhenOneCannot(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refuses bool
		code    string
	}{
		{name: "the API hangs", code: "unavailable"},
		{name: "the API refuses", refuses: true, code: "ForbiddenException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world := newVoiceCall(t)
			for n := range 26 {
				c := world.another(t, fmt.Sprint("t", n))
				c.decisions = n // so that every second one names the callId
				c.play(c.ready(), c.grantFor(time.Hour))
			}
			world.passed = 2 * time.Hour
			first := world.api.Tasks()[0]
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := world.service(unstoppable{first.ID, tt.refuses}).Run(ctx)
			if err == nil || ctx.Err() != nil {
				t.Errorf("got %v and %v, want an error in time", err, ctx.Err())
			}
			for _, task := range world.api.Tasks() {
				if running := task.StoppedAt.IsZero(); running != (task.ID == first.ID) {
					t.Errorf("%s: runs: %t, want only the first one to run", task.TransactionID, running)
				}
			}
			table := dynamo.New(dynalite.Client(world.tableURL, region), "calls", dynamo.Options{})
			ledger, err := table.Ledger(t.Context(), first.TransactionID)
			if err != nil {
				t.Fatal(err)
			}
			failed := func(e voicetask.Entry) bool { return e.Kind == voicetask.Failed && e.Code == tt.code }
			if !slices.ContainsFunc(ledger, failed) {
				t.Errorf("got the ledger %v, want the failure of code %s in it", ledger, tt.code)
			}
		})
	}
}
