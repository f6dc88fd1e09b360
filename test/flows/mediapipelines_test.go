package flows_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

// mediaPipelines simulates the part of the Chime API that answers about media pipelines.
type mediaPipelines struct {
	mu    sync.Mutex
	known map[string]watchdog.Answer
	// errors are answers instead, by the pipeline.
	errors map[string]error
	asked  []string
}

func newMediaPipelines() *mediaPipelines { return &mediaPipelines{known: map[string]watchdog.Answer{}} }

func (p *mediaPipelines) get(id string) (watchdog.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, id)
	if err := p.errors[id]; err != nil {
		return watchdog.Answer{}, err
	}
	known, ok := p.known[id]
	if !ok {
		return watchdog.Answer{}, apiError(404)
	}
	return known, nil
}

// connection is the API as a process reaches it.
type connection struct {
	line *faultinject.Injector
	api  *mediaPipelines
}

func (c connection) GetPipeline(_ context.Context, id string) (answer watchdog.Answer, err error) {
	err = c.line.Do("GetMediaPipeline", func(how faultinject.Fault) error {
		if how == faultinject.Throttled {
			return apiError(429)
		}
		return apiError(500)
	}, func() (err error) {
		answer, err = c.api.get(id)
		return err
	})
	return answer, err
}

// apiError returns the error of the API's client for a status code.
func apiError(status int) error {
	class := map[int]apperr.Class{
		400: apperr.Invalid, 403: apperr.Internal, 404: apperr.NotFound, 429: apperr.Throttled, 500: apperr.Unavailable,
	}[status]
	what := fmt.Sprintf("failed with status %d", status)
	return apperr.New(class, "Amazon Chime SDK GetMediaPipeline", what, "it is tried again")
}
