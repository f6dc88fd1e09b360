package dynalite_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// modules returns the folder with dynalite, or skips the test with the reason.
func modules(t *testing.T) string {
	t.Helper()
	return need.Dynalite(t)
}

func start(t *testing.T, data string) (*dynalite.Server, *dynamodb.Client) {
	t.Helper()
	s, err := dynalite.Start(t.Context(), modules(t), data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: got %v, want none", err)
		}
	})
	return s, dynalite.Client(s.URL(), "us-east-1")
}

func TestTableSurvivesARestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "table")
	item := map[string]types.AttributeValue{
		dynamo.Definition().PartitionKey: &types.AttributeValueMemberS{Value: "a"},
		dynamo.Definition().SortKey:      &types.AttributeValueMemberS{Value: "b"},
	}
	first, db := start(t, data)
	if err := dynalite.EnsureTable(t.Context(), db, "calls", dynamo.Definition()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("calls"), Item: item}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatalf("close: got %v, want none", err)
	}

	_, db = start(t, data)
	if err := dynalite.EnsureTable(t.Context(), db, "calls", dynamo.Definition()); err != nil {
		t.Fatalf("ensure an existing table: got %v, want none", err)
	}
	got, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("calls"), Key: item})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Item) != 2 {
		t.Errorf("item after the restart: got %v, want the one that was put", got.Item)
	}
}

func TestConnectionThatWasNeverUsedDoesNotKeepTheServer(t *testing.T) {
	s, _ := start(t, t.TempDir())
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := s.Close(); err != nil {
		t.Errorf("close: got %v, want none", err)
	}
}

func TestEnsureTableRefusesOtherKeys(t *testing.T) {
	_, db := start(t, t.TempDir())
	for _, tc := range []struct {
		name   string
		change func(*dynamo.TableDefinition)
	}{
		{"another sort key", func(d *dynamo.TableDefinition) { d.SortKey = "other" }},
		{"one index less", func(d *dynamo.TableDefinition) { d.Indexes = d.Indexes[:1] }},
		{"another index name", func(d *dynamo.TableDefinition) { d.Indexes[0].Name = "other-name" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			table := strings.ReplaceAll(tc.name, " ", "-")
			if err := dynalite.EnsureTable(t.Context(), db, table, dynamo.Definition()); err != nil {
				t.Fatal(err)
			}
			def := dynamo.Definition()
			tc.change(&def)
			err := dynalite.EnsureTable(t.Context(), db, table, def)
			if got := apperr.ClassOf(err); got != apperr.Conflict {
				t.Errorf("got class %q (%v), want %q", got, err, apperr.Conflict)
			}
		})
	}
}

func TestMissingParts(t *testing.T) {
	t.Run("no node", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := dynalite.Start(context.Background(), ".", t.TempDir())
		wantFix(t, err, "npm ci")
	})
	t.Run("no node_modules", func(t *testing.T) {
		_, err := dynalite.FindModules(t.TempDir())
		wantFix(t, err, "npm ci")
	})
}

func wantFix(t *testing.T, err error, fix string) {
	t.Helper()
	if apperr.ClassOf(err) != apperr.NotFound || !strings.Contains(err.Error(), fix) {
		t.Errorf("got %v, want a %q error that advises %q", err, apperr.NotFound, fix)
	}
}
