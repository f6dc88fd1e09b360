package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// Endpoint is the address for AWS clients, without a slash at the end.
func (s *Stack) Endpoint() string { return "http://" + s.listener.Addr().String() }

// DynamoDB returns a client for the stack's table.
func (s *Stack) DynamoDB() *dynamodb.Client { return dynalite.Client(s.Endpoint(), Region) }

// Put puts whole events, envelope included, on the bus, as Amazon Chime does. It returns
// when each is queued for the functions of the rules that match. The error is of class
// Invalid where some are not events; the others are put.
func (s *Stack) Put(events ...[]byte) error {
	var errs []error
	for _, event := range events {
		errs = append(errs, s.bus.Put(event))
	}
	return errors.Join(errs...)
}

// Invoke invokes a function once with the payload as it is, and returns its reply.
// A failure of the function is a *lambdahost.FunctionError.
func (s *Stack) Invoke(ctx context.Context, function string, payload []byte) ([]byte, error) {
	return s.host.Invoke(ctx, function, payload)
}

// InvokeAsync queues a payload for a function as an event source does: with retries, and
// with a record in the function queue when it fails for good.
func (s *Stack) InvokeAsync(function string, payload []byte) error {
	return s.host.Enqueue(function, payload)
}

// Drain waits until nothing is pending: every event that was put has been handled or has
// become a dead letter. When ctx ends before, the error is of class Unavailable.
func (s *Stack) Drain(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.Pending() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Unavailable, "local stack",
				fmt.Sprintf("%d invocations are not done", s.Pending()), "")
		}
	}
	return nil
}

// Pending returns how many invocations are not done: running, queued, waiting for a
// retry, or in the queue and the stream of voice notifications.
func (s *Stack) Pending() int {
	return len(s.queue[VoiceQueue].Messages()) + s.stream.Backlog() + s.host.Pending()
}

// Pipelines returns the stand-in for the media pipelines API.
func (s *Stack) Pipelines() *chimesdk.Pipelines { return s.pipelines }

// Voice returns the stand-in for the voice API.
func (s *Stack) Voice() *chimesdk.Voice { return s.voice }

// LogTail returns the last lines that a function wrote.
func (s *Stack) LogTail(function string) string { return s.host.LogTail(function) }
