// Package dynamo stores everything in one DynamoDB table: pipelines and their histories,
// incidents, rule matches, notifications, voice notifications, consent, and the conditions of
// the watchdog. It has no policy, and is the only package that knows keys and expressions.
package dynamo

// This file names all that items are made of. The names on the wire are short, as a write
// unit is 1 KB of item, names included. They must not change: what an older version wrote
// must be readable.

// Attributes of every item.
const (
	attrPK     = "PK" // partition key
	attrSK     = "SK" // sort key
	attrTime   = "t"  // partition of the index by-time
	attrState  = "q"  // partition of the index by-state; absent in what the index leaves out
	attrFirst  = "c"  // sort key of both indexes: the time of the first event about the item
	attrExpiry = "x"  // epoch seconds after which DynamoDB may delete the item
)

// The two indexes.
var (
	byTime  = IndexDefinition{"by-time", attrTime, attrFirst}
	byState = IndexDefinition{"by-state", attrState, attrFirst}
)

// Partition keys. An id follows, where nothing else is said.
const (
	pipelinePK    = "P#" // pipeline
	transactionPK = "T#" // transaction
	callPK        = "C#" // callId
	matchPK       = "M#" // event that is a rule match and names no call
	matchGroupPK  = "G#" // group of such matches; with the rule and a day, what matched that day
	incidentPK    = "K#" // group of incidents
	occurrencePK  = "O#" // incident, and a shard
	conditionPK   = "W#" // name of a condition
	erasurePK     = "D#erasures"
)

// Sort keys, or what they begin with.
const (
	stateSK         = "S"  // pipeline, condition
	eventSK         = "E#" // the event's order
	membershipSK    = "F#" // the element that failed
	pointerSK       = "P#" // pipeline
	matchSK         = "A#" // time, event
	memberSK        = "G#" // time, event
	windowSK        = "R#" // rule
	incidentSK      = "I#" // number in the group
	notificationSK  = "N#" // notification
	ledgerSK        = "V#" // entry
	consentExpirySK = "U#" // the event that granted consent
)

// Partitions of the indexes. A shard follows.
const (
	timePipeline       = "T"
	timeMatch          = "A"
	timeIncident       = "I"
	timeLedger         = "H" // readiness and consent
	stateOpen          = "O" // pipelines that have not ended
	stateFailed        = "F" // pipelines that failed, or are lost
	stateIncident      = "I" // incidents of which a notification may be due
	stateWindow        = "R" // rules of which a window is open
	stateConsentExpiry = "L" // consent whose end nobody has dealt with
)

// Partitions of both indexes in which the voice notifications of a call are. An id follows.
const (
	voiceByTransaction = "VT#"
	voiceByPipeline    = "VP#"
	voiceByCall        = "VC#"
)

// State of a pipeline. Each attribute is a register that merges by itself.
const (
	attrOrder         = "o"   // greatest order of all events
	attrStatus        = "s"   // what the greatest event of known type says
	attrStatusOrder   = "so"  // that event's order, if it is not the greatest of all
	attrObservation   = "ob"  // the greatest observation: order, |, status
	attrStarted       = "b"   // time of the first InProgress
	attrEnd           = "e"   // time of the last event that ended it
	attrFailure       = "f"   // JSON: order, reason, origin and HTTP status of the greatest failure
	attrIdentity      = "i"   // JSON: ids, numbers and metadata of the call
	attrARN           = "pa"  // ARN of the pipeline
	attrConfiguration = "ca"  // ARN of its configuration
	attrAccount       = "ac"  // account of the envelope
	attrRegion        = "rg"  // Region of the envelope
	attrElementPrefix = "el_" // begins the register of an element, whose type follows: time, status, detail
	attrAsked         = "w"   // when the watchdog last asked the API about it
)

// Event of a pipeline's history.
const (
	attrEventID   = "n" // id of the event
	attrEventType = "y" // eventType of the detail
	attrEventBody = "d" // the event as it came, packed
)

// Membership of a pipeline in an incident.
const (
	attrMemberOf   = "in" // id of the incident
	attrMemberAt   = "a"  // when the call failed
	attrMemberSeen = "se" // when the failure was handled
)

// Rule match. Its time is attrFirst.
const (
	attrMatchID          = "n"  // id of the event
	attrMatchRule        = "rn" // name of the rule
	attrMatchType        = "y"  // inferred type of the rule
	attrMatchBody        = "d"  // the event as it came, packed
	attrMatchCall        = "ci" // callId
	attrMatchTransaction = "ti" // transaction id
)

// Window of a rule: what was sent of its matches on a call, or in a group.
const (
	attrWindowSent    = "n0" // how many notifications
	attrWindowMatches = "tc" // how many matches these were about
	attrWindowAt      = "ta" // when the last was sent
	attrWindowHeld    = "hb" // how often a match was held back since, repeated events included
	attrWindowDay     = "m"  // in a group, before a day: how many of that day's matches were notified
	attrWindowDayHeld = "h"  // in a group, before a day: how often a match of that day was held back since
)

// Incident.
const (
	attrScope             = "sc" // what the calls share: a Voice Connector, else a configuration, else a Region
	attrElement           = "et" // type of the element that fails
	attrClass             = "cl" // class of the cause
	attrTarget            = "tg" // what has to be repaired, if the reason names it
	attrReason            = "rn" // reason of the first failure, or of the one that made the cause better known
	attrReasons           = "rs" // map of its distinct reasons, by their ids
	attrLosses            = "lo" // losses of the first failure, separated by |
	attrMoreLosses        = "ls" // losses of the others, a set; * is any loss
	attrOpened            = "oa" // when it opened; absent in items of early versions, which had it in c
	attrSeen              = "se" // when its first failure was handled
	attrClosed            = "z"  // when it was closed
	attrReopened          = "rp" // how often it was reopened
	attrAnnouncedAt       = "ta" // when its last notification was sent
	attrAnnouncedCalls    = "tc" // how many calls its notifications counted
	attrAnnouncedLast     = "tl" // how many calls the last summary counted
	attrOpenings          = "n0" // how many opening notifications were sent
	attrSummaries         = "n1" // how many summaries were sent
	attrClosings          = "n2" // how many closing notifications were sent
	attrAdditions         = "n3" // how many notifications of a new reason or a graver loss were sent
	attrAnnouncedSeverity = "tv" // severity that its notifications said
	attrAnnouncedReasons  = "tr" // ids of the reasons that they said, a set
)

// Reason, in the map of an incident.
const (
	attrReasonClass  = "c" // class of its cause
	attrReasonTarget = "g" // what has to be repaired
	attrReasonText   = "t" // text, as one of the failures had it
)

// Occurrence: a call's failure in an incident. Its sort key says when it was handled.
const (
	attrOccurrenceAt      = "a"  // when the call failed
	attrOccurrenceCall    = "ci" // callId
	attrOccurrenceReasons = "rs" // ids of the reasons, a set
)

// Notification that we send.
const (
	attrNotificationID       = "n"  // id of the notification
	attrNotificationKind     = "y"  // kind, such as incident
	attrNotificationSubject  = "su" // subject line
	attrNotificationCalls    = "k"  // how many calls it counts
	attrNotificationSent     = "d"  // when it was sent; absent until then
	attrNotificationOwner    = "w"  // the invocation that has claimed it
	attrNotificationLease    = "l"  // epoch milliseconds until which the claim is good
	attrNotificationSeverity = "tv" // severity of the incident
	attrNotificationReasons  = "tr" // ids of the incident's reasons, a set
	attrNotificationTally    = "kt" // matches of a group that it counts, by day
)

// Condition that the watchdog watches, such as a silence.
const (
	attrSince = "s" // since when it is so; absent while it is not
)

// Voice notification. The names are those of the developer guide's sample.
const (
	attrBody    = "body"      // the notification as it came
	attrCreated = "createdOn" // its time, ISO 8601 with milliseconds
	attrRaw     = "rawBody"   // its bytes if they are not valid UTF-8; body then has U+FFFD for the invalid ones
)

// Entry of a consent ledger, and audit of an erasure.
const (
	attrEntry = "d" // JSON of the entry, or of the audit
)

// IndexDefinition describes one global secondary index. Both keys are strings, and only keys
// are projected, so that an update that leaves them alone costs the index nothing.
type IndexDefinition struct {
	Name         string
	PartitionKey string
	SortKey      string
}

// TableDefinition describes the table, for the CDK stack and the local stack, which create
// it. All keys are strings, billing is on demand.
type TableDefinition struct {
	PartitionKey string
	SortKey      string
	// TTLAttribute is the expiry, a number of epoch seconds.
	TTLAttribute string
	Indexes      []IndexDefinition
}

// Definition returns the table that Store works on. A release may add one index at
// most: DynamoDB refuses an update of a table that creates two (UpdateTable in its
// API reference), and the deployment would fail.
func Definition() TableDefinition {
	return TableDefinition{
		PartitionKey: attrPK,
		SortKey:      attrSK,
		TTLAttribute: attrExpiry,
		Indexes:      []IndexDefinition{byTime, byState},
	}
}
