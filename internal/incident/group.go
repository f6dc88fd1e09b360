package incident

import (
	"crypto/sha256"
	"encoding/hex"
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

// mostDigits is how many digits of an element's type go into ids.
const mostDigits = 3

// Rehearsal reports whether the group is one of rehearsed failures, which share
// no group with real ones.
func (g Group) Rehearsal() bool {
	rehearsal, _, _ := SplitScope(g.Scope)
	return rehearsal
}

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
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && digits <= mostDigits {
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

// SplitScope returns the kind of a scope, what it names, and whether it is one of
// rehearsals.
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

// ScopesOf returns every scope that a pipeline may have failed under, the
// narrowest first: whoever knew less of it when it failed took a wider one.
func ScopesOf(st pipeline.State) []string {
	var scopes []string
	if st.VoiceConnectorID != "" {
		scopes = append(scopes, scopeOfKind(ScopeVoiceConnector, st))
	}
	if st.ConfigurationARN != "" {
		scopes = append(scopes, scopeOfKind(ScopeConfiguration, st))
	}
	return append(scopes, scopeOfKind(ScopeRegion, st))
}

func scopeOfKind(kind string, st pipeline.State) string {
	account, region := st.Place()
	scope := kind + "/" + account + "/" + region
	switch {
	case kind == ScopeVoiceConnector:
		scope = kind + "/" + st.VoiceConnectorID
	case kind == ScopeConfiguration && strings.Contains(st.ConfigurationARN, ":"+region+":"+account+":"):
		scope = kind + "/" + st.ConfigurationARN // which says the place
	case kind == ScopeConfiguration:
		scope += "/" + st.ConfigurationARN
	}
	if st.Rehearsal() {
		scope = scopeRehearsal + scope
	}
	return scope
}

// within reports whether a pipeline is one of a scope: also where more is known of
// it than of those that failed, so that ScopeOf gives a narrower one.
func within(scope string, st pipeline.State) bool {
	_, kind, _ := SplitScope(scope)
	return scope == scopeOfKind(kind, st)
}

// MostSevere returns the element whose loss weighs most; ties by name. It is empty
// when there is none.
func MostSevere(elements []chime.Element) string {
	mostSevere := ""
	for _, e := range elements {
		if mostSevere == "" || graver(lossOf(e.Type), lossOf(mostSevere)) < 0 || (lossOf(e.Type) == lossOf(mostSevere) && e.Type < mostSevere) {
			mostSevere = e.Type
		}
	}
	return mostSevere
}

// deliversAtTheEnd tells of an element whose work shows only when the call is over:
// the recording is made of what the stream has kept, and enhanced afterwards.
func deliversAtTheEnd(elementType string) bool {
	loss := lossOf(elementType)
	return loss == Recording || loss == VoiceEnhancement
}

// Succeeds reports whether a pipeline of the group's scope has got past where
// those of its incidents failed.
func Succeeds(g Group, st pipeline.State) bool {
	if !within(g.Scope, st) {
		return false
	}
	runs := st.Status == pipeline.InProgress || st.Status == pipeline.Paused || st.Status == pipeline.Stopped
	if g.Element == "" || len(st.Elements) == 0 {
		return runs && !st.Degraded()
	}
	for _, e := range st.Elements {
		if e.Type == g.Element {
			works := !deliversAtTheEnd(e.Type) && (e.Status == chime.StatusInProgress || e.Status == chime.StatusPaused)
			return runs && (works || e.Status == chime.StatusStopped)
		}
	}
	return false
}
