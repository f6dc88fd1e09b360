// The function watch runs every minute and finds what the events do not tell.
package main

import (
	"context"
	"time"
	_ "time/tzdata" // for quiet hours; the runtime may not have it

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chimewatch/chimewatch/internal/chimeapi"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/topic"
)

func main() {
	lambdafn.Main("watch", func(p lambdafn.Parts) handler.Handler {
		watch := handler.Watch{
			Table: p.Table, API: chimeapi.New(p.AWS), Limits: p.Settings.Limits, Counts: p.Metrics,
			Account: p.Optional("CHIMEWATCH_ACCOUNT"), Region: p.AWS.Region, Wait: wait,
			Incidents: handler.Incidents{
				Table: p.Table, Topic: topic.New(sns.NewFromConfig(p.AWS), p.Env("CHIMEWATCH_FAILURE_TOPIC_ARN")),
				Words:  p.Words(p.HTTPS.Failures),
				Timing: p.Settings.Timing, Owner: lambdafn.Invocation, Now: time.Now,
			},
		}
		return handler.All(watch.Handle, lambdafn.HeldBack(p), handler.Lapses(p.Table, p.Keeper(), time.Now))
	})
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
