package chimeapi

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmediapipelines"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Pipeline is a media insights pipeline as GetMediaPipeline describes it: without
// the times of its elements, and without the reason of a failure.
type Pipeline struct {
	ID, ARN, ConfigurationARN string
	// Status is Initializing, NotStarted, InProgress, Paused, Stopping, Stopped
	// or Failed.
	Status    string
	CreatedAt time.Time
	Elements  []PipelineElement
	Metadata  map[string]string
}

// PipelineElement is the status of a processor or sink.
type PipelineElement struct{ Type, Status string }

// GetPipeline returns one media insights pipeline. One that the service does not
// know, or that is a media pipeline of another kind, is an error of class
// NotFound.
func (c *Client) GetPipeline(ctx context.Context, id string) (Pipeline, error) {
	out, err := call(ctx, c, c.pipelines.GetMediaPipeline,
		&chimesdkmediapipelines.GetMediaPipelineInput{MediaPipelineId: &id})
	if err != nil {
		return Pipeline{}, err
	}
	place, name := where("GetMediaPipeline"), "media pipeline "+id
	if out.MediaPipeline == nil {
		return Pipeline{}, apperr.New(apperr.Unavailable, place, "answered nothing about "+name, tryAgain)
	}
	p := out.MediaPipeline.MediaInsightsPipeline
	if p == nil {
		return Pipeline{}, apperr.New(apperr.NotFound, place, name+" is no media insights pipeline", "")
	}
	pipeline := Pipeline{
		ID: aws.ToString(p.MediaPipelineId), ARN: aws.ToString(p.MediaPipelineArn),
		ConfigurationARN: aws.ToString(p.MediaInsightsPipelineConfigurationArn), Status: string(p.Status),
		CreatedAt: aws.ToTime(p.CreatedTimestamp), Metadata: p.MediaInsightsRuntimeMetadata,
	}
	for _, e := range p.ElementStatuses {
		pipeline.Elements = append(pipeline.Elements, PipelineElement{Type: string(e.Type), Status: string(e.Status)})
	}
	return pipeline, nil
}
