// The function failures takes what failed for good into incidents, and tells
// people of those.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/topic"
)

func main() {
	lambdafn.Main("failures", func(p lambdafn.Parts) handler.Handler {
		return handler.Failures(handler.Incidents{
			Table: p.Table, Topic: topic.New(sns.NewFromConfig(p.AWS), p.Env("CHIMEWATCH_FAILURE_TOPIC_ARN")),
			Words:  p.Words(p.HTTPS.Failures),
			Timing: p.Settings.Timing, Owner: lambdafn.Invocation, Now: time.Now,
		}, p.Metrics)
	})
}
