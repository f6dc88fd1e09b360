package eventsource

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// queueBatch is how many messages a batch has without a batching window, and visibility
// how long they stay hidden meanwhile.
const (
	queueBatch = 10
	visibility = 10 * time.Minute
)

// Queue invokes a function with the messages of a queue. A message that failed is tried
// again, and in the end moved to the dead-letter queue with its bytes.
type Queue struct {
	From, Dead *sqs.Queue
	ARN        string
	Invoke     Invoke
	Retry      Retry
}

// Run invokes the function until ctx ends.
func (q Queue) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if messages := q.From.Receive(ctx, queueBatch, visibility); len(messages) > 0 {
			q.process(ctx, messages)
		}
	}
}

func (q Queue) process(ctx context.Context, messages []sqs.Message) {
	records := make([]any, len(messages))
	for i, m := range messages {
		records[i] = map[string]any{
			"messageId": m.ID, "receiptHandle": m.ID, "body": m.Body, "attributes": map[string]string{},
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs", "eventSourceARN": q.ARN,
		}
	}
	failed, all := q.Invoke.batch(ctx, records)
	for _, m := range messages {
		switch {
		case !all && !failed[m.ID]:
			q.From.Delete(m.ID)
		case m.Receives > q.Retry.Times:
			q.Dead.Send(m.Body, m.Attributes)
			q.From.Delete(m.ID)
		default:
			q.From.Hide(m.ID, q.Retry.Delay)
		}
	}
}
