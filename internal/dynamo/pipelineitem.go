package dynamo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

type identityRegister struct {
	CallID           string                     `json:"c,omitempty"`
	TransactionID    string                     `json:"t,omitempty"`
	VoiceConnectorID string                     `json:"v,omitempty"`
	Direction        string                     `json:"d,omitempty"`
	FromNumber       string                     `json:"f,omitempty"`
	ToNumber         string                     `json:"n,omitempty"`
	Metadata         map[string]json.RawMessage `json:"m,omitempty"`
}

type failureRegister struct {
	Order          pipeline.Order `json:"o"`
	Reason         string         `json:"r,omitempty"`
	Origin         string         `json:"g,omitempty"`
	HTTPStatusCode string         `json:"h,omitempty"`
}

// maxLife is longer than a pipeline lives: eight hours, by the developer guide, and what
// is done when a call is over. An end that comes later is one of an event whose time is
// wrong, and mostly in the future. One that is ahead by less cannot be told from a real
// end by the events alone, on which the index must not depend otherwise.
const maxLife = 9 * time.Hour

// statePartition is the by-state partition for a state: O for open, F for
// failed and lost; empty, so that the item is not in the index, for all else. What
// stopped later than it can is open: whoever reads the index finds out what is known.
func statePartition(st pipeline.State) string {
	switch {
	case st.Status.Open(), st.Status == pipeline.Stopped && st.LastEnd.Sub(st.CreatedAt) > maxLife:
		return stateOpen + shardOf(st.ID)
	case st.Status == pipeline.Failed || st.Status == pipeline.CreateFailed || st.Status == pipeline.Lost:
		return stateFailed + shardOf(st.ID)
	}
	return ""
}

// encode returns the state's registers, without keys and expiry.
func encode(st pipeline.State) (item, error) {
	it := item{attrTime: text(timePipeline + shardOf(st.ID)), attrOrder: text(string(st.Order))}
	set := func(name, value string) {
		if value != "" {
			it[name] = text(value)
		}
	}
	setTime := func(name string, t time.Time) {
		if !t.IsZero() {
			it[name] = moment(t)
		}
	}
	setTime(attrFirst, st.CreatedAt)
	setTime(attrStarted, st.StartedAt)
	setTime(attrEnd, st.LastEnd)
	set(attrARN, st.PipelineARN)
	set(attrConfiguration, st.ConfigurationARN)
	set(attrAccount, st.Account)
	set(attrRegion, st.Region)
	if o := st.Observation; o != nil {
		set(attrObservation, string(o.Order)+"|"+string(o.Status))
	}
	if st.RawStatus != pipeline.Unknown {
		set(attrStatus, string(st.RawStatus))
		if st.StatusOrder != st.Order {
			set(attrStatusOrder, string(st.StatusOrder))
		}
	}
	set(attrState, statePartition(st))
	if err := setJSON(it, attrIdentity, identityRegister{st.CallID, st.TransactionID, st.VoiceConnectorID, st.Direction, st.FromNumber, st.ToNumber, st.Metadata}); err != nil {
		return nil, err
	}
	if st.Failure != nil {
		if err := setJSON(it, attrFailure, failureRegister(*st.Failure)); err != nil {
			return nil, err
		}
	}
	for _, e := range st.Elements {
		it[elementPrefix+e.Type] = text(fmt.Sprintf("%015d|%s|%s", e.UpdatedOn, barless.Replace(e.Status), e.StatusDetail))
	}
	return it, nil
}

// barless writes a status, which may be any text, without the bar that follows
// it in a register; barred takes that back.
var (
	barless = strings.NewReplacer("%", "%25", "|", "%7C")
	barred  = strings.NewReplacer("%25", "%", "%7C", "|")
)

// decode is the reverse of encode.
func decode(it item) (pipeline.State, error) {
	st := pipeline.State{
		ID:               strings.TrimPrefix(textIn(it, attrPK), pipelinePK),
		PipelineARN:      textIn(it, attrARN),
		ConfigurationARN: textIn(it, attrConfiguration),
		Account:          textIn(it, attrAccount),
		Region:           textIn(it, attrRegion),
		Order:            pipeline.Order(textIn(it, attrOrder)),
		RawStatus:        pipeline.Unknown,
		CreatedAt:        timeIn(it, attrFirst),
		StartedAt:        timeIn(it, attrStarted),
		LastEnd:          timeIn(it, attrEnd),
	}
	if status := textIn(it, attrStatus); status != "" {
		st.RawStatus, st.StatusOrder = pipeline.Status(status), st.Order
		if order := textIn(it, attrStatusOrder); order != "" {
			st.StatusOrder = pipeline.Order(order)
		}
	}
	if order, status, found := cutLast(textIn(it, attrObservation), "|"); found {
		st.Observation = &pipeline.Observation{Order: pipeline.Order(order), Status: pipeline.Status(status)}
	}
	var id identityRegister
	if err := readJSON(it, attrIdentity, &id); err != nil {
		return st, err
	}
	st.CallFields = chime.CallFields{CallID: id.CallID, TransactionID: id.TransactionID, VoiceConnectorID: id.VoiceConnectorID,
		Direction: id.Direction, FromNumber: id.FromNumber, ToNumber: id.ToNumber}
	st.Metadata = id.Metadata
	if _, there := it[attrFailure]; there {
		var f failureRegister
		if err := readJSON(it, attrFailure, &f); err != nil {
			return st, err
		}
		failure := pipeline.Failure(f)
		st.Failure = &failure
	}
	for name, value := range it {
		elementType, isElement := strings.CutPrefix(name, elementPrefix)
		if !isElement {
			continue
		}
		e, err := decodeElement(elementType, value)
		if err != nil {
			return st, err
		}
		st = pipeline.Merge(st, pipeline.State{Elements: []pipeline.Element{e}})
	}
	return pipeline.Merge(st, pipeline.State{}), nil // which makes Status of what was told and observed
}

func decodeElement(elementType string, value types.AttributeValue) (pipeline.Element, error) {
	s, _ := value.(*types.AttributeValueMemberS)
	if s != nil {
		if parts := strings.SplitN(s.Value, "|", 3); len(parts) == 3 {
			if on, err := strconv.ParseInt(parts[0], 10, 64); err == nil {
				return pipeline.Element{Type: elementType, UpdatedOn: on, Status: barred.Replace(parts[1]), StatusDetail: parts[2]}, nil
			}
		}
	}
	return pipeline.Element{}, apperr.New(apperr.Internal, "element "+elementType, "cannot be read from the table", "use the version that wrote it, or a newer one")
}
