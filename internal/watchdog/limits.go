// Package watchdog finds what the events do not tell: pipelines whose end was
// missed, failures that do not recover, pipelines that linger, and silence. It
// is pure: no AWS, no clock, no state.
package watchdog

import (
	"fmt"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// What the service allows, by the developer guide: a pipeline ends by itself
// when it is eight hours old, or has been paused for two.
const (
	oldest     = 8 * time.Hour
	pausedMost = 2 * time.Hour
	// margin is for events that are late.
	margin = 5 * time.Minute
)

// Limits are what the deployer chooses.
type Limits struct {
	// Silent is for how long an open pipeline may have no event before the API
	// is asked about it.
	Silent time.Duration
	// Recovery is for how long a temporary failure may last before people are told.
	Recovery time.Duration
	// Heartbeat is for how long there may be no event at all, where there
	// usually are some; zero disables the check.
	Heartbeat time.Duration
	// TimeZone and QuietHours say when no calls are missed; see NewHours. Both may be
	// empty.
	TimeZone, QuietHours string
	// Quota is how many pipelines may be active in the Region.
	Quota int
}

// DefaultLimits suit the service's default quota.
var DefaultLimits = Limits{Silent: time.Hour, Recovery: 5 * time.Minute, Heartbeat: time.Hour, TimeZone: DefaultTimeZone, Quota: 20}

// Ours reports whether a pipeline is a real one of the account and the Region that
// the watch runs in. The API there can be asked only about these, and only these
// count against its quota. What names neither is taken for ours; where the
// watch's own account or Region is empty, it is not compared.
func Ours(st pipeline.State, account, region string) bool {
	itsAccount, itsRegion := st.Place()
	same := func(its, ours string) bool { return its == "" || ours == "" || its == ours }
	return !st.Rehearsal() && same(itsAccount, account) && same(itsRegion, region)
}

// Doubt says why the table's state of an open pipeline is to be doubted; it is
// empty when there is no reason to.
func Doubt(st pipeline.State, now time.Time, l Limits) string {
	switch {
	case !st.Status.Open():
		return ""
	case now.Sub(st.CreatedAt) > oldest+margin:
		return "open for longer than the 8 hours that the service allows"
	case st.Status == pipeline.Paused && now.Sub(st.StatusOrder.Time()) > pausedMost+margin:
		return "paused for longer than the 2 hours that the service allows"
	case now.Sub(st.UpdatedAt()) > l.Silent:
		return fmt.Sprintf("without an event for over %s", l.Silent)
	}
	return ""
}

// Unrecovered tells for how long a pipeline has failed for a time, where that is
// longer than it may take; and the element that fails, the gravest of several,
// empty when none says so. A pipeline that is older than the service allows has
// ended, whatever its events say: ok is false then.
func Unrecovered(st pipeline.State, now time.Time, l Limits) (element pipeline.Element, since time.Time, ok bool) {
	over := now.Sub(st.CreatedAt) > oldest+margin
	if over || st.Status != pipeline.TemporarilyFailed || now.Sub(st.StatusOrder.Time()) < l.Recovery {
		return element, since, false
	}
	var failed []pipeline.Element
	for _, e := range st.Elements {
		if e.Status == chime.StatusTemporarilyFailed {
			failed = append(failed, e)
		}
	}
	for _, e := range failed {
		if e.Type == incident.MostSevere(failed) {
			element = e
		}
	}
	return element, st.StatusOrder.Time(), true
}

// Lingers tells of a pipeline in progress of which nothing runs any more but
// the voice-analytics processor: the service keeps it until it is deleted, and
// it counts against the quota.
func Lingers(st pipeline.State, now time.Time) bool {
	if st.Status != pipeline.InProgress || now.Sub(st.UpdatedAt()) < margin {
		return false
	}
	voice, others := false, 0
	for _, e := range st.Elements {
		switch {
		case e.Type == chime.ElementVoiceAnalytics:
			voice = e.Status == chime.StatusInProgress
		case e.Status == chime.StatusStopped || chime.Element(e).Failing():
			others++
		default:
			return false
		}
	}
	return voice && others > 0
}

// NearQuota tells whether so many active pipelines are to be warned of: 80 % of
// the quota. Once warned, it is over when a tenth less are active.
func NearQuota(active int, warned bool, l Limits) bool {
	if warned {
		return active*10 >= l.Quota*7
	}
	return active*10 >= l.Quota*8
}
