package flows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// lambdaTime is how long the function watch may run.
const lambdaTime = 55 * time.Second

// stuck reconciles calls, but for some the API does not answer, and for others it refuses.
type stuck struct {
	hangs, refuses func(transactionID string) bool
}

func (s stuck) Reconcile(ctx context.Context, t voicetask.Trigger) error {
	switch {
	case s.hangs != nil && s.hangs(t.TransactionID):
		<-ctx.Done()
		return apperr.Wrap(ctx.Err(), apperr.Unavailable, "transaction "+t.TransactionID, "has no answer", "")
	case s.refuses != nil && s.refuses(t.TransactionID):
		return apperr.New(apperr.Internal, "transaction "+t.TransactionID, "is refused", "")
	}
	time.Sleep(100 * time.Millisecond)
	return ctx.Err()
}

// expiries stores consent that has expired, in an order of its own.
type expiries struct {
	mu   sync.Mutex
	left []string // transactions
}

func (e *expiries) ExpiredConsent(context.Context, time.Time) (all []voicetask.Expiry, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range e.left {
		all = append(all, voicetask.Expiry{Event: "e-" + id, TransactionID: id})
	}
	return all, nil
}

func (e *expiries) EndExpiry(ctx context.Context, expiry voicetask.Expiry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = slices.DeleteFunc(e.left, func(id string) bool { return id == expiry.TransactionID })
	return ctx.Err()
}

// numbered returns n ids, from the first one on.
func numbered(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%04d", prefix, i))
	}
	return ids
}

func hasPrefix(prefix string) func(string) bool {
	return func(id string) bool { return strings.HasPrefix(id, prefix) }
}

var hangs, refuses = stuck{hangs: hasPrefix("stuck")}, stuck{refuses: hasPrefix("stuck")}

// A call that cannot be reconciled, because the API does not answer or refuses, does not
// delay others, wherever it is in the list.
func TestStuckCallsDoNotBlockOthers(t *testing.T) {
	for _, tt := range []struct {
		name  string
		calls []string
		by    stuck
		runs  int
		want  []string // that are left after the runs
	}{
		{
			name:  "no answer for the first",
			calls: append([]string{"stuck"}, numbered("good", 25)...), by: hangs,
			runs: 1, want: []string{"stuck"},
		},
		{
			name:  "the first is refused",
			calls: append([]string{"stuck"}, numbered("good", 25)...), by: refuses,
			runs: 1, want: []string{"stuck"},
		},
		{
			name:  "60 without an answer first",
			calls: append(numbered("stuck", 60), "good"), by: hangs,
			runs: 2, want: numbered("stuck", 60),
		},
		{
			name:  "60 and 200 more",
			calls: append(numbered("stuck", 60), numbered("good", 200)...), by: hangs,
			runs: 2, want: numbered("stuck", 60),
		},
		{
			name:  "600 without an answer first",
			calls: append(numbered("stuck", 600), "good"), by: hangs,
			runs: 60, want: numbered("stuck", 600),
		},
		{name: "none", calls: numbered("good", 500), by: hangs, runs: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := &expiries{left: slices.Clone(tt.calls)}
				service := voicetask.Service{Expiries: table, Calls: tt.by, Now: time.Now}
				for range tt.runs {
					ctx, cancel := context.WithTimeout(t.Context(), lambdaTime)
					err := schedule(ctx, service.Run)
					if ctx.Err() != nil {
						t.Error("the run lasted until its time was up, and so reports nothing")
					}
					want := len(tt.want) > 0
					if (err != nil) != want || want && !strings.Contains(err.Error(), "transaction stuck") {
						t.Errorf("got %.200v, want what is stuck named", err)
					}
					cancel()
				}
				slices.Sort(table.left)
				if !slices.Equal(table.left, tt.want) {
					t.Errorf("got %d left, want %d: %.200v", len(table.left), len(tt.want), table.left)
				}
			})
		})
	}
}

// A run that cannot read which consent has expired returns an error.
func TestUnreadableExpiredConsentIsAnError(t *testing.T) {
	service := voicetask.Service{Expiries: unreadable{}, Calls: stuck{}, Now: time.Now}
	if err := service.Run(t.Context()); !errors.Is(err, errUnreadable) {
		t.Errorf("got %v, want %v", err, errUnreadable)
	}
}

var errUnreadable = errors.New("the table cannot be read")

type unreadable struct{ voicetask.Expiries }

func (unreadable) ExpiredConsent(context.Context, time.Time) ([]voicetask.Expiry, error) {
	return nil, errUnreadable
}

// A call that has no answer fails its own notifications of a batch, and no others.
func TestStuckCallsFailOnlyTheirOwnNotifications(t *testing.T) {
	const batchTime = 57 * time.Second
	for _, tt := range []struct {
		name  string
		calls []string
		by    stuck
	}{
		{name: "no answer for the first", calls: append([]string{"stuck"}, numbered("good", 24)...), by: hangs},
		{name: "the first is refused", calls: append([]string{"stuck"}, numbered("good", 24)...), by: refuses},
		{name: "no answer for all but the last", calls: append(numbered("stuck", 24), "good"), by: hangs},
		{name: "no answer for hundreds", calls: append(numbered("stuck", 150), numbered("good", 50)...), by: hangs},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies [][]byte
				for _, id := range tt.calls {
					bodies = append(bodies, voiceEvent("n-"+id, "VoiceAnalyticsStatus", fmt.Sprintf(
						`{"detailStatus":"AnalyticsReady","transactionId":%q,"voiceConnectorId":"v"}`, id)))
				}
				ctx, cancel := context.WithTimeout(t.Context(), batchTime)
				defer cancel()
				began := time.Now()
				errs := voiceHandler(refusing{}, tt.by, counts{})(ctx, messagesOf(bodies...))
				if lasted := time.Since(began); lasted > batchTime {
					t.Errorf("lasted %s, want the batch answered in its time", lasted)
				}
				for i, err := range errs {
					if failed, want := err != nil, strings.HasPrefix(tt.calls[i], "stuck"); failed != want {
						t.Errorf("%s: got %v, want an error: %t", tt.calls[i], err, want)
					}
				}
			})
		})
	}
}

// Every task of the schedule runs, whatever the others do, and the run ends in its time.
func TestScheduleRunsEveryTask(t *testing.T) {
	errRefused := errors.New("refused")
	for _, tt := range []struct {
		name  string
		first func(context.Context) error
		want  string // in the error
	}{
		{name: "the first succeeds", first: func(context.Context) error { return nil }},
		{name: "the first fails", first: func(context.Context) error { return errRefused }, want: "refused"},
		{name: "the first panics", first: func(context.Context) error { panic("no such thing") }, want: "no such thing"},
		{name: "the first hangs", first: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, want: "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var ran []string
				task := func(name string) func(context.Context) error {
					return func(ctx context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						if deadline, has := ctx.Deadline(); !has || time.Until(deadline) < lambdaTime/2 {
							t.Errorf("%s: got %s, want time to work in", name, time.Until(deadline))
						}
						ran = append(ran, name)
						return nil
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), lambdaTime)
				defer cancel()
				err := schedule(ctx, tt.first, task("second"), task("third"))
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if ctx.Err() != nil {
					t.Error("the run lasted until its time was up, and so reports nothing")
				}
				if slices.Sort(ran); !slices.Equal(ran, []string{"second", "third"}) {
					t.Errorf("got %v run, want the others too", ran)
				}
			})
		})
	}
}
