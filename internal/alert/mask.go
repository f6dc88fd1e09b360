package alert

import (
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

// masker hides phone numbers in all that comes from events, before anything is
// cut or put together: half a number would not be known for one any more.
type masker struct {
	full bool
	own  []string // the digits of the call's numbers
}

// fewestOfOwn is the fewest digits of a call's number that are looked for in
// other text: shorter ones are likely to be part of an id by chance.
const fewestOfOwn = 10

func (o Options) masker(call pipeline.State) masker {
	m := masker{full: o.FullNumbers}
	for _, n := range []string{call.FromNumber, call.ToNumber} {
		if digits := strings.TrimLeft(n, "+"); len(digits) >= fewestOfOwn && strings.Trim(digits, "0123456789") == "" {
			m.own = append(m.own, digits)
		}
	}
	return m
}

// number shows a phone number as far as the deployer wants it shown.
func (m masker) number(s string) string {
	if m.full {
		return s
	}
	return telemetry.MaskNumber(oneLine(s))
}

// text masks the international numbers in free text, and the call's own also
// where they are written without a plus sign.
func (m masker) text(s string) string {
	if m.full {
		return s
	}
	s = telemetry.MaskText(oneLine(s))
	for _, digits := range m.own {
		s = strings.ReplaceAll(s, digits, telemetry.MaskNumber(digits))
	}
	return s
}

// state masks all of a pipeline's state that a message shows.
func (m masker) state(s pipeline.State) pipeline.State {
	for _, field := range []*string{&s.ID, &s.PipelineARN, &s.ConfigurationARN, &s.Account, &s.Region, &s.CallID, &s.TransactionID, &s.VoiceConnectorID, &s.Direction} {
		*field = m.text(*field)
	}
	s.FromNumber, s.ToNumber = m.number(s.FromNumber), m.number(s.ToNumber)
	s.Elements = slices.Clone(s.Elements)
	for i, e := range s.Elements {
		s.Elements[i] = m.element(e)
	}
	if s.Failure != nil {
		f := *s.Failure
		f.Reason, f.Origin, f.HTTPStatusCode = m.text(f.Reason), m.text(f.Origin), m.text(f.HTTPStatusCode)
		s.Failure = &f
	}
	return s
}

func (m masker) element(e pipeline.Element) pipeline.Element {
	e.Type, e.Status, e.StatusDetail = m.text(e.Type), m.text(e.Status), m.text(e.StatusDetail)
	return e
}

// rule masks what a message shows of a match besides its call.
func (m masker) rule(r chime.RulesMatched) chime.RulesMatched {
	r.RuleName, r.BeginTimestamp, r.EndTimestamp = m.text(r.RuleName), m.text(r.BeginTimestamp), m.text(r.EndTimestamp)
	return r
}
