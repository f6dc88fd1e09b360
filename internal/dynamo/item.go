package dynamo

import (
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
)

// item is what the table holds under one key, or a part of it, by the names of attributes.
type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{attrPK: text(pk), attrSK: text(sk)} }

// keyOf returns the key of an item.
func keyOf(it item) item { return item{attrPK: it[attrPK], attrSK: it[attrSK]} }

// itemKey returns the key of an item as one text.
func itemKey(it item) string { return textIn(it, attrPK) + "\x00" + textIn(it, attrSK) }

// An attribute that an item does not have, or that is of another kind, reads as the zero value.

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textIn(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func number(n int) types.AttributeValue { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

func numberIn(it item, name string) int {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(v.Value)
	if err != nil {
		return 0
	}
	return n
}

// set makes an attribute of texts, of which there must be one at least.
func set(list []string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: list} }

// setIn returns a set, sorted.
func setIn(it item, name string) []string {
	v, ok := it[name].(*types.AttributeValueMemberSS)
	if !ok {
		return nil
	}
	return slices.Sorted(slices.Values(v.Value))
}

// timeLayout sorts as the times do.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

func moment(t time.Time) types.AttributeValue { return text(timeText(t)) }

func timeIn(it item, name string) time.Time { return readTime(textIn(it, name)) }

func readTime(s string) time.Time {
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// packFrom is how many bytes of JSON are packed.
const packFrom = 8 * 1024

// setJSON sets an attribute to a value's JSON, whose maps are in order; an empty value sets
// nothing. A large one is packed, the same way every time.
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

func readJSON(it item, name string, target any) error {
	body, err := jsonIn(it, name)
	if err != nil || body == nil {
		return err
	}
	if err := json.Unmarshal(body, target); err != nil {
		return apperr.Wrap(err, apperr.Internal, "attribute "+name, "cannot be read from the table",
			"use the version that wrote it, or a newer one")
	}
	return nil
}

// shards is how many partitions of an index the items of one kind are spread over.
const shards = 4

func shardOf(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails to write
	return strconv.Itoa(int(h.Sum32() % shards))
}
