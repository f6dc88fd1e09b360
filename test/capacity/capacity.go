// Package capacity measures what a call costs in DynamoDB's units.
package capacity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/schemas"
)

// metered is a client that adds up the capacity that requests consume. The local table does
// not count index writes; metered counts those of an update or a put: one unit for a new
// entry, two where its key changes, else none.
type metered struct {
	*dynamodb.Client
	read, written, index float64
	keys                 map[string]string // by item and index: its entry
}

type option = func(*dynamodb.Options)

func (m *metered) add(c *types.ConsumedCapacity, write bool) {
	if c == nil || c.CapacityUnits == nil {
		return
	}
	if write {
		m.written += *c.CapacityUnits
	} else {
		m.read += *c.CapacityUnits
	}
}

func (m *metered) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, o ...option,
) (*dynamodb.GetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.GetItem(ctx, in, o...)
	if err == nil {
		m.add(out.ConsumedCapacity, false)
	}
	return out, err
}

func (m *metered) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, o ...option,
) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.PutItem(ctx, in, o...)
	if err == nil {
		m.add(out.ConsumedCapacity, true)
		err = m.indexWrites(ctx, in.Item)
	}
	return out, err
}

func (m *metered) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, o ...option,
) (*dynamodb.UpdateItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.UpdateItem(ctx, in, o...)
	if err == nil {
		m.add(out.ConsumedCapacity, true)
		err = m.indexWrites(ctx, in.Key)
	}
	return out, err
}

// indexWrites counts the writes of the indexes, after a write of the item.
func (m *metered) indexWrites(ctx context.Context, item map[string]types.AttributeValue) error {
	key := map[string]types.AttributeValue{"PK": item["PK"], "SK": item["SK"]}
	out, err := m.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &tableName, Key: key})
	if err != nil {
		return err
	}
	word := func(name string) string {
		v, ok := out.Item[name].(*types.AttributeValueMemberS)
		if !ok {
			return ""
		}
		return v.Value
	}
	for _, i := range dynamo.Definition().Indexes {
		id := word("PK") + " " + word("SK") + " " + i.Name
		entry := ""
		if word(i.PartitionKey) != "" && word(i.SortKey) != "" {
			entry = word(i.PartitionKey) + " " + word(i.SortKey)
		}
		switch was := m.keys[id]; {
		case was == entry:
		case was == "" || entry == "":
			m.index++
		default:
			m.index += 2
		}
		m.keys[id] = entry
	}
	return nil
}

var tableName = "capacity"

// Units are what one event costs, on average over a call.
type Units struct {
	Read float64
	// Written has the index writes, too; Index is these alone.
	Written, Index float64
}

// OfCall plays the documented call of two elements, in order and with ids of real length,
// against a local table that it starts in the folder dir. It returns what one of its five
// events costs.
func OfCall(ctx context.Context, modules, dir string) (u Units, err error) {
	server, err := dynalite.Start(ctx, modules, dir)
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	m := &metered{Client: dynalite.Client(server.URL(), "us-east-1"), keys: map[string]string{}}
	if err := dynalite.EnsureTable(ctx, m.Client, tableName, dynamo.Definition()); err != nil {
		return u, err
	}
	s := dynamo.New(m, tableName, dynamo.Options{Retention: 90 * 24 * time.Hour})
	events, err := fiveEvents()
	if err != nil {
		return u, err
	}
	for _, ev := range events {
		if err := pipeline.RecordEvent(ctx, s, ev); err != nil {
			return u, err
		}
	}
	n := float64(len(events))
	return Units{m.read / n, (m.written + m.index) / n, m.index / n}, nil
}

// fiveEvents is one call: created, both elements running, both stopped.
func fiveEvents() ([]*chime.Event, error) {
	pipelineID := "0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90"
	var events []*chime.Event
	for i, name := range []string{
		"created", "two-elements-transcribing", "two-elements-recording", "two-elements-paused", "two-elements-stopped",
	} {
		example, err := schemas.Lookup(name)
		if err != nil {
			return nil, err
		}
		body := string(example.Body)
		ev, err := chime.Parse(example.Body)
		if err != nil {
			return nil, err
		}
		// One call: the same pipeline, call and numbers in all.
		for old, fresh := range map[string]string{
			ev.StateChange.PipelineARN:      "arn:aws:chime:us-east-1:123456789012:media-pipeline/" + pipelineID,
			ev.StateChange.CallID:           "4f660473-c22b-4858-a484-cd314a37e778",
			ev.StateChange.TransactionID:    "8a0f1d6e-52a4-4c3c-8a0a-6f0c6a1b2c3d",
			ev.StateChange.VoiceConnectorID: "abcdef1ghij2klmno3pqr4", ev.StateChange.Direction: "Outbound",
			ev.StateChange.FromNumber: "+12065550100", ev.StateChange.ToNumber: "+12065550101",
		} {
			if old != "" {
				body = strings.ReplaceAll(body, old, fresh)
			}
		}
		if ev, err = chime.Parse([]byte(body)); err != nil {
			return nil, err
		}
		ev.Time = time.Date(2026, 3, 9, 14, i, 0, 0, time.UTC)
		for n := range ev.StateChange.Elements {
			ev.StateChange.Elements[n].UpdatedOn = ev.Time.UnixMilli() - 700
		}
		events = append(events, ev)
	}
	return events, nil
}
