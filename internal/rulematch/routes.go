// Package rulematch is everything about real-time rule matches: their routes (routes.go),
// when a notification is due (window.go), and the service that stores matches and
// notifies people (service.go).
package rulematch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/lazyregexp"
)

// Route is where the matches of some rules go.
type Route struct {
	// Rule is a rule's name, or the beginning of names with an asterisk at its end.
	Rule string `json:"rule"`
	// Severity is critical, high, medium or low; empty means medium.
	Severity incident.Severity `json:"severity,omitempty"`
	// Topic is the ARN of the topic; empty means the alert topic.
	Topic string `json:"topic,omitempty"`
	// Key is the ARN of the customer-managed KMS key that encrypts the topic; empty
	// where there is none. Only the stack reads it, which permits its use.
	Key string `json:"key,omitempty"`
}

// Routes are all of them, in any order.
type Routes []Route

var (
	// rulePattern is what the service accepts as a rule's name (2 to 64 of these
	// characters), or up to 63 of them and an asterisk.
	rulePattern  = lazyregexp.Matcher(`^([0-9a-zA-Z._-]{2,64}|[0-9a-zA-Z._-]{0,63}\*)$`)
	topicPattern = lazyregexp.Matcher(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$`)
	keyPattern   = lazyregexp.Matcher(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,256}$`)
)

// Parse reads routes from JSON, an array of objects; the empty text is no route.
// The error, of class Invalid, names the route, the field, the value and what is
// allowed; where names what text was read from.
func Parse(where, text string) (Routes, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var routes Routes
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&routes); err != nil {
		return nil, apperr.Wrap(err, apperr.Invalid, where, "is no list of routes",
			`write it like [{"rule": "escalation-*", "severity": "high", "topic": "arn:aws:sns:…"}]`)
	}
	seen := map[string]bool{}
	for i, r := range routes {
		refused := func(field, what, fix string) (Routes, error) {
			return nil, apperr.New(apperr.Invalid, fmt.Sprintf("%s[%d].%s", where, i, field), what, fix)
		}
		switch {
		case !rulePattern(r.Rule):
			return refused("rule", fmt.Sprintf("is %q", r.Rule), "set a rule's name, 2 to 64 letters, digits, dots, "+
				"hyphens and underscores, or the beginning of names and an asterisk")
		case seen[r.Rule]:
			return refused("rule", fmt.Sprintf("is %q again", r.Rule), "set one route for each name")
		case r.Severity != "" && !slices.Contains(incident.Severities(), r.Severity):
			return refused("severity", fmt.Sprintf("is %q", r.Severity), "set critical, high, medium or low")
		case r.Topic != "" && !topicPattern(r.Topic):
			return refused("topic", fmt.Sprintf("is %q", r.Topic), "set the ARN of a standard SNS topic")
		case r.Key != "" && !keyPattern(r.Key):
			return refused("key", fmt.Sprintf("is %q", r.Key), "set the ARN of the KMS key that encrypts the topic: "+
				"arn:aws:kms:REGION:ACCOUNT:key/ID, not an alias")
		case r.Key != "" && r.Topic == "":
			return refused("key", "is set, but topic is not", "set topic as well: the alert topic has its own key")
		}
		seen[r.Rule] = true
	}
	return routes, nil
}

// IsTopicARN reports whether text is the ARN of a standard SNS topic.
func IsTopicARN(text string) bool { return topicPattern(text) }

// Of returns the route of a rule: that of its name, else that of the longest beginning of
// it, else medium and the alert topic.
func (r Routes) Of(rule string) Route {
	best, length := Route{Rule: rule}, -1
	for _, route := range r {
		beginning, many := strings.CutSuffix(route.Rule, "*")
		switch {
		case !many && route.Rule == rule:
			best, length = route, len(rule)+1
		case many && len(beginning) > length && strings.HasPrefix(rule, beginning):
			best, length = route, len(beginning)
		}
	}
	if best.Severity == "" {
		best.Severity = incident.Medium
	}
	return best
}

// Topics returns the topics that are named, each once.
func (r Routes) Topics() []string { return r.distinct(func(r Route) string { return r.Topic }) }

// Keys returns the KMS keys that are named, each once.
func (r Routes) Keys() []string { return r.distinct(func(r Route) string { return r.Key }) }

func (r Routes) distinct(of func(Route) string) (list []string) {
	for _, route := range r {
		if text := of(route); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// WithoutKeys returns the routes as the functions read them: only the stack needs keys.
func (r Routes) WithoutKeys() Routes {
	routes := slices.Clone(r)
	for i := range routes {
		routes[i].Key = ""
	}
	return routes
}

// String writes the routes so that Parse reads them; the empty text for no route.
func (r Routes) String() string {
	if len(r) == 0 {
		return ""
	}
	text, err := json.Marshal([]Route(r))
	if err != nil {
		panic("routes have no JSON form: " + err.Error()) // they are made of texts
	}
	return string(text)
}
