package lambdafn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/redact"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// Handler handles the messages of one invocation together. It returns one error or
// nil for each, in their order: Lambda tries the failed ones again, and at last
// they go to the dead-letter queue. Handlers must be idempotent.
type Handler func(context.Context, []Message) []error

// Each returns a Handler that calls handle for one message after another, also
// after one has failed. A panic is the error of its message. Once ctx is done, the
// messages that are left fail without a call.
func Each(handle func(ctx context.Context, body []byte) error) Handler {
	return func(ctx context.Context, messages []Message) []error {
		errs := make([]error, len(messages))
		for i, m := range messages {
			if errs[i] = context.Cause(ctx); errs[i] != nil {
				errs[i] = apperr.Wrap(errs[i], apperr.Unavailable, "message", "was not handled in the time left",
					"raise the function's timeout or lower its batch size")
				continue
			}
			errs[i] = handleOne(ctx, m.Body, handle)
		}
		return errs
	}
}

// Scheduled returns a Handler for a schedule's event. It runs all tasks side by
// side: an error, a panic or a hanging call of one does not stop the others.
func Scheduled(tasks ...func(context.Context) error) Handler {
	return Each(func(ctx context.Context, _ []byte) error {
		return errors.Join(timeshare.Each(ctx, len(tasks), len(tasks), func(ctx context.Context, i int) error {
			return tasks[i](ctx)
		})...)
	})
}

func handleOne(ctx context.Context, body []byte, handle func(context.Context, []byte) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return handle(ctx, body)
}

// panicked is the error of a panic, with its stack.
func panicked(p any) error {
	return apperr.New(apperr.Internal, "message", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()), "")
}

// reportTime is what an invocation keeps of its time to report in: errors reach
// the log, counts the metrics and a partial batch response Lambda only if it ends
// before Lambda ends it.
const reportTime = 3 * time.Second

// Handle calls handle with all messages of a payload, unless it holds none, and
// returns what the Lambda function returns.
//
// For a batch of a queue or a stream that is a partial batch response with the
// identifiers of the failed records, and a nil error: Lambda offers only those
// again, and of a stream everything from the first of them. The errors are logged,
// as the response has no place for them. Where a failed record has no identifier,
// the whole batch fails: an empty identifier would mean the failure of all.
//
// For every other payload the response is nil and the error joins those of all
// that failed, so that Lambda tries the invocation again or sends it to its
// OnFailure destination.
//
// handle has reportTime less than the time until ctx's deadline.
func Handle(ctx context.Context, payload []byte, handle Handler) (response []byte, err error) {
	if deadline, has := ctx.Deadline(); has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reportTime))
		defer cancel()
	}
	batch, err := Unwrap(payload)
	if err != nil {
		return nil, err
	}
	if len(batch.Messages) == 0 {
		return respond(ctx, batch, nil)
	}
	n := len(batch.Messages)
	defer func() {
		if p := recover(); p != nil {
			response, err = respond(ctx, batch, slices.Repeat([]error{panicked(p)}, n))
		}
	}()
	errs := handle(ctx, batch.Messages)
	if len(errs) != n {
		wrong := fmt.Sprintf("the handler returned %d results for %d messages", len(errs), n)
		errs = slices.Repeat([]error{apperr.New(apperr.Internal, "messages", wrong, "")}, n)
	}
	return respond(ctx, batch, errs)
}

// respond returns what the function returns where its messages have these errors.
func respond(ctx context.Context, batch Batch, errs []error) ([]byte, error) {
	failures := batch.Failures
	for i, err := range errs {
		if err != nil {
			failures = append(failures, Failure{RecordID: batch.Messages[i].RecordID, Err: err})
		}
	}
	if !batch.Partial || slices.ContainsFunc(failures, func(f Failure) bool { return f.RecordID == "" }) {
		return nil, joined(failures)
	}
	for _, f := range failures {
		slog.ErrorContext(ctx, "record failed and is offered again", "recordId", f.RecordID,
			"source", string(batch.Source), "error", redact.Text(f.Err.Error()))
	}
	return partialResponse(failures)
}

// maxErrors is how many errors the error of a payload spells out: ten thousand
// messages often fail for one reason.
const maxErrors = 20

func joined(failures []Failure) error {
	var list []error
	for i, f := range failures {
		if i == maxErrors {
			list = append(list, fmt.Errorf("and %d more failed", len(failures)-maxErrors))
			break
		}
		list = append(list, f.Err)
	}
	return errors.Join(list...)
}

// partialResponse names each failed record once, in the order of the failures.
func partialResponse(failures []Failure) ([]byte, error) {
	type item struct {
		ItemIdentifier string `json:"itemIdentifier"`
	}
	response := struct {
		Failures []item `json:"batchItemFailures"`
	}{[]item{}} // Lambda wants a list, not null
	named := map[string]bool{}
	for _, f := range failures {
		if !named[f.RecordID] {
			named[f.RecordID] = true
			response.Failures = append(response.Failures, item{f.RecordID})
		}
	}
	return json.Marshal(response)
}
