package lambdafn

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/topic"
)

// envRoutes says where rule matches go; see package rulematch.
const envRoutes = "CHIMEWATCH_ROUTES"

// Alerts makes the handler of rule matches.
func Alerts(p Parts) handler.Handler { return alerts(p).Handle }

// HeldBack makes the handler that tells, on a schedule, of the rule matches that
// were held back.
func HeldBack(p Parts) handler.Handler { return alerts(p).HeldBack }

func alerts(p Parts) handler.Alerts {
	routes, err := rulematch.Parse("environment variable "+envRoutes, p.Optional(envRoutes))
	if err != nil {
		p.wrong(err)
	}
	client := sns.NewFromConfig(p.AWS)
	return handler.Alerts{
		Table: p.Table, Topic: topic.New(client, p.Env("CHIMEWATCH_ALERT_TOPIC_ARN")),
		Topics: func(arn string) handler.Publisher { return topic.New(client, arn) }, Routes: routes,
		Window: p.Settings.MatchWindow, Counts: p.Metrics, Words: p.Words(p.HTTPS.Alerts),
		Owner: Invocation, Now: time.Now,
	}
}
