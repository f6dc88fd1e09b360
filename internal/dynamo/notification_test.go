package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// A claim keeps others from sending until it has run out.
func TestLease(t *testing.T) {
	db := faultinject.Server(t)
	w := faultinject.NewWorld(t, db)
	c := &clock{now: noon}
	n := notify.Notification{ID: "opening", Kind: "incident", Subject: "calls fail", Calls: 3}
	try := func(owner string, send func() error) (notify.Notification, error) {
		s := w.Process().Store(dynamo.Options{Now: c.Now})
		return s.TryOnce(t.Context(), ofGroup, n, owner, func(context.Context) error { return send() })
	}
	sends := 0
	send := func() error { sends++; return nil }
	if _, err := try("first", func() error { return faultinject.ErrKilled }); !errors.Is(err, faultinject.ErrKilled) {
		t.Fatalf("got %v, want the error of sending", err)
	}
	steps := []struct {
		name      string
		pass      time.Duration
		owner     string
		wantSends int
		wantSent  time.Duration // since noon; 0: not sent
	}{
		{"another waits", 0, "second", 0, 0},
		{"another waits for as long as the lease runs", 15 * time.Second, "second", 0, 0},
		{"then another sends", time.Millisecond, "second", 1, 15*time.Second + time.Millisecond},
		{"once it is sent, nobody does", time.Hour, "third", 1, 15*time.Second + time.Millisecond},
		{"nor does the one who tried first", 0, "first", 1, 15*time.Second + time.Millisecond},
	}
	for _, step := range steps {
		c.pass(step.pass)
		got, err := try(step.owner, send)
		if err != nil || sends != step.wantSends {
			t.Errorf("%s: got %d messages (%v), want %d", step.name, sends, err, step.wantSends)
		}
		if sent := !got.SentAt.IsZero(); sent != (step.wantSent > 0) || sent && !got.SentAt.Equal(noon.Add(step.wantSent)) {
			t.Errorf("%s: got sent at %v, want %s after noon", step.name, got.SentAt, step.wantSent)
		}
		if got.ID != n.ID || got.Calls != n.Calls {
			t.Errorf("%s: got %+v, want that of %+v", step.name, got, n)
		}
	}
}

// A process needs so long to send that another claims the notification, and dies:
// what is kept is what was sent, not what was to be.
func TestWhatWasSentIsKept(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	c := &clock{now: noon}
	s := w.Process().Store(dynamo.Options{Now: c.Now})
	try := func(owner string, calls int, send func(context.Context) error) (notify.Notification, error) {
		return s.TryOnce(t.Context(), ofGroup, notify.Notification{ID: "opening", Kind: "incident",
			Subject: fmt.Sprint(calls, " calls fail"), Calls: calls}, owner, send)
	}
	if _, err := try("slow", 2, func(context.Context) error {
		c.pass(time.Minute)
		if _, err := try("dies", 3, func(context.Context) error { return faultinject.ErrKilled }); !errors.Is(err,
			faultinject.ErrKilled) {
			t.Errorf("got %v, want it killed", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got, err := try("later", 4, func(context.Context) error { t.Error("it is sent again"); return nil })
	if err != nil || got.Calls != 2 || got.Subject != "2 calls fail" {
		t.Errorf("got %+v (%v), want what was sent", got, err)
	}
}

// A call is erased while a notification of it is sent: what is stored of that afterwards
// expires like all else.
func TestWhatWasSentExpiresAlthoughItsClaimIsGone(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	s := at(w.Process(), noon)
	n := notify.Notification{ID: "opening", Kind: "incident", Subject: "calls fail"}
	if _, err := s.TryOnce(t.Context(), ofGroup, n, "one", func(ctx context.Context) error {
		key := tabletest.NotificationOf(string(ofGroup), "opening").Item()
		_, err := w.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &w.Table, Key: key})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	key := tabletest.NotificationOf(string(ofGroup), "opening").String()
	if got, want := w.Expiry(t)[key], noon.Add(time.Hour).Unix(); got != want {
		t.Errorf("got expiry %d, want %d", got, want)
	}
}

func TestOwnerNeedNotWaitForItsOwnClaim(t *testing.T) {
	w := faultinject.NewWorld(t, faultinject.Server(t))
	p := w.Process()
	s := at(p, noon)
	p.Injector.InjectAt(2, faultinject.After) // the message is out, and nobody knows
	step := publishing(p, s, "one")
	if err := step(t.Context()); !errors.Is(err, faultinject.ErrKilled) {
		t.Fatalf("got %v, want it killed", err)
	}
	p.Injector.Revive()
	if err := step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.Topic.Times(); len(got) != 1 || got["opening"] != 2 {
		t.Errorf("got %v, want the same message twice", got)
	}
}
