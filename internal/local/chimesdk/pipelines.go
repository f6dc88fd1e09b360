// Package chimesdk stands in for the Amazon Chime SDK's API: it answers any AWS
// client in the service's own shapes, from what it was told of the calls.
package chimesdk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Pipeline is a media insights pipeline as the API tells of it.
type Pipeline struct {
	ID, ARN, ConfigurationARN string
	// Status is Initializing, NotStarted, InProgress, Paused, Stopping, Stopped
	// or Failed.
	Status    string
	CreatedAt time.Time
	Elements  []Element
	Metadata  map[string]string
}

// Element is a processor or sink of a pipeline.
type Element struct{ Type, Status string }

// Path is what the paths of the media pipelines API begin with.
const Path = "/sdk-media-pipelines"

// Pipelines is the media pipelines API. Its methods may be called from any
// goroutine.
type Pipelines struct {
	mu      sync.Mutex
	byID    map[string]Pipeline
	learned map[string]pipeline.State
	refuse  []int
	lookups int
}

// NewPipelines makes an API that knows no pipeline.
func NewPipelines() *Pipelines {
	return &Pipelines{byID: map[string]Pipeline{}, learned: map[string]pipeline.State{}}
}

// Set makes the API know a pipeline as it is now.
func (p *Pipelines) Set(all ...Pipeline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range all {
		p.byID[one.ID] = one
		delete(p.learned, one.ID)
	}
}

// statusOf gives the API's word for a status that events tell. The API does not
// know temporary failures.
var statusOf = map[pipeline.Status]string{
	pipeline.Created: "NotStarted", pipeline.InProgress: "InProgress", pipeline.TemporarilyFailed: "InProgress",
	pipeline.Paused: "Paused", pipeline.Stopped: "Stopped", pipeline.Failed: "Failed",
}

// Learn makes the API know a pipeline as an event tells of it, joined with what
// it has learned before; unless Set has said what it is.
func (p *Pipelines) Learn(event pipeline.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, learned := p.learned[event.ID]
	if _, known := p.byID[event.ID]; known && !learned {
		return
	}
	st := pipeline.Merge(before, event)
	p.learned[st.ID] = st
	if statusOf[st.Status] == "" {
		return // no pipeline came to be, or nobody has said what it does
	}
	one := Pipeline{ID: st.ID, ARN: st.PipelineARN, ConfigurationARN: st.ConfigurationARN, Status: statusOf[st.Status], CreatedAt: st.CreatedAt}
	for _, e := range st.Elements {
		one.Elements = append(one.Elements, Element{e.Type, e.Status})
	}
	p.byID[st.ID] = one
}

// Refuse makes the next requests fail with these status codes, such as 429 and 500.
func (p *Pipelines) Refuse(codes ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = append(p.refuse, codes...)
}

// Lookups counts the requests for single pipelines, those refused included.
func (p *Pipelines) Lookups() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lookups
}

// ServeHTTP answers GetMediaPipeline, ListMediaPipelines and DeleteMediaPipeline.
func (p *Pipelines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, Path), "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != "" {
		p.lookups++
	}
	if len(p.refuse) > 0 {
		code := p.refuse[0]
		p.refuse = p.refuse[1:]
		refuse(w, code)
		return
	}
	one, known := p.byID[id]
	switch {
	case id == "" && r.Method == http.MethodGet:
		p.list(w, r)
	case id == "":
		refuse(w, http.StatusBadRequest)
	case !known:
		refuse(w, http.StatusNotFound)
	case r.Method == http.MethodGet:
		awsprotocol.WriteJSON(w, http.StatusOK, map[string]any{"MediaPipeline": map[string]any{"MediaInsightsPipeline": one.shape()}})
	case r.Method == http.MethodDelete:
		delete(p.byID, id)
		delete(p.learned, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusBadRequest)
	}
}

// list gives pages of ids and ARNs, by id; the token is the last id of the page before.
func (p *Pipelines) list(w http.ResponseWriter, r *http.Request) {
	most, err := strconv.Atoi(r.URL.Query().Get("max-results"))
	if err != nil {
		most = 99
	}
	if most < 1 || most > 99 {
		refuse(w, http.StatusBadRequest)
		return
	}
	after := r.URL.Query().Get("next-token")
	var ids []string
	for id := range p.byID {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	answer := map[string]any{}
	if len(ids) > most {
		ids = ids[:most]
		answer["NextToken"] = ids[most-1]
	}
	page := make([]map[string]string, len(ids))
	for i, id := range ids {
		page[i] = map[string]string{"MediaPipelineId": id, "MediaPipelineArn": p.byID[id].ARN}
	}
	answer["MediaPipelines"] = page
	awsprotocol.WriteJSON(w, http.StatusOK, answer)
}

func (p Pipeline) shape() map[string]any {
	elements := make([]map[string]string, len(p.Elements))
	for i, e := range p.Elements {
		elements[i] = map[string]string{"Type": e.Type, "Status": e.Status}
	}
	shape := map[string]any{"MediaPipelineId": p.ID, "MediaPipelineArn": p.ARN, "Status": p.Status, "ElementStatuses": elements}
	if !p.CreatedAt.IsZero() {
		shape["CreatedTimestamp"] = p.CreatedAt.UTC().Format(time.RFC3339)
	}
	if p.ConfigurationARN != "" {
		shape["MediaInsightsPipelineConfigurationArn"] = p.ConfigurationARN
	}
	if len(p.Metadata) > 0 {
		shape["MediaInsightsRuntimeMetadata"] = p.Metadata
	}
	return shape
}

// refuse answers with the service's error for a status code.
func refuse(w http.ResponseWriter, status int) {
	code, message := "ServiceFailureException", "The service encountered an unexpected error."
	switch status {
	case http.StatusBadRequest:
		code, message = "BadRequestException", "The request is not one that this API takes."
	case http.StatusForbidden:
		code, message = "ForbiddenException", "The client may not make this request."
	case http.StatusNotFound:
		code, message = "NotFoundException", "There is no such resource."
	case http.StatusConflict:
		code, message = "ConflictException", "The same request is under way, or the call has such a task."
	case http.StatusGone:
		code, message = "GoneException", "The call is over."
	case http.StatusUnprocessableEntity:
		code, message = "UnprocessableEntityException", "The request makes no sense for this call."
	case http.StatusTooManyRequests:
		code, message = "ThrottledClientException", "The client made too many requests."
	case http.StatusServiceUnavailable:
		code, message = "ServiceUnavailableException", "The service is not available."
	}
	w.Header().Set("X-Amzn-ErrorType", code)
	awsprotocol.WriteJSON(w, status, map[string]string{"Code": code, "Message": message})
}
