// The function failures takes what failed for good into incidents, and tells
// people of those.
package main

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/topic"
)

func main() {
	function.Main("failures", func(p function.Parts) handler.Handler {
		return handler.Failures(handler.Incidents{
			Table: p.Table, Topic: topic.New(sns.NewFromConfig(p.AWS), p.Env("CHIMEWATCH_FAILURE_TOPIC_ARN")),
			Words:  p.Words(p.HTTPS.Failures),
			Timing: p.Settings.Timing, Owner: function.Invocation, Now: time.Now,
		}, p.Metrics)
	})
}
