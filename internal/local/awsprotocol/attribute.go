package awsprotocol

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Attribute is a message attribute of SQS or SNS: a type such as String or Number, and a
// value.
type Attribute struct {
	StringValue string      `json:",omitempty" xml:",omitempty"`
	BinaryValue base64Bytes `json:",omitempty" xml:",omitempty"`
	DataType    string
}

// base64Bytes are written as base64 in both protocols.
type base64Bytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b base64Bytes) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, b), nil
}

// Value returns the value that the type calls for.
func (a Attribute) Value() string {
	if a.kind() == "Binary" {
		return string(a.BinaryValue)
	}
	return a.StringValue
}

// kind returns the type without a label of the user's, as in String.Array.
func (a Attribute) kind() string {
	kind, _, _ := strings.Cut(a.DataType, ".")
	return kind
}

// attributeName matches the name of a message attribute ("Amazon SQS message metadata" in
// the SQS developer guide, "Amazon SNS message attributes" in that of SNS).
var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// CheckAttributes returns an error that names the first attribute, in the order of their
// names, that SQS and SNS refuse.
func CheckAttributes(attributes map[string]Attribute) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		where, lower := "the message attribute "+strconv.Quote(name), strings.ToLower(name)
		_, notNumber := strconv.ParseFloat(a.StringValue, 64)
		switch kind := a.kind(); {
		case !attributeName.MatchString(name), len(name) > 256, strings.HasPrefix(lower, "aws."),
			strings.HasPrefix(lower, "amazon."):
			return fmt.Errorf("%s has a name that is not allowed", where)
		case kind != "String" && kind != "Number" && kind != "Binary":
			return fmt.Errorf("%s has the type %q and must have String, Number or Binary", where, a.DataType)
		case a.Value() == "":
			return fmt.Errorf("%s must have a value of its type that is not empty", where)
		case kind == "Number" && notNumber != nil:
			return fmt.Errorf("%s is %q, which is not a number", where, a.StringValue)
		}
	}
	return nil
}
