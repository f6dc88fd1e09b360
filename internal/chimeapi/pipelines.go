package chimeapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/fault"
)

// Pipeline is what GetMediaPipeline tells of a media insights pipeline: no
// times of its elements, and no reason of a failure.
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

// pipelineShape is the wire form of a media insights pipeline.
type pipelineShape struct {
	MediaPipelineID  string            `json:"MediaPipelineId"`
	MediaPipelineARN string            `json:"MediaPipelineArn"`
	ConfigurationARN string            `json:"MediaInsightsPipelineConfigurationArn"`
	Status           string            `json:"Status"`
	RuntimeMetadata  map[string]string `json:"MediaInsightsRuntimeMetadata"`
	CreatedTimestamp time.Time         `json:"CreatedTimestamp"`
	ElementStatuses  []PipelineElement `json:"ElementStatuses"`
}

// GetPipeline asks for one media insights pipeline. One that the service does
// not know, or that is a media pipeline of another kind, is an error of class
// NotFound; too many requests, after the retries, is one of class Throttled.
func (c *Client) GetPipeline(ctx context.Context, id string) (Pipeline, error) {
	r := request{service: mediaPipelines, operation: "GetMediaPipeline", method: http.MethodGet, path: []string{"sdk-media-pipelines", id}}
	var answer struct {
		MediaPipeline *struct {
			MediaInsightsPipeline *pipelineShape
		}
	}
	if err := c.call(ctx, r, &answer); err != nil {
		return Pipeline{}, err
	}
	if answer.MediaPipeline == nil {
		return Pipeline{}, fault.New(fault.Unavailable, "Amazon Chime SDK "+r.operation, "gave an answer about media pipeline "+id+" with nothing in it", "it is tried again")
	}
	p := answer.MediaPipeline.MediaInsightsPipeline
	if p == nil {
		return Pipeline{}, fault.New(fault.NotFound, "Amazon Chime SDK "+r.operation, "media pipeline "+id+" is no media insights pipeline", "")
	}
	return Pipeline{
		ID: p.MediaPipelineID, ARN: p.MediaPipelineARN, ConfigurationARN: p.ConfigurationARN, Status: p.Status,
		CreatedAt: p.CreatedTimestamp, Elements: p.ElementStatuses, Metadata: p.RuntimeMetadata,
	}, nil
}

// PipelineSummary is what ListMediaPipelines tells of a pipeline.
type PipelineSummary struct {
	ID  string `json:"MediaPipelineId"`
	ARN string `json:"MediaPipelineArn"`
}

// maxPage is the most that a page of ListMediaPipelines holds.
const maxPage = 99

// ListPipelines gives one page of the account's media pipelines of every kind,
// and the token of the next page, empty on the last one.
func (c *Client) ListPipelines(ctx context.Context, token string) (page []PipelineSummary, next string, err error) {
	query := url.Values{"max-results": {strconv.Itoa(maxPage)}}
	if token != "" {
		query.Set("next-token", token)
	}
	r := request{service: mediaPipelines, operation: "ListMediaPipelines", method: http.MethodGet, path: []string{"sdk-media-pipelines"}, query: query}
	var answer struct {
		MediaPipelines []PipelineSummary
		NextToken      string
	}
	err = c.call(ctx, r, &answer)
	return answer.MediaPipelines, answer.NextToken, err
}
