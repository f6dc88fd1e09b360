package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// mostErrors is how many errors the error of a whole payload spells out; a
// batch that fails of one cause would else repeat it ten thousand times.
const mostErrors = 20

// Handle unwraps the payload and calls each for every message in it, one after
// the other, also after one failed. It gives what a Lambda function returns.
//
// A batch of a queue or a stream is answered with the identifiers of its failed
// records (ReportBatchItemFailures), and err is nil: Lambda offers only those
// again, of a stream everything from the first of them. The reasons are logged
// at slog's default logger, because the reply has no room for them. Where a
// record has no identifier the whole batch fails with an error, as Lambda would
// take an empty identifier for the failure of all.
//
// For every other payload the reply is nil, and err joins the errors of all that
// failed, so that Lambda retries the invocation or hands it to its OnFailure
// destination. Messages must therefore bear to be handled again.
//
// A panic in each is the error of that message, with the stack in it. Once ctx
// is done, the messages left are failed without a call.
func Handle(ctx context.Context, payload []byte, each func(context.Context, Message) error) (reply []byte, err error) {
	return HandleAll(ctx, payload, func(ctx context.Context, messages []Message) []error {
		errs := make([]error, len(messages))
		for i, m := range messages {
			errs[i] = handle(ctx, m, each)
		}
		return errs
	})
}

// HandleAll is Handle for a handler that does better with many messages at once
// than with one after the other. all is called once with every message of the
// payload, unless there is none, and gives an error or nil for each, in their
// order. A panic in it, or a list of another length, fails them all.
func HandleAll(ctx context.Context, payload []byte, all func(context.Context, []Message) []error) (reply []byte, err error) {
	batch, err := Read(payload)
	if err != nil {
		return nil, err
	}
	failures := batch.Failures
	for i, err := range handleAll(ctx, batch.Messages, all) {
		if err != nil {
			failures = append(failures, Failure{RecordID: batch.Messages[i].RecordID, Err: err})
		}
	}
	if !batch.Partial || lacksID(failures) {
		return nil, joined(failures)
	}
	for _, f := range failures {
		slog.ErrorContext(ctx, "record failed and is offered again", "recordId", f.RecordID,
			"source", string(batch.Source), "error", redact.Text(f.Err.Error()))
	}
	return partialReply(failures)
}

func handleAll(ctx context.Context, messages []Message, all func(context.Context, []Message) []error) (errs []error) {
	if len(messages) == 0 {
		return nil
	}
	failAll := func(what string) {
		errs = slices.Repeat([]error{apperr.New(apperr.Internal, "messages", what, "")}, len(messages))
	}
	defer func() {
		if p := recover(); p != nil {
			failAll(fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if errs = all(ctx, messages); len(errs) != len(messages) {
		failAll(fmt.Sprintf("the handler gave %d results for %d messages", len(errs), len(messages)))
	}
	return errs
}

func handle(ctx context.Context, m Message, each func(context.Context, Message) error) (err error) {
	if ctx.Err() != nil {
		return apperr.Wrap(context.Cause(ctx), apperr.Unavailable, "message", "was not handled in the time left", "raise the function's timeout or lower its batch size")
	}
	defer func() {
		if p := recover(); p != nil {
			err = apperr.New(apperr.Internal, "message", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()), "")
		}
	}()
	return each(ctx, m)
}

func lacksID(failures []Failure) bool {
	for _, f := range failures {
		if f.RecordID == "" {
			return true
		}
	}
	return false
}

func joined(failures []Failure) error {
	var list []error
	for i, f := range failures {
		if i == mostErrors {
			list = append(list, fmt.Errorf("and %d more failed", len(failures)-mostErrors))
			break
		}
		list = append(list, f.Err)
	}
	return errors.Join(list...)
}

type batchReply struct {
	Failures []itemFailure `json:"batchItemFailures"`
}

type itemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// partialReply names each failed record once, in the order of the failures.
func partialReply(failures []Failure) ([]byte, error) {
	reply := batchReply{Failures: []itemFailure{}} // Lambda wants a list, not null
	named := make(map[string]bool, len(failures))
	for _, f := range failures {
		if !named[f.RecordID] {
			named[f.RecordID] = true
			reply.Failures = append(reply.Failures, itemFailure{ItemIdentifier: f.RecordID})
		}
	}
	return json.Marshal(reply)
}
