// Package chimesdk stands in for the Chime API. It answers AWS clients in the service's
// own shapes; what it knows of calls was set, or comes from their events.
package chimesdk

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Pipeline is a media insights pipeline as the API describes it.
type Pipeline struct {
	ID               string `json:"MediaPipelineId"`
	ARN              string `json:"MediaPipelineArn"`
	ConfigurationARN string `json:"MediaInsightsPipelineConfigurationArn,omitempty"`
	// Status is Initializing, NotStarted, InProgress, Paused, Stopping, Stopped or Failed.
	Status    string
	CreatedAt time.Time         `json:"CreatedTimestamp,omitzero"`
	Elements  []Element         `json:"ElementStatuses"`
	Metadata  map[string]string `json:"MediaInsightsRuntimeMetadata,omitempty"`
}

// Element is a processor or sink of a pipeline.
type Element struct{ Type, Status string }

// Path is the beginning of the paths of the media pipelines API.
const Path = "/sdk-media-pipelines"

// Pipelines is the media pipelines API. Its methods may be called from any goroutine.
type Pipelines struct {
	mu      sync.Mutex
	byID    map[string]Pipeline
	learned map[string]pipeline.State
	lookups int
	refusals
}

// NewPipelines makes an API without pipelines.
func NewPipelines() *Pipelines {
	return &Pipelines{byID: map[string]Pipeline{}, learned: map[string]pipeline.State{}}
}

// Set sets what the API answers about pipelines.
func (p *Pipelines) Set(all ...Pipeline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range all {
		p.byID[one.ID] = one
		delete(p.learned, one.ID)
	}
}

// statusOf has the API's status for each status of a state. The API has no temporary
// failures.
var statusOf = map[pipeline.Status]string{
	pipeline.Created: "NotStarted", pipeline.InProgress: "InProgress", pipeline.TemporarilyFailed: "InProgress",
	pipeline.Paused: "Paused", pipeline.Stopped: "Stopped", pipeline.Failed: "Failed",
}

// Learn merges what an event says of a pipeline into what the API answers about it, unless
// that comes from Set.
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
		return // the pipeline was not created, or its status is not known
	}
	one := Pipeline{ID: st.ID, ARN: st.PipelineARN, ConfigurationARN: st.ConfigurationARN, Status: statusOf[st.Status],
		CreatedAt: st.CreatedAt}
	for _, e := range st.Elements {
		one.Elements = append(one.Elements, Element{e.Type, e.Status})
	}
	p.byID[st.ID] = one
}

// Lookups returns how many requests for single pipelines there were, including those refused.
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
	one, known := p.byID[id]
	code := p.next()
	switch {
	case code != 0:
		refuse(w, code)
	case id == "" && r.Method == http.MethodGet:
		p.list(w, r)
	case id != "" && !known:
		refuse(w, http.StatusNotFound)
	case id != "" && r.Method == http.MethodGet:
		awsprotocol.WriteJSON(w, http.StatusOK,
			map[string]any{"MediaPipeline": map[string]any{"MediaInsightsPipeline": one}})
	case id != "" && r.Method == http.MethodDelete:
		delete(p.byID, id)
		delete(p.learned, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusBadRequest)
	}
}

// list answers with pages of ids and ARNs, by id; the token is the last id of the page
// before.
func (p *Pipelines) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(cmp.Or(query.Get("max-results"), "99"))
	if err != nil || limit < 1 || limit > 99 {
		refuse(w, http.StatusBadRequest)
		return
	}
	listed := func(id string) bool { return id <= query.Get("next-token") }
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(p.byID)), listed)
	page, answer := []map[string]string{}, map[string]any{}
	if len(ids) > limit {
		ids = ids[:limit]
		answer["NextToken"] = ids[limit-1]
	}
	for _, id := range ids {
		page = append(page, map[string]string{"MediaPipelineId": id, "MediaPipelineArn": p.byID[id].ARN})
	}
	answer["MediaPipelines"] = page
	awsprotocol.WriteJSON(w, http.StatusOK, answer)
}

// refusals are the status codes with which an API answers next.
type refusals struct {
	mu    sync.Mutex
	codes []int
}

// Refuse makes the next requests fail with these status codes, such as 429 and 500. Of the
// voice API, only those that start or stop a task.
func (r *refusals) Refuse(codes ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes = append(r.codes, codes...)
}

// next removes the first code and returns it, 0 if there is none.
func (r *refusals) next() (code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.codes) > 0 {
		code, r.codes = r.codes[0], r.codes[1:]
	}
	return code
}

// errorsOf has the service's error for each status code, the code and the message.
var errorsOf = map[int][2]string{
	http.StatusBadRequest:          {"BadRequestException", "The request is invalid."},
	http.StatusForbidden:           {"ForbiddenException", "The client may not make this request."},
	http.StatusNotFound:            {"NotFoundException", "There is no such resource."},
	http.StatusConflict:            {"ConflictException", "The same request is under way, or the call has such a task."},
	http.StatusGone:                {"GoneException", "The call is over."},
	http.StatusUnprocessableEntity: {"UnprocessableEntityException", "The request does not fit the state of the call."},
	http.StatusTooManyRequests:     {"ThrottledClientException", "The client made too many requests."},
	http.StatusInternalServerError: {"ServiceFailureException", "The service encountered an unexpected error."},
	http.StatusServiceUnavailable:  {"ServiceUnavailableException", "The service is not available."},
}

// refuse answers with the service's error for a status code.
func refuse(w http.ResponseWriter, status int) {
	e, known := errorsOf[status]
	if !known {
		e = errorsOf[http.StatusInternalServerError]
	}
	w.Header().Set("X-Amzn-ErrorType", e[0])
	awsprotocol.WriteJSON(w, status, map[string]string{"Code": e[0], "Message": e[1]})
}
