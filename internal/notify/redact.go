package notify

import (
	"slices"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// masker masks phone numbers in all that comes from events, unless the deployer wants
// them whole. It must run before anything is cut or joined: half a number would not be
// recognized.
type masker struct{ redact.Redactor }

func (o Options) masker(call pipeline.State) masker {
	if o.FullNumbers {
		return masker{redact.Whole()}
	}
	return masker{redact.Knowing(call.FromNumber, call.ToNumber)}
}

// text masks the numbers in free text, the call's own in any form.
func (m masker) text(s string) string { return m.Text(oneLine(s)) }

// state masks all of a pipeline's state that a message shows, and cuts it, other than ARNs,
// to maxID characters.
func (m masker) state(s pipeline.State) pipeline.State {
	s.PipelineARN, s.ConfigurationARN = m.text(s.PipelineARN), m.text(s.ConfigurationARN)
	for _, field := range []*string{
		&s.ID, &s.Region, &s.CallID, &s.TransactionID, &s.VoiceConnectorID, &s.Direction,
	} {
		*field = clean(m.text(*field), maxID)
	}
	s.Account = clean(m.Field("account", oneLine(s.Account)), maxID)
	for _, number := range []*string{&s.FromNumber, &s.ToNumber} {
		*number = clean(m.Number(oneLine(*number)), maxID)
	}
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

func (m masker) element(e chime.Element) chime.Element {
	e.Type, e.Status, e.StatusDetail = m.text(e.Type), m.text(e.Status), m.text(e.StatusDetail)
	return e
}

// rule masks what a message shows of a match besides its call.
func (m masker) rule(r chime.RulesMatched) chime.RulesMatched {
	r.RuleName, r.BeginTimestamp, r.EndTimestamp = m.text(r.RuleName), m.text(r.BeginTimestamp), m.text(r.EndTimestamp)
	return r
}
