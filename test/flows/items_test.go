package flows_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/chimewatch/chimewatch/internal/testutil/tabletest"
)

// attributes are the names of the attributes that an item of each type may have, besides
// those that every item may have. One that ends in * is what the name begins with. They
// must not change: what an older version wrote must be readable.
var attributes = map[string]string{
	tabletest.State:         "o s so ob b e f i pa ca ac rg el_* w",
	tabletest.Event:         "n y d",
	tabletest.Membership:    "in a se",
	tabletest.Pointer:       "",
	tabletest.Match:         "n rn y d ci ti",
	tabletest.GroupMember:   "",
	tabletest.GroupWindow:   "n0 tc ta hb m* h*",
	tabletest.CallWindow:    "n0 tc ta hb",
	tabletest.Incident:      "sc et cl tg rn rs lo ls oa se z rp ta tc tl n0 n1 n2 n3 tv tr",
	tabletest.Occurrence:    "a ci rs",
	tabletest.Notification:  "n y su k d w l tv tr kt",
	tabletest.Condition:     "s",
	tabletest.Voice:         "body createdOn rawBody",
	tabletest.Entry:         "d",
	tabletest.ConsentExpiry: "",
	tabletest.Erasure:       "d",
}

// documentedItems returns the rows of the table of items in docs/ARCHITECTURE.md, by the
// type: PK, SK and where the indexes have the item.
func documentedItems(t *testing.T) map[string][]string {
	t.Helper()
	document, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(document), "| item | PK | SK | indexed |\n|---|---|---|---|\n")
	if !found {
		t.Fatal("docs/ARCHITECTURE.md has no table of items")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		columns := strings.Split(strings.Trim(line, "|\n"), "|")
		if len(columns) != 4 {
			t.Fatalf("got the row %q, want four columns", line)
		}
		rows[strings.TrimSpace(columns[0])] = columns[1:]
	}
	return rows
}

// Items of every type, as the functions write them, have the attributes that are listed
// here, and the keys and indexes that docs/ARCHITECTURE.md shows.
func TestItemsAreAsDocumented(t *testing.T) {
	v := inNewWorld(t)
	writeEveryKindOfItem(t, v)
	documented, found := documentedItems(t), map[string]bool{}
	for text, it := range v.World.Items(t) {
		kind := tabletest.ParseKey(text).Type()
		found[kind] = true
		for name := range it {
			if !slices.ContainsFunc(strings.Fields("PK SK t q c x "+attributes[kind]), func(known string) bool {
				prefix, begins := strings.CutSuffix(known, "*")
				return name == known || begins && strings.HasPrefix(name, prefix)
			}) {
				t.Errorf("%s (%s): got the attribute %s, want one of %q", text, kind, name, attributes[kind])
			}
		}
		for column, names := range [][]string{{"PK"}, {"SK"}, {"t", "q"}} {
			for _, name := range names {
				value, ok := it[name].(*types.AttributeValueMemberS)
				if ok && !shows(documented[kind], column, value.Value) {
					t.Errorf("%s (%s): got %s %q, and docs/ARCHITECTURE.md has %q", text, kind, name, value.Value, documented[kind])
				}
			}
		}
	}
	for kind := range attributes {
		if !found[kind] || documented[kind] == nil {
			t.Errorf("%s: got an item: %t, in docs/ARCHITECTURE.md: %q", kind, found[kind], documented[kind])
		}
	}
	if len(documented) != len(attributes) {
		t.Errorf("got %d types of items in docs/ARCHITECTURE.md, want %d", len(documented), len(attributes))
	}
}

// shows reports whether a column of a row shows a key. A column that says in words where
// the key is from, or that it begins with a time, shows any.
func shows(row []string, column int, key string) bool {
	if column >= len(row) {
		return false
	}
	prefix, _, parts := strings.Cut(key, "#")
	switch {
	case parts:
		prefix += "#"
	case column == 2:
		prefix = strings.TrimRight(prefix, "0123456789") // the shard
	}
	inWords := column < 2 && (!strings.Contains(row[column], "`") || strings.Contains(row[column], "`time"))
	return inWords || strings.Contains(row[column], "`"+prefix)
}
