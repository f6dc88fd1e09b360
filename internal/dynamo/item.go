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

// item is an item of the table, or a part of one, by the names of attributes.
type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{attrPK: text(pk), attrSK: text(sk)} }

// keyOf returns the key of an item.
func keyOf(it item) item { return item{attrPK: it[attrPK], attrSK: it[attrSK]} }

// readEach reads each item.
func readEach[T any](items []item, read func(item) T) []T {
	list := make([]T, len(items))
	for i, it := range items {
		list[i] = read(it)
	}
	return list
}

// decodeEach is readEach, and ends with the first error of read.
func decodeEach[T any](items []item, read func(item) (T, error)) (list []T, err error) {
	list = make([]T, len(items))
	for i, it := range items {
		if list[i], err = read(it); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// itemKey returns the key of an item as one text.
func itemKey(it item) string { return textIn(it, attrPK) + "\x00" + textIn(it, attrSK) }

// put sets an attribute; nil leaves it absent.
func put(it item, name string, v types.AttributeValue) {
	if v != nil {
		it[name] = v
	}
}

// An attribute that an item does not have, or that is of another kind, reads as the zero value.
// The functions named …OrNil return nil for the zero value: the attribute is absent then.

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textIn(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func textOrNil[T ~string](s T) types.AttributeValue {
	if s == "" {
		return nil
	}
	return text(string(s))
}

func number(n int) types.AttributeValue { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

func numberIn(it item, name string) int {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		if n, err := strconv.Atoi(v.Value); err == nil {
			return n
		}
	}
	return 0
}

func numberOrNil(n int) types.AttributeValue {
	if n == 0 {
		return nil
	}
	return number(n)
}

// set makes a set of texts; nil for none, as the table has no empty sets.
func set(list []string) types.AttributeValue {
	if len(list) == 0 {
		return nil
	}
	return &types.AttributeValueMemberSS{Value: list}
}

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

func momentOrNil(t time.Time) types.AttributeValue {
	if t.IsZero() {
		return nil
	}
	return moment(t)
}

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
		return apperr.Wrap(err, apperr.Invalid, "event", "has a value that is no JSON", "")
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
		return unreadable("attribute "+name, err)
	}
	return nil
}

// unreadable is the error of what another version wrote; err may be nil.
func unreadable(what string, err error) error {
	return apperr.Wrap(err, apperr.Internal, what, "cannot be read from the table",
		"use the version that wrote it, or a newer one")
}

// shards is how many partitions of an index the items of one kind are spread over.
const shards = 4

func shardOf(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash never fails to write
	return strconv.Itoa(int(h.Sum32() % shards))
}
