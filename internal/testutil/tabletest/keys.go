// Package tabletest knows the keys and attributes of the table's items for tests, which
// otherwise do not.
package tabletest

import (
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Types of items, as docs/ARCHITECTURE.md names them.
const (
	State         = "state of a pipeline"
	Event         = "event of its history"
	Membership    = "incident that it has joined"
	Pointer       = "pointer to a pipeline"
	Match         = "rule match"
	GroupMember   = "rule match that names no call, in its group"
	GroupWindow   = "what was sent of a rule in a group"
	CallWindow    = "what was sent of a rule on a call"
	Incident      = "incident"
	Occurrence    = "call that failed of it"
	Notification  = "notification"
	Condition     = "condition (near quota, silence, …)"
	Voice         = "voice notification"
	Entry         = "entry of a consent ledger"
	ConsentExpiry = "end of consent, until it is dealt with"
	Erasure       = "audit of an erasure"
)

// Key is the key of an item.
type Key struct{ PK, SK string }

// KeyIn returns the key of an item, or of what holds one.
func KeyIn(it map[string]types.AttributeValue) Key {
	pk, _ := it["PK"].(*types.AttributeValueMemberS)
	sk, _ := it["SK"].(*types.AttributeValueMemberS)
	if pk == nil || sk == nil {
		return Key{}
	}
	return Key{pk.Value, sk.Value}
}

// ParseKey returns the key of which text is the text: PK, a space, SK.
func ParseKey(text string) Key {
	pk, sk, _ := strings.Cut(text, " ")
	return Key{pk, sk}
}

func (k Key) String() string { return k.PK + " " + k.SK }

// Item returns an item that has only the key.
func (k Key) Item() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: k.PK}, "SK": &types.AttributeValueMemberS{Value: k.SK},
	}
}

// Type returns the type of the item with this key; empty for none that is known.
func (k Key) Type() string {
	pk, sk := begin(k.PK), begin(k.SK)
	switch {
	case strings.Contains(k.PK, "#notificationType#"):
		return Voice
	case pk == "O#":
		return Occurrence
	case pk == "D#":
		return Erasure
	case pk == "W#" && sk == "S":
		return Condition
	case pk == "G#" && sk == "R#":
		return GroupWindow
	}
	return map[string]string{
		"S": State, "E#": Event, "F#": Membership, "P#": Pointer, "A#": Match, "G#": GroupMember, "R#": CallWindow,
		"I#": Incident, "N#": Notification, "V#": Entry, "U#": ConsentExpiry,
	}[sk]
}

// About returns what a partition is of: pipeline, call, group, incident or condition.
func (k Key) About() string {
	return map[string]string{
		"P#": "pipeline", "T#": "call", "C#": "call", "M#": "call", "G#": "group", "K#": "incident", "O#": "incident",
		"W#": "condition",
	}[begin(k.PK)]
}

func begin(key string) string {
	if prefix, _, found := strings.Cut(key, "#"); found {
		return prefix + "#"
	}
	return key
}

// IsAnonymous reports whether an occurrence is what an erased call leaves.
func (k Key) IsAnonymous() bool { return k.Type() == Occurrence && strings.HasSuffix(k.SK, "#") }

// IsOfMatch reports whether an item belongs to the rule match of an event, in its own
// partition or in another.
func (k Key) IsOfMatch(event string) bool {
	return k.PK == "M#"+event || k.Type() == Match && strings.HasSuffix(k.SK, "#"+event)
}

// StateOf, EntryOf and NotificationOf return the keys of the state of a pipeline, of an
// entry in a transaction's ledger and of a notification in a partition.
func StateOf(pipelineID string) Key                  { return Key{"P#" + pipelineID, "S"} }
func EntryOf(transactionID, entryID string) Key      { return Key{"T#" + transactionID, "V#" + entryID} }
func NotificationOf(partition string, id string) Key { return Key{partition, "N#" + id} }

// IncidentOf returns the key of an incident.
func IncidentOf(incidentID string) Key {
	group, number, _ := strings.Cut(incidentID, ".")
	return Key{"K#" + group, fmt.Sprintf("I#%08s", number)}
}

// Keys and attributes of an item as Dump and the like show it.

// AnonymousAttributes are the attributes of what an erased call leaves in an incident.
var AnonymousAttributes = []string{"PK", "SK", "a", "rs", "x"}

// WithoutReasons returns an incident's attributes without the texts of its reasons.
func WithoutReasons(incident map[string]string) map[string]string {
	left := maps.Clone(incident)
	maps.DeleteFunc(left, func(name, _ string) bool {
		return name == "rn" || strings.HasPrefix(name, "rs.") && strings.HasSuffix(name, ".t")
	})
	return left
}
