package dynamo_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// docs/ARCHITECTURE.md shows the items as ItemTypes describes them.
func TestArchitectureShowsEveryItemType(t *testing.T) {
	document, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| item | PK | SK | indexed |\n|---|---|---|---|\n")
	for _, it := range dynamo.ItemTypes() {
		table.WriteString(strings.TrimSuffix("| "+strings.Join([]string{it.Name, it.PK, it.SK, it.Indexed}, " | "), " ") +
			" |\n")
	}
	if !strings.Contains(string(document), "\n\n"+table.String()+"\n") {
		t.Errorf("docs/ARCHITECTURE.md does not have this table:\n\n%s", table.String())
	}
}
