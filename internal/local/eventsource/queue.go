package eventsource

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// queueBatch is how many messages a function gets at once without a batching
// window, and visibility how long they stay hidden meanwhile.
const (
	queueBatch = 10
	visibility = 10 * time.Minute
)

// Queue feeds a function from a queue until ctx ends. What failed is offered
// again, and at last moved to the dead-letter queue with its bytes.
type Queue struct {
	From, Dead *sqs.Queue
	ARN        string
	Invoke     Invoke
	Retry      Retry
}

// Run feeds the function; it returns when ctx ends.
func (q Queue) Run(ctx context.Context) {
	for ctx.Err() == nil {
		messages := q.From.Receive(ctx, queueBatch, visibility)
		if len(messages) > 0 {
			q.hand(ctx, messages)
		}
	}
}

func (q Queue) hand(ctx context.Context, messages []sqs.Message) {
	records := make([]any, len(messages))
	for i, m := range messages {
		records[i] = map[string]any{
			"messageId": m.ID, "receiptHandle": m.ID, "body": m.Body, "attributes": map[string]string{},
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs", "eventSourceARN": q.ARN,
		}
	}
	items, all := failed(ctx, q.Invoke, records)
	for _, m := range messages {
		switch {
		case !all && !items[m.ID]:
			q.From.Delete(m.ID)
		case m.Receives > q.Retry.Times:
			q.Dead.Send(m.Body, m.Attributes)
			q.From.Delete(m.ID)
		default:
			q.From.Release(m.ID, q.Retry.Delay)
		}
	}
}
