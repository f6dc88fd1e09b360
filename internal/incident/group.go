package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Group is what failures have in common that belong to one incident, besides
// the class of their cause.
type Group struct {
	// Scope is what the failed calls share; see ScopeOf.
	Scope string
	// Element is the type of the element concerned; empty for a pipeline that
	// was not created or that failed without blaming an element.
	Element string
}

// maxDigits is how many digits of an element's type go into ids.
const maxDigits = 3

// Rehearsal reports whether the group is one of rehearsed failures, which share
// no group with real ones.
func (g Group) Rehearsal() bool { return strings.HasPrefix(g.Scope, scopeRehearsal) }

// ID names the group in keys and in the ids of its incidents: the element in
// lower case, and a hash of all. That of a group of rehearsals begins with
// chime.RehearsalPrefix, and no other does.
func (g Group) ID() string {
	sum := sha256.Sum256([]byte(g.Scope + "\x00" + g.Element))
	name := "pipeline"
	if g.Element != "" {
		digits := 0
		name = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				digits++
			}
			// So few digits are no phone number, which an id must not hold.
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && digits <= maxDigits {
				return r
			}
			return -1
		}, strings.ToLower(g.Element))
	}
	id := name[:min(len(name), 48)] + "-" + hex.EncodeToString(sum[:6])
	switch {
	case g.Rehearsal():
		return chime.RehearsalPrefix + id
	case chime.IsRehearsal(id): // the element's type is that word
		return "element-" + id
	}
	return id
}

// The kinds of scopes, each of which precedes a slash and a name.
const (
	ScopeVoiceConnector = "voice-connector"
	ScopeConfiguration  = "configuration"
	ScopeRegion         = "region"
)

// scopeRehearsal precedes the whole scope of what was rehearsed.
const scopeRehearsal = "rehearsal/"

// SplitScope returns whether a scope is one of rehearsals, its kind, and what it names.
func SplitScope(scope string) (rehearsal bool, kind, name string) {
	scope, rehearsal = strings.CutPrefix(scope, scopeRehearsal)
	kind, name, _ = strings.Cut(scope, "/")
	return rehearsal, kind, name
}

// ScopeOf returns what a pipeline shares with others that would fail of the same
// cause: its Voice Connector, which every event of a Voice Connector call names;
// else the configuration, which few events name; else the account's Region. What
// is rehearsed has a scope of its own, and so has each account and Region: the id
// of a Voice Connector is in no two of them.
func ScopeOf(st pipeline.State) string { return ScopesOf(st)[0] }

// ScopesOf returns every scope that a pipeline may have failed under, the narrowest
// first: when less of it was known, a failure had a wider one.
func ScopesOf(st pipeline.State) (scopes []string) {
	account, region := st.Place()
	place, rehearsal := account+"/"+region, ""
	if st.Rehearsal() {
		rehearsal = scopeRehearsal
	}
	if id := st.VoiceConnectorID; id != "" {
		scopes = append(scopes, rehearsal+ScopeVoiceConnector+"/"+id)
	}
	if arn := st.ConfigurationARN; arn != "" {
		if !strings.Contains(arn, ":"+region+":"+account+":") { // it does not say the place
			arn = place + "/" + arn
		}
		scopes = append(scopes, rehearsal+ScopeConfiguration+"/"+arn)
	}
	return append(scopes, rehearsal+ScopeRegion+"/"+place)
}

// Succeeds reports whether a pipeline of the group's scope has got past where
// those of its incidents failed.
func Succeeds(g Group, st pipeline.State) bool {
	// More may be known of it than of those that failed: then its own scope is narrower.
	if !slices.Contains(ScopesOf(st), g.Scope) {
		return false
	}
	runs := st.Status == pipeline.InProgress || st.Status == pipeline.Paused || st.Status == pipeline.Stopped
	if g.Element == "" || len(st.Elements) == 0 {
		return runs && !st.Degraded()
	}
	// The work of some elements shows only when the call is over: the recording is made of
	// what the stream has kept, and enhanced afterwards.
	loss := lossOf(g.Element)
	deliversAtTheEnd := loss == Recording || loss == VoiceEnhancement
	for _, e := range st.Elements {
		if e.Type == g.Element {
			works := e.Status == chime.StatusInProgress || e.Status == chime.StatusPaused
			return runs && (works && !deliversAtTheEnd || e.Status == chime.StatusStopped)
		}
	}
	return false
}
