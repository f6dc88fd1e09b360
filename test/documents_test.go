package test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whatever a document names in the repository is there: files and folders,
// identifiers of packages, and the targets of links.
func TestDocumentsNameWhatExists(t *testing.T) {
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	documents = append(documents, "../README.md", "../CONTRIBUTING.md", "README.md")
	names := declaredNames(t)
	for _, document := range documents {
		t.Run(strings.TrimPrefix(filepath.ToSlash(document), "../"), func(t *testing.T) {
			text := readText(t, document)
			for _, missing := range missingFiles(text) {
				t.Errorf("names the file %s, which does not exist", missing)
			}
			for _, missing := range missingIdentifiers(text, names) {
				t.Errorf("names %s, which is not declared", missing)
			}
			for _, broken := range brokenLinks(t, document, text) {
				t.Error(broken)
			}
		})
	}
}

// The checks report what is missing.
func TestDocumentChecksFindWhatIsMissing(t *testing.T) {
	names := map[string]bool{"incident.Choose": true, "incident.Incident": true, "incident.Incident.Reopens": true}
	for _, c := range []struct {
		name, text string
		missing    int
	}{
		{"a file that exists", "`internal/dynamo/schema.go`", 0},
		{"a file that does not", "`internal/dynamo/scheme.go`", 1},
		{"a folder with a placeholder", "`functions/NAME/main.go`", 0},
		{"a second file of the folder", "| `internal/dynamo/schema.go`, `table.go` |", 0},
		{"a second file that does not exist", "| `internal/dynamo/schema.go`, `tables.go` |", 1},
		{"an identifier", "`incident.Choose`, `incident.Incident.Reopens`", 0},
		{"an identifier of a package that is not declared", "`incident.Chose`", 1},
		{"an identifier of no package of ours", "`awslambda.NewFunction`", 0},
		{"a link", "[the day](../README.md#run-it-here)", 0},
		{"a link to no file", "[the day](../REDME.md)", 1},
		{"a link to no heading", "[the day](../README.md#run-it-there)", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := missingFiles(c.text)
			got = append(got, missingIdentifiers(c.text, names)...)
			got = append(got, brokenLinks(t, "README.md", c.text)...)
			if len(got) != c.missing {
				t.Errorf("got %q, want %d", got, c.missing)
			}
		})
	}
}

var (
	codeSpan     = regexp.MustCompile("`([^`\n]+)`")
	repoPath     = regexp.MustCompile(`^(?:cmd|docs|functions|internal|schemas|stacks|test)/[\w.*/-]+$`)
	goFile       = regexp.MustCompile(`^[a-z]\w*\.go$`)
	identifier   = regexp.MustCompile(`^([a-z]+)\.[A-Z]\w*(?:\.[A-Z]\w*)?$`)
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	placeholder  = regexp.MustCompile(`\b[A-Z]{2,}\b`)
)

// missingFiles returns the paths in code spans of text at which nothing is. A file
// without a folder lies in the folder that was named last on its line. NAME in a
// path stands for any name.
func missingFiles(text string) []string {
	var missing []string
	for line := range strings.Lines(text) {
		folder := ""
		for _, span := range codeSpan.FindAllStringSubmatch(line, -1) {
			name := span[1]
			switch {
			case repoPath.MatchString(name):
				folder = name
				if path.Ext(name) != "" {
					folder = path.Dir(name)
				}
			case goFile.MatchString(name) && folder != "":
				name = folder + "/" + name
			default:
				continue
			}
			found, err := filepath.Glob(filepath.Join("..", placeholder.ReplaceAllString(name, "*")))
			if err != nil || len(found) == 0 {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

// missingIdentifiers returns what text names in code spans as package.Identifier, and
// is not among names, for packages of which names has anything.
func missingIdentifiers(text string, names map[string]bool) []string {
	packages := map[string]bool{}
	for name := range names {
		of, _, _ := strings.Cut(name, ".")
		packages[of] = true
	}
	var missing []string
	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		if of := identifier.FindStringSubmatch(span[1]); of != nil && packages[of[1]] && !names[span[1]] {
			missing = append(missing, span[1])
		}
	}
	return missing
}

// brokenLinks returns one sentence for each link of a document to a file of the
// repository, or to a heading in one, that leads nowhere.
func brokenLinks(t *testing.T, document, text string) []string {
	t.Helper()
	var broken []string
	for _, link := range markdownLink.FindAllStringSubmatch(text, -1) {
		target, heading, _ := strings.Cut(link[1], "#")
		if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
			continue
		}
		file := document
		if target != "" {
			file = filepath.Join(filepath.Dir(document), target)
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			broken = append(broken, fmt.Sprintf("links to %s, which does not exist", link[1]))
		} else if heading != "" && !headings(readText(t, file))[heading] {
			broken = append(broken, fmt.Sprintf("links to %s, and the file has no such heading", link[1]))
		}
	}
	return broken
}

// headings returns the anchors that GitHub makes of the headings of a document.
func headings(text string) map[string]bool {
	anchors := map[string]bool{}
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			anchors[strings.ReplaceAll(title, " ", "-")] = true
		}
	}
	return anchors
}

// declaredNames returns the exported identifiers of the packages in internal, stacks
// and schemas, as package.Name, and their methods and fields, as package.Type.Name.
func declaredNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, root := range []string{"../internal", "../stacks", "../schemas"} {
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, declared := range parsed.Decls {
				addNames(names, parsed.Name.Name+".", declared)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func addNames(names map[string]bool, prefix string, declared ast.Decl) {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil {
			of := d.Recv.List[0].Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if generic, ok := of.(*ast.IndexExpr); ok {
				of = generic.X
			}
			prefix += fmt.Sprint(of) + "."
		}
		names[prefix+d.Name.Name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[prefix+name.Name] = true
				}
			case *ast.TypeSpec:
				names[prefix+s.Name.Name] = true
				if fields := fieldsOf(s.Type); fields != nil {
					for _, field := range fields.List {
						for _, name := range field.Names {
							names[prefix+s.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
		}
	}
}

// fieldsOf returns the fields of a struct or the methods of an interface.
func fieldsOf(of ast.Expr) *ast.FieldList {
	switch of := of.(type) {
	case *ast.StructType:
		return of.Fields
	case *ast.InterfaceType:
		return of.Methods
	}
	return nil
}
