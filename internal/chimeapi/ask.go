package chimeapi

import (
	"context"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// Ask implements watchdog.API.
func (c *Client) Ask(ctx context.Context, id string) (watchdog.Answer, error) {
	return AnswerOf(c.GetPipeline(ctx, id))
}

// AnswerOf returns what the watchdog reads of the result of GetPipeline: that there is
// no such pipeline is an answer, too.
func AnswerOf(p Pipeline, err error) (watchdog.Answer, error) {
	gone := apperr.ClassOf(err) == apperr.NotFound
	if err != nil && !gone {
		return watchdog.Answer{}, err
	}
	a := watchdog.Answer{Gone: gone, Status: p.Status, ConfigurationARN: p.ConfigurationARN, Metadata: p.Metadata}
	for _, e := range p.Elements {
		a.Elements = append(a.Elements, watchdog.AnswerElement(e))
	}
	return a, nil
}
