package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/schemas"
)

func exampleBody(t testing.TB, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}

// publish sends the message "opening" to the world's topic.
func publish(p *faultinject.Process) error {
	attributes := map[string]types.MessageAttributeValue{"id": {StringValue: aws.String("opening")}}
	_, err := p.Publisher().Publish(context.Background(), &sns.PublishInput{MessageAttributes: attributes})
	return err
}

// nothing sends nothing.
func nothing(context.Context) error { return nil }

// once is TryOnce, and waits until the notification is sent.
func once(
	ctx context.Context, s *dynamo.Store, partition dynamo.Partition, n notify.Notification, owner string,
	send func(context.Context) error,
) error {
	for {
		sent, err := s.TryOnce(ctx, partition, n, owner, send)
		if err != nil || !sent.SentAt.IsZero() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// join records a failure in its incident.
func join(ctx context.Context, s *dynamo.Store, r incident.Report) (incident.Incident, error) {
	return joinWith(ctx, s, r, timing)
}

func joinWith(ctx context.Context, s *dynamo.Store, r incident.Report, timing incident.Timing) (incident.Incident,
	error) {
	return (&incident.Service{Repo: s, Timing: timing, Now: s.Now}).Record(ctx, r)
}

// closeIncident closes an incident now.
func closeIncident(ctx context.Context, s *dynamo.Store, i incident.Incident) (incident.Incident, error) {
	at := s.Now()
	err := s.Close(ctx, i, at)
	switch {
	case err == nil:
		i.ClosedAt = at
	case errors.Is(err, retry.ErrChanged):
		err = apperr.Wrap(err, apperr.Conflict, "incident "+i.ID, "cannot be closed", "")
	}
	return i, err
}

func example(t testing.TB, name string) *chime.Event {
	t.Helper()
	ev, err := chime.Parse(exampleBody(t, name))
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return ev
}
