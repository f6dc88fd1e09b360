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
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// lambdaTime is how long the function watch may run.
const lambdaTime = 55 * time.Second

// stuck settles calls, but for some it gets no answer, and for others it is refused.
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

// ledgers keeps the consent that has run out, in an order of its own.
type ledgers struct {
	mu   sync.Mutex
	left []string // transactions
}

func (l *ledgers) ExpiredConsent(context.Context, time.Time) (lapsed []voicetask.Expiry, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.left {
		lapsed = append(lapsed, voicetask.Expiry{Event: "e-" + id, TransactionID: id})
	}
	return lapsed, nil
}

func (l *ledgers) EndExpiry(ctx context.Context, lapse voicetask.Expiry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = slices.DeleteFunc(l.left, func(id string) bool { return id == lapse.TransactionID })
	return ctx.Err()
}

// numbered returns n ids, from the first one on.
func numbered(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%04d", prefix, i))
	}
	return ids
}

func begins(with string) func(string) bool {
	return func(id string) bool { return strings.HasPrefix(id, with) }
}

// A call that cannot be settled, because the service does not answer or refuses,
// keeps no other one waiting, wherever it stands.
func TestStuckCallsDoNotBlockOthers(t *testing.T) {
	hangs, refuses := stuck{hangs: begins("stuck")}, stuck{refuses: begins("stuck")}
	for _, tt := range []struct {
		name  string
		calls []string
		by    stuck
		runs  int
		want  []string // that are left after the runs
	}{
		{"no answer for the first", append([]string{"stuck"}, numbered("good", 25)...), hangs, 1, []string{"stuck"}},
		{"the first is refused", append([]string{"stuck"}, numbered("good", 25)...), refuses, 1, []string{"stuck"}},
		{"60 without an answer first", append(numbered("stuck", 60), "good"), hangs, 2, numbered("stuck", 60)},
		{"60 and 200 more", append(numbered("stuck", 60), numbered("good", 200)...), hangs, 2, numbered("stuck", 60)},
		{"600 without an answer first", append(numbered("stuck", 600), "good"), hangs, 60, numbered("stuck", 600)},
		{"none", numbered("good", 500), hangs, 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := &ledgers{left: slices.Clone(tt.calls)}
				run := all(expiryOf(table, tt.by, time.Now))
				for range tt.runs {
					ctx, cancel := context.WithTimeout(t.Context(), lambdaTime)
					err := run(ctx, lambdafn.Message{})
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

// What the table has lapsed is looked up with consent of its own time: a run that
// cannot read it says so.
func TestUnreadableExpiredConsentIsAnError(t *testing.T) {
	run := expiryOf(unreadable{}, stuck{}, time.Now)
	if err := run(t.Context(), lambdafn.Message{}); !errors.Is(err, errUnreadable) {
		t.Errorf("got %v, want %v", err, errUnreadable)
	}
}

var errUnreadable = errors.New("the table cannot be read")

type unreadable struct{ voicetask.Expiries }

func (unreadable) ExpiredConsent(context.Context, time.Time) ([]voicetask.Expiry, error) {
	return nil, errUnreadable
}

// One call that has no answer fails its own notifications of a batch, and no others.
func TestStuckCallsFailOnlyTheirOwnNotifications(t *testing.T) {
	const batchTime = 57 * time.Second
	for _, tt := range []struct {
		name  string
		calls []string
		by    stuck
	}{
		{"no answer for the first", append([]string{"stuck"}, numbered("good", 24)...), stuck{hangs: begins("stuck")}},
		{"the first is refused", append([]string{"stuck"}, numbered("good", 24)...), stuck{refuses: begins("stuck")}},
		{"no answer for all but the last", append(numbered("stuck", 24), "good"), stuck{hangs: begins("stuck")}},
		{"no answer for hundreds", append(numbered("stuck", 150), numbered("good", 50)...), stuck{hangs: begins("stuck")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var messages []lambdafn.Message
				for _, id := range tt.calls {
					messages = append(messages, lambdafn.Message{Body: fmt.Appendf(nil,
						`{"id":"n-%[1]s","detail-type":"VoiceAnalyticsStatus","time":"2026-03-11T08:15:04Z",
						"detail":{"detailStatus":"AnalyticsReady","transactionId":%[1]q,"voiceConnectorId":"v"}}`, id)})
				}
				ctx, cancel := context.WithTimeout(t.Context(), batchTime)
				defer cancel()
				began := time.Now()
				errs := voiceOf(refusing{}, tt.by, count{})(ctx, messages)
				if took := time.Since(began); took > batchTime {
					t.Errorf("took %s, want the batch answered in its time", took)
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

// Every handler runs, whatever the others do, and the run ends in its time.
func TestScheduleRunsEveryTask(t *testing.T) {
	errRefused := errors.New("refused")
	for _, tt := range []struct {
		name  string
		first oneHandler
		want  string // in the error
	}{
		{"the first does its work", func(context.Context, lambdafn.Message) error { return nil }, ""},
		{"the first fails", func(context.Context, lambdafn.Message) error { return errRefused }, "refused"},
		{"the first panics", func(context.Context, lambdafn.Message) error { panic("no such thing") }, "no such thing"},
		{"the first hangs", func(ctx context.Context, _ lambdafn.Message) error {
			<-ctx.Done()
			return ctx.Err()
		}, "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var ran []string
				second := func(name string) oneHandler {
					return func(ctx context.Context, m lambdafn.Message) error {
						mu.Lock()
						defer mu.Unlock()
						if deadline, has := ctx.Deadline(); !has || time.Until(deadline) < lambdaTime/2 {
							t.Errorf("%s: got %s, want time to work in", name, time.Until(deadline))
						}
						ran = append(ran, name+string(m.Body))
						return nil
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), lambdaTime)
				defer cancel()
				err := all(tt.first, second("second"), second("third"))(ctx, lambdafn.Message{Body: []byte("!")})
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if ctx.Err() != nil {
					t.Error("the run lasted until its time was up, and so reports nothing")
				}
				if slices.Sort(ran); !slices.Equal(ran, []string{"second!", "third!"}) {
					t.Errorf("got %v run, want the others too", ran)
				}
			})
		})
	}
}
