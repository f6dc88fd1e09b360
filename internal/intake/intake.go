// Package intake is package lambdafn under its old name, until nothing uses it.
package intake

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

type (
	Message = lambdafn.Message
	Source  = lambdafn.Source
)

const (
	EventBridge = lambdafn.EventBridge
	SQS         = lambdafn.SQS
	SNS         = lambdafn.SNS
	Kinesis     = lambdafn.Kinesis
	Direct      = lambdafn.Direct
	MaxDepth    = lambdafn.MaxDepth
	MaxMessages = lambdafn.MaxMessages
)

var Read = lambdafn.Unwrap

func Handle(ctx context.Context, payload []byte, each func(context.Context, Message) error) ([]byte, error) {
	return lambdafn.Handle(ctx, payload, func(ctx context.Context, ms []Message) []error {
		var errs []error
		for _, m := range ms {
			errs = append(errs, lambdafn.Each(func(ctx context.Context, _ []byte) error { return each(ctx, m) })(ctx, []Message{m})[0])
		}
		return errs
	})
}

func HandleAll(ctx context.Context, payload []byte, all func(context.Context, []Message) []error) ([]byte, error) {
	return lambdafn.Handle(ctx, payload, all)
}
