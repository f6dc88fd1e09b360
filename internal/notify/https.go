package notify

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// HTTPSBody is the rendering that the subscribers of a topic by https receive. Amazon Q
// Developer in chat applications subscribes by https, and so do pagers and a team's own
// webhooks, and SNS sends the same body to all of them.
type HTTPSBody string

// The renderings.
const (
	// HTTPSCard is Message.Card, for Amazon Q Developer in chat applications. It is
	// the default.
	HTTPSCard HTTPSBody = "card"
	// HTTPSData is Message.Data, for programs.
	HTTPSData HTTPSBody = "data"
)

// HTTPSBodies is the deployer's choice for each topic. The zero value is the
// default: HTTPSCard for both.
type HTTPSBodies struct {
	// Failures is for the topic of incidents, Alerts for that of rule matches and
	// for the topics that routes name.
	Failures, Alerts HTTPSBody
}

// HTTPSBodyAllowed says what ParseHTTPSBodies accepts.
const HTTPSBodyAllowed = "card or data for both topics, or one for each, written like failures=data,alerts=card"

// ParseHTTPSBodies parses the choice: one word for both topics, or topic=word pairs
// separated by commas; a topic that is not named, and the empty text, is HTTPSCard.
// where names the place of the value in the error, which is of class Invalid.
func ParseHTTPSBodies(where, value string) (HTTPSBodies, error) {
	chosen := HTTPSBodies{HTTPSCard, HTTPSCard}
	refused := apperr.New(apperr.Invalid, where, fmt.Sprintf("is %q", value), "set "+HTTPSBodyAllowed)
	if value == "" {
		return chosen, nil
	}
	if body := HTTPSBody(value); body.known() {
		return HTTPSBodies{body, body}, nil
	}
	topics := map[string]*HTTPSBody{"failures": &chosen.Failures, "alerts": &chosen.Alerts}
	for pair := range strings.SplitSeq(value, ",") {
		topic, word, _ := strings.Cut(strings.TrimSpace(pair), "=")
		body := topics[topic]
		if body == nil || !HTTPSBody(word).known() {
			return HTTPSBodies{}, refused
		}
		*body = HTTPSBody(word)
		delete(topics, topic) // each once
	}
	return chosen, nil
}

func (b HTTPSBody) known() bool { return b == HTTPSCard || b == HTTPSData }

// String returns the choice as ParseHTTPSBodies parses it.
func (b HTTPSBodies) String() string {
	failures, alerts := cmp.Or(b.Failures, HTTPSCard), cmp.Or(b.Alerts, HTTPSCard)
	if failures == alerts {
		return string(failures)
	}
	return string("failures=" + failures + ",alerts=" + alerts)
}
