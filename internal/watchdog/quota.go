package watchdog

import (
	"context"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// checkQuota publishes how many pipelines are active, and warns near the quota.
func (s Service) checkQuota(ctx context.Context, open []pipeline.OpenPipeline) error {
	s.Counts.Count("ActivePipelines", len(open))
	w := Warning{Condition: QuotaNear, Active: len(open), Quota: s.Limits.Quota}
	return s.notifyWhile(ctx, &w, func(warned bool) (bool, error) { return NearQuota(len(open), warned, s.Limits), nil })
}

// NearQuota reports whether so many active pipelines are near the quota: 80 % of it, and
// after the warning 70 %.
func NearQuota(active int, warned bool, l Limits) bool {
	if warned {
		return active*10 >= l.Quota*7
	}
	return active*10 >= l.Quota*8
}

// checkLingering warns of pipelines that only voice analytics keeps, which was not ended.
func (s Service) checkLingering(ctx context.Context, open []pipeline.OpenPipeline) error {
	w := Warning{Condition: PipelinesLinger}
	for _, p := range open {
		if Lingers(p.State, s.Now()) {
			w.Pipelines = append(w.Pipelines, p.State)
		}
	}
	return s.notifyWhile(ctx, &w, func(bool) (bool, error) { return len(w.Pipelines) > 0, nil })
}

// Lingers reports whether a pipeline is in progress although nothing of it runs any more
// but the voice-analytics processor: the service keeps it until it is deleted, and it
// counts against the quota.
func Lingers(st pipeline.State, now time.Time) bool {
	if st.Status != pipeline.InProgress || now.Sub(st.UpdatedAt()) < margin {
		return false
	}
	voice, others := false, 0
	for _, e := range st.Elements {
		switch {
		case e.Type == chime.ElementVoiceAnalytics:
			voice = e.Status == chime.StatusInProgress
		case e.Status == chime.StatusStopped || e.Failing():
			others++
		default:
			return false
		}
	}
	return voice && others > 0
}
