package dynamo

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/klauspost/compress/flate"
)

// maxBody is the size of a packed body in an item, at most: DynamoDB's limit of 400 KB, less
// room for keys and the other attributes.
const maxBody = 380 * 1024

// packFormat is the first byte of a packed body: deflate with packDictionary.
const packFormat = 1

// packDictionary is what events have in common, so that one of 1 KB packs well. It is part of
// the format: never change it, add a new format.
//
//go:embed packdictionary.txt
var packDictionary []byte

// pack compresses a body for an item. A body that is too large even so is an error of class
// Invalid, so that nothing of it is stored.
func pack(body []byte) (types.AttributeValue, error) {
	var out bytes.Buffer
	out.Grow(64 + len(body)/2)
	out.WriteByte(packFormat)
	if err := flate.StatelessDeflate(&out, body, true, packDictionary); err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "body", "cannot be compressed", "")
	}
	if out.Len() > maxBody {
		return nil, apperr.New(apperr.Invalid, "event",
			fmt.Sprintf("has %d bytes, and %d compressed, more than an item has room for (%d)", len(body), out.Len(), maxBody),
			"it is kept whole in the dead-letter queue")
	}
	return &types.AttributeValueMemberB{Value: out.Bytes()}, nil
}

func unpack(value types.AttributeValue) ([]byte, error) {
	b, ok := value.(*types.AttributeValueMemberB)
	if !ok || len(b.Value) == 0 || b.Value[0] != packFormat {
		return nil, unreadable("body", nil)
	}
	body, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(b.Value[1:]), packDictionary))
	if err != nil {
		return nil, unreadable("body", err)
	}
	return body, nil
}
