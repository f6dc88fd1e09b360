// The function alerts keeps rule matches and tells people of them.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/chimewatch/chimewatch/internal/alert"
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/topic"
)

func main() {
	function.Main("alerts", func(p function.Parts) handler.Handler {
		to := topic.New(sns.NewFromConfig(p.AWS), p.Env("CHIMEWATCH_ALERT_TOPIC_ARN"))
		return handler.Alerts(p.Table, to, p.Metrics, alert.Options{FullNumbers: p.FullNumbers, RunbookURL: p.RunbookURL}, function.Invocation)
	})
}
