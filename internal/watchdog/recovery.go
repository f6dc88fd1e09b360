package watchdog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// checkRecovery records temporary failures that last as failures.
func (s Service) checkRecovery(ctx context.Context, open []pipeline.OpenPipeline) error {
	var errs []error
	for _, p := range open {
		if element, since, ok := Unrecovered(p.State, s.Now(), s.Limits); ok {
			errs = append(errs, s.Incidents.RecordFailure(ctx, incident.Failure{
				Kind: incident.TemporaryFailure, State: p.State, Event: p.State, Element: element, At: since,
			}))
		}
	}
	return errors.Join(errs...)
}

// Unrecovered reports whether the temporary failure of a pipeline lasts for longer than
// it may, and since when. element is the most severe of those that fail; empty when no
// element says that it fails. A pipeline that is older than the service allows has ended,
// whatever its events say: ok is false then.
func Unrecovered(st pipeline.State, now time.Time, l Limits) (element chime.Element, since time.Time, ok bool) {
	over := now.Sub(st.CreatedAt) > maxAge+margin
	if over || st.Status != pipeline.TemporarilyFailed || now.Sub(st.StatusOrder.Time()) < l.Recovery {
		return element, since, false
	}
	failed := slices.DeleteFunc(slices.Clone(st.Elements), func(e chime.Element) bool {
		return e.Status != chime.StatusTemporarilyFailed
	})
	for _, e := range failed {
		if e.Type == incident.MostSevere(failed) {
			element = e
		}
	}
	return element, st.StatusOrder.Time(), true
}
