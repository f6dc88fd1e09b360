package dynamo

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// identityRegister is the JSON of attrIdentity.
type identityRegister struct {
	callRegister
	Metadata map[string]json.RawMessage `json:"m,omitempty"`
}

// callRegister is chime.CallFields with short names.
type callRegister struct {
	CallID           string `json:"c,omitempty"`
	TransactionID    string `json:"t,omitempty"`
	VoiceConnectorID string `json:"v,omitempty"`
	Direction        string `json:"d,omitempty"`
	FromNumber       string `json:"f,omitempty"`
	ToNumber         string `json:"n,omitempty"`
}

// failureRegister is the JSON of attrFailure: pipeline.Failure with short names.
type failureRegister struct {
	Order          pipeline.Order `json:"o"`
	Reason         string         `json:"r,omitempty"`
	Origin         string         `json:"g,omitempty"`
	HTTPStatusCode string         `json:"h,omitempty"`
}

// maxLife is longer than a pipeline lives: eight hours, by the developer guide, and what is
// done when a call is over. An end that comes later is one of an event whose time is wrong,
// and mostly in the future. One that is ahead by less cannot be distinguished from a real end
// by the events alone.
const maxLife = 9 * time.Hour

// statePartition returns the partition of a state in the by-state index, empty where it is
// not in the index. What stopped later than it can is listed as open: whoever reads the index
// finds out what is known now.
func statePartition(st pipeline.State) string {
	letter := stateLetter(st.Status)
	if st.Status == pipeline.Stopped && st.LastEnd.Sub(st.CreatedAt) > maxLife {
		letter = stateOpen
	}
	if letter == "" {
		return ""
	}
	return letter + shardOf(st.ID)
}

// stateLetter begins the partitions of pipelines of a status in the by-state index; it is empty
// for what the index leaves out.
func stateLetter(status pipeline.Status) string {
	switch {
	case status.Open():
		return stateOpen
	case status.Ended() && status != pipeline.Stopped:
		return stateFailed
	}
	return ""
}

// encode returns the registers of a state, without keys and expiry.
func encode(st pipeline.State) (item, error) {
	it := item{attrTime: text(timePipeline + shardOf(st.ID)), attrOrder: text(string(st.Order))}
	put(it, attrFirst, momentOrNil(st.CreatedAt))
	put(it, attrStarted, momentOrNil(st.StartedAt))
	put(it, attrEnd, momentOrNil(st.LastEnd))
	put(it, attrARN, textOrNil(st.PipelineARN))
	put(it, attrConfiguration, textOrNil(st.ConfigurationARN))
	put(it, attrAccount, textOrNil(st.Account))
	put(it, attrRegion, textOrNil(st.Region))
	put(it, attrState, textOrNil(statePartition(st)))
	if o := st.Observation; o != nil {
		it[attrObservation] = text(string(o.Order) + "|" + string(o.Status))
	}
	if st.RawStatus != pipeline.Unknown {
		put(it, attrStatus, textOrNil(st.RawStatus))
		if st.StatusOrder != st.Order {
			put(it, attrStatusOrder, textOrNil(st.StatusOrder))
		}
	}
	if err := setJSON(it, attrIdentity, identityRegister{callRegister(st.CallFields), st.Metadata}); err != nil {
		return nil, err
	}
	if st.Failure != nil {
		if err := setJSON(it, attrFailure, failureRegister(*st.Failure)); err != nil {
			return nil, err
		}
	}
	for _, e := range st.Elements {
		it[attrElementPrefix+e.Type] = text(fmt.Sprintf("%0*d|%s|%s", updatedDigits, e.UpdatedOn,
			escapePipe.Replace(e.Status), e.StatusDetail))
	}
	return it, nil
}

// updatedDigits is how many digits of milliseconds an element's register begins with: with
// leading zeros, so that registers sort by time.
const updatedDigits = 15

// escapePipe writes a status, which may be any text, without the | that follows it in a
// register; unescapePipe is its reverse.
var (
	escapePipe   = strings.NewReplacer("%", "%25", "|", "%7C")
	unescapePipe = strings.NewReplacer("%25", "%", "%7C", "|")
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
	st.CallFields = chime.CallFields(id.callRegister)
	st.Metadata = id.Metadata
	if _, there := it[attrFailure]; there {
		var f failureRegister
		if err := readJSON(it, attrFailure, &f); err != nil {
			return st, err
		}
		failure := pipeline.Failure(f)
		st.Failure = &failure
	}
	for _, name := range slices.Sorted(maps.Keys(it)) { // elements are in the order of their types
		if elementType, isElement := strings.CutPrefix(name, attrElementPrefix); isElement {
			e, err := decodeElement(it, elementType)
			if err != nil {
				return st, err
			}
			st.Elements = append(st.Elements, e)
		}
	}
	return pipeline.Merge(st, pipeline.State{}), nil // which sets Status
}

func decodeElement(it item, elementType string) (chime.Element, error) {
	parts := strings.SplitN(textIn(it, attrElementPrefix+elementType), "|", 3)
	on, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || len(parts) < 3 {
		return chime.Element{}, unreadable("element "+elementType, err)
	}
	return chime.Element{
		Type: elementType, UpdatedOn: on, Status: unescapePipe.Replace(parts[1]), StatusDetail: parts[2],
	}, nil
}
