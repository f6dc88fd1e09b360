package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// The table of docs/ARCHITECTURE.md names every package of the module, and no other.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	need.Processes(t)
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}}", "../...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for path := range strings.FieldsSeq(string(out)) {
		want = append(want, strings.TrimPrefix(path, "github.com/chimewatch/chimewatch/"))
	}
	text, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Packages\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var got []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([a-z/]+)`").FindAllStringSubmatch(cells[1], -1) {
			got = append(got, name[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got in docs/ARCHITECTURE.md):\n%s", diff)
	}
}

// docs/ARCHITECTURE.md lists the attributes of every item, with the comments that
// internal/dynamo/schema.go has on them.
func TestArchitectureListsEveryAttribute(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "../internal/dynamo/schema.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| item | attribute | meaning |\n|---|---|---|\n")
	for _, declared := range parsed.Decls {
		group, ok := declared.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		item, _, _ := strings.Cut(strings.TrimSpace(group.Doc.Text()), ".")
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			name := constant.Names[0].Name
			if !strings.HasPrefix(name, "attr") {
				continue // a key or an index
			}
			meaning := strings.TrimSpace(constant.Comment.Text())
			if meaning == "" {
				t.Errorf("internal/dynamo/schema.go: %s has no comment that says what it means", name)
			}
			value := strings.Trim(constant.Values[0].(*ast.BasicLit).Value, `"`)
			fmt.Fprintf(&table, "| %s | `%s` | %s |\n", item, value, strings.ReplaceAll(meaning, "|", `\|`))
			item = ""
		}
	}
	if !strings.Contains(readText(t, "../docs/ARCHITECTURE.md"), "\n\n"+table.String()+"\n") {
		t.Errorf("docs/ARCHITECTURE.md does not have this table:\n\n%s", table.String())
	}
}
