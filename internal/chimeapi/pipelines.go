package chimeapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmediapipelines"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// GetPipeline implements watchdog.API. A media pipeline of another kind is not found.
func (c *Client) GetPipeline(ctx context.Context, id string) (watchdog.Answer, error) {
	out, err := call(ctx, c, c.pipelines.GetMediaPipeline,
		&chimesdkmediapipelines.GetMediaPipelineInput{MediaPipelineId: &id})
	if err != nil {
		return watchdog.Answer{}, err
	}
	place, name := where("GetMediaPipeline"), "media pipeline "+id
	if out.MediaPipeline == nil {
		return watchdog.Answer{}, apperr.New(apperr.Unavailable, place, "answered nothing about "+name, tryAgain)
	}
	p := out.MediaPipeline.MediaInsightsPipeline
	if p == nil {
		return watchdog.Answer{}, apperr.New(apperr.NotFound, place, name+" is no media insights pipeline", "")
	}
	answer := watchdog.Answer{
		Status: string(p.Status), ConfigurationARN: aws.ToString(p.MediaInsightsPipelineConfigurationArn),
		Metadata: p.MediaInsightsRuntimeMetadata,
	}
	for _, e := range p.ElementStatuses {
		answer.Elements = append(answer.Elements, watchdog.AnswerElement{Type: string(e.Type), Status: string(e.Status)})
	}
	return answer, nil
}
