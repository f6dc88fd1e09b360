package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

var voiceTables int

// writes is a client that counts requests and can stand in the way of batches.
type writes struct {
	*dynamodb.Client
	requests int
	batch    func(*dynamodb.BatchWriteItemInput) (*dynamodb.BatchWriteItemOutput, error) // nil, nil: let it pass
}

func (w *writes) BatchWriteItem(ctx context.Context, in *dynamodb.BatchWriteItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error) {
	w.requests++
	if w.batch != nil {
		if out, err := w.batch(in); out != nil || err != nil {
			return out, err
		}
	}
	return w.Client.BatchWriteItem(ctx, in, opts...)
}

func (w *writes) PutItem(ctx context.Context, in *dynamodb.PutItemInput,
	opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	w.requests++
	return w.Client.PutItem(ctx, in, opts...)
}

// newVoiceTable makes an empty table of its own on the server.
func newVoiceTable(t interface{ Fatal(...any) }, db *dynamodb.Client) (name string) {
	voiceTables++
	name = fmt.Sprintf("voice-%d", voiceTables)
	if err := dynalite.EnsureTable(context.Background(), db, name, dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	return name
}

func voiceStore(t *testing.T) (*dynamo.Store, *writes, string) {
	t.Helper()
	db := &writes{Client: table(t)}
	name := newVoiceTable(t, db.Client)
	return dynamo.New(db, name, dynamo.Options{Retention: time.Hour}), db, name
}

func note(t testing.TB, source lambdafn.Source, body []byte) chime.VoiceNotification {
	t.Helper()
	n, err := chime.ParseVoice(body, source.Voice())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// scan reads a whole table: attributes by key, without the key's own order.
func scan(t interface{ Fatal(...any) }, db *dynamodb.Client, name string) map[string]map[string]string {
	all := map[string]map[string]string{}
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &name, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			attributes := map[string]string{}
			flatten(t, "", it, attributes)
			all[attributes["PK"]+" "+attributes["SK"]] = attributes
		}
	}
	return all
}

// flatten writes attributes as texts, those of a map with a dot before their names.
func flatten(t interface{ Fatal(...any) }, prefix string, it map[string]types.AttributeValue, into map[string]string) {
	for attr, value := range it {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			into[prefix+attr] = v.Value
		case *types.AttributeValueMemberN:
			into[prefix+attr] = v.Value
		case *types.AttributeValueMemberB:
			into[prefix+attr] = "bytes " + string(v.Value)
		case *types.AttributeValueMemberSS:
			into[prefix+attr] = strings.Join(slices.Sorted(slices.Values(v.Value)), " ")
		case *types.AttributeValueMemberM:
			flatten(t, prefix+attr+".", v.Value, into)
		default:
			t.Fatal(fmt.Sprintf("attribute %s%s is %T", prefix, attr, value))
		}
	}
}
