package notify

import (
	"maps"
	"strconv"
	"strings"
)

// card is a custom notification of Amazon Q Developer in chat applications
// (administrator guide, "Custom notifications", event schema).
type card struct {
	Version string `json:"version"`
	Source  string `json:"source"`
	ID      string `json:"id"`
	Content struct {
		TextType    string   `json:"textType"`
		Title       string   `json:"title"`
		Description string   `json:"description"`
		NextSteps   []string `json:"nextSteps,omitempty"`
		Keywords    []string `json:"keywords,omitempty"`
	} `json:"content"`
	Metadata struct {
		ThreadID          string            `json:"threadId"`
		Summary           string            `json:"summary"`
		EventType         string            `json:"eventType"`
		AdditionalContext map[string]string `json:"additionalContext,omitempty"`
	} `json:"metadata"`
}

// What a card has at most, in characters; well below what chats accept.
const (
	maxDescription = 3000
	maxStep        = 300
	maxKeyword     = 60
)

func newCard(m Message, x extras) card {
	c := card{Version: "1.0", Source: "custom", ID: m.Attributes["id"]}
	c.Content.TextType = "client-markdown"
	c.Content.Title = markdown(m.Title)
	c.Content.Description = toMarkdown(m.Body)
	for _, step := range x.steps {
		c.Content.NextSteps = append(c.Content.NextSteps, markdown(clean(step, maxStep)))
	}
	for _, keyword := range x.keywords {
		if keyword = clean(keyword, maxKeyword); keyword != "" {
			c.Content.Keywords = append(c.Content.Keywords, markdown(keyword))
		}
	}
	c.Metadata.ThreadID, c.Metadata.Summary, c.Metadata.EventType = x.thread, c.Content.Title, string(m.Kind)
	c.Metadata.AdditionalContext = cardContext(m.Attributes, x.data.Incident)
	return c
}

// cardContext returns the additionalContext of a card: what a program needs to find what a
// message is about. Names and values are those of the message attributes, and for an
// incident those of the message for machines.
func cardContext(attributes map[string]string, i *incidentData) map[string]string {
	all := maps.Clone(attributes)
	for _, name := range []string{"id", "ruleType", "configuration", "voiceConnectorId"} {
		delete(all, name)
	}
	if i != nil {
		all["scope"], all["calls"] = i.Scope, strconv.Itoa(i.Calls)
	}
	return all
}

// toMarkdown returns a body as markdown: labels are bold, and nothing else has a meaning.
func toMarkdown(body string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		label, value, found := strings.Cut(line, ": ")
		if found && len(label) < maxWord && !strings.ContainsAny(label, ".,[") {
			line = "*" + markdown(label) + ":* " + markdown(value)
		} else {
			line = markdown(line)
		}
		if b.Len()+len(line) > maxDescription {
			b.WriteString("…")
			break
		}
		b.WriteString(line + "\n")
	}
	return strings.TrimSpace(b.String())
}

// markdown escapes what comes from events: mentions, links and emphasis. No escape works
// in all chats, so similar characters replace those that have a meaning.
var markdown = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "∗", "`", "'", "](", "] (", "~", "∼", "@", "＠",
).Replace
