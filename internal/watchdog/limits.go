package watchdog

import "time"

// What the service allows, by the developer guide: a pipeline ends by itself when it is
// eight hours old, or was paused for two.
const (
	maxAge    = 8 * time.Hour
	maxPaused = 2 * time.Hour
	// margin is for events that are late.
	margin = 5 * time.Minute
)

// Limits are what the deployer chooses.
type Limits struct {
	// Silent is for how long an open pipeline may have no event before the API is asked
	// about it.
	Silent time.Duration
	// Recovery is for how long a temporary failure may last before people are notified.
	Recovery time.Duration
	// Heartbeat is for how long there may be no event at all where there usually are some;
	// zero disables the check.
	Heartbeat time.Duration
	// TimeZone and QuietHours say when no calls are expected; see NewHours. Either may be
	// empty.
	TimeZone, QuietHours string
	// Quota is how many pipelines may be active in the Region.
	Quota int
}

// DefaultLimits suit the service's default quota.
var DefaultLimits = Limits{
	Silent: time.Hour, Recovery: 5 * time.Minute, Heartbeat: time.Hour, TimeZone: DefaultTimeZone, Quota: 20,
}
