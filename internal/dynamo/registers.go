package dynamo

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// The attributes of a pipeline's state. Each is a register that merges by
// itself, so that an event can be joined in by an update that reads nothing.
const (
	attrOrder         = "o"  // greatest order of all events
	attrStatus        = "s"  // what the greatest event of known type told
	attrObservation   = "ob" // the greatest observation: order, |, status
	attrStatusOrder   = "so" // that event's order, where it is not attrOrder
	attrStarted       = "b"  // first InProgress
	attrEnd           = "e"  // last event that ended it
	attrFailure       = "f"  // JSON of failureRegister
	attrARN           = "pa"
	attrConfiguration = "ca"
	attrAccount       = "ac"
	attrRegion        = "rg"
	attrIdentity      = "i" // JSON of identityRegister
	elementPrefix     = "el_"
)

const (
	stateSK       = "S"
	pipelinePK    = "P#"
	callPK        = "C#"
	transactionPK = "T#"
	eventSK       = "E#"
	shards        = 4
	timeLayout    = "2006-01-02T15:04:05.000000Z"
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

func shardOf(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails to write
	return strconv.Itoa(int(h.Sum32() % shards))
}

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

func timeIn(it item, name string) time.Time {
	t, err := time.Parse(timeLayout, textIn(it, name))
	if err != nil {
		return time.Time{}
	}
	return t
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
		return "O" + shardOf(st.ID)
	case st.Status == pipeline.Failed || st.Status == pipeline.CreateFailed || st.Status == pipeline.Lost:
		return "F" + shardOf(st.ID)
	}
	return ""
}

// encode gives the state's registers, without keys and expiry.
func encode(st pipeline.State) (item, error) {
	it := item{attrTime: text("T" + shardOf(st.ID)), attrOrder: text(string(st.Order))}
	set := func(name, value string) {
		if value != "" {
			it[name] = text(value)
		}
	}
	setTime := func(name string, t time.Time) {
		if !t.IsZero() {
			it[name] = text(timeText(t))
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

// packFrom is from how many bytes on a register is packed.
const packFrom = 8 * 1024

// setJSON sets a register to a value's JSON, whose maps are in order; an empty
// value sets nothing. A large one is packed, the same way every time.
func setJSON(it item, name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return apperr.Wrap(err, apperr.Invalid, "event", "holds a value that is no JSON", "")
	}
	switch {
	case string(b) == "{}":
	case len(b) < packFrom:
		it[name] = text(string(b))
	default:
		it[name], err = pack(b)
	}
	return err
}

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

func readJSON(it item, name string, target any) error {
	body, err := jsonIn(it, name)
	if err != nil || body == nil {
		return err
	}
	if err := json.Unmarshal(body, target); err != nil {
		return apperr.Wrap(err, apperr.Internal, "attribute "+name, "cannot be read from the table", "use the version that wrote it, or a newer one")
	}
	return nil
}

// jsonIn returns the JSON that setJSON has put into an attribute, nil where there is none.
func jsonIn(it item, name string) ([]byte, error) {
	switch v := it[name].(type) {
	case nil:
		return nil, nil
	case *types.AttributeValueMemberS:
		return []byte(v.Value), nil
	default:
		return unpack(v)
	}
}
