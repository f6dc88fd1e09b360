// The function failures tells people of what failed for good.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/topic"
)

func main() {
	function.Main("failures", func(p function.Parts) handler.Handler {
		to := topic.New(sns.NewFromConfig(p.AWS), p.Env("CHIMEWATCH_FAILURE_TOPIC_ARN"))
		return handler.Failures(p.Table, to, p.Metrics, alert.Options{FullNumbers: p.FullNumbers, RunbookURL: p.RunbookURL}, function.Invocation)
	})
}
