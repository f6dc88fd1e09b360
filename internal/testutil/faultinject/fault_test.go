package faultinject_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
)

func publish(p faultinject.Publisher, id string) error {
	_, err := p.Publish(context.Background(), &sns.PublishInput{
		MessageAttributes: map[string]types.MessageAttributeValue{"id": {StringValue: aws.String(id)}},
	})
	return err
}

func TestFaultsOfACall(t *testing.T) {
	cases := []struct {
		fault     faultinject.Fault
		wantErr   string
		published string // a, b, c are published, and the call for b has the fault
	}{
		{faultinject.Before, "killed", "a"},
		{faultinject.After, "killed", "a b"},
		{faultinject.Throttled, "StatusCode: 429", "a c"},
		{faultinject.Failed, "StatusCode: 500", "a c"},
		{faultinject.Twice, "", "a b b c"},
	}
	for _, tc := range cases {
		t.Run(tc.fault.String(), func(t *testing.T) {
			p := faultinject.Publisher{Injector: &faultinject.Injector{}, To: &faultinject.Topic{}}
			p.Injector.InjectAt(2, tc.fault)
			var errs []error
			for _, id := range []string{"a", "b", "c"} {
				errs = append(errs, publish(p, id))
			}
			var published []string
			for _, m := range p.To.Published() {
				published = append(published, m.ID)
			}
			if got := strings.Join(published, " "); got != tc.published {
				t.Errorf("published: got %s, want %s", got, tc.published)
			}
			if got := fmt.Sprint(errs[1]); (errs[1] == nil) != (tc.wantErr == "") || !strings.Contains(got, tc.wantErr) {
				t.Errorf("got %v, want an error with %q", errs[1], tc.wantErr)
			}
			if killed := errors.Is(errs[2], faultinject.ErrKilled); killed != (tc.wantErr == "killed") {
				t.Errorf("the call after it: got %v", errs[2])
			}
			p.Injector.Revive()
			if err := publish(p, "d"); err != nil {
				t.Errorf("after it was revived: %v", err)
			}
		})
	}
}

func TestCallsAreRefusedUntilAllowed(t *testing.T) {
	p := faultinject.Publisher{Injector: &faultinject.Injector{}, To: &faultinject.Topic{}}
	p.Injector.Refuse("PutItem", 400, "AccessDeniedException")
	if err := publish(p, "a"); err != nil {
		t.Errorf("a call of another name: %v", err)
	}
	p.Injector.Refuse("Publish", 403, "AuthorizationError")
	for range 2 {
		if err := publish(p, "b"); err == nil || !strings.Contains(err.Error(), "AuthorizationError") {
			t.Errorf("got %v, want it refused", err)
		}
	}
	p.Injector.Allow()
	if err := publish(p, "c"); err != nil || len(p.To.Published()) != 2 {
		t.Errorf("allowed again: got %v and %v, want a and c", err, p.To.Published())
	}
}

func TestInterleaveFollowsTheSeed(t *testing.T) {
	orders := map[string]bool{}
	for seed := range int64(20) {
		to := &faultinject.Topic{}
		play := func() string {
			var works []faultinject.Work
			for n := range 2 {
				p := faultinject.Publisher{Injector: &faultinject.Injector{}, To: to}
				works = append(works, faultinject.Work{Injector: p.Injector, Do: func() error {
					return errors.Join(publish(p, fmt.Sprint(n)), publish(p, fmt.Sprint(n)), errors.New("the end"))
				}})
			}
			for _, err := range faultinject.RunInterleaved(seed, works...) {
				if err == nil || err.Error() != "the end" {
					t.Fatalf("got %v, want the error of the work", err)
				}
			}
			var order []string
			for _, m := range to.Published() {
				order = append(order, m.ID)
			}
			to = &faultinject.Topic{}
			return strings.Join(order, "")
		}
		first := play()
		if again := play(); again != first {
			t.Errorf("seed %d: got the order %s, then %s", seed, first, again)
		}
		sorted := []byte(first)
		slices.Sort(sorted)
		if string(sorted) != "0011" {
			t.Errorf("seed %d: got %s, want two calls of each", seed, first)
		}
		orders[first] = true
	}
	if len(orders) < 4 {
		t.Errorf("got only the orders %v", orders)
	}
}
