package test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxLine is how many characters a line of Go may have; a tab counts as one.
const maxLine = 120

// unclear are phrases of comments that a reader has to read twice, with what to write
// instead.
var unclear = []struct {
	phrase *regexp.Regexp
	use    string
}{
	{regexp.MustCompile(`(?m)^\s*(?:// |/\* )?\w+ gives\b|\bgives (?:the|a|an|what|whether|how)\b`), "returns"},
	{regexp.MustCompile(`\btells\b|\btell (?:whether|if)\b`), "reports whether"},
	{regexp.MustCompile(`\b(?:is|are|was|were|be|been) told\b`), "is notified, or receives"},
	{regexp.MustCompile(`\bowe[sd]?\b`), "is due, or has to send"},
	{regexp.MustCompile(`\bbears?\b`), "has, or is idempotent"},
	{regexp.MustCompile(`\bhears? (?:of|about)\b|\bheard of\b`), "is notified of"},
	{regexp.MustCompile(`\bspeaks? of\b`), "names, or is about"},
	{regexp.MustCompile(`\bbeside\b`), "next to, or besides"},
	{regexp.MustCompile(`\bnever minds?\b`), "disables the check"},
	{regexp.MustCompile(`\bmend(?:s|ed|ing)?\b`), "repair"},
}

// Lines of Go are short, and comments use plain words.
func TestGoIsEasyToRead(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() {
			if strings.HasPrefix(name, ".") && path != ".." || name == "node_modules" || name == "bin" || name == "cdk.out" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, problem := range styleProblems(strings.TrimPrefix(filepath.ToSlash(path), "../"), source) {
			t.Error(problem)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("got %d Go files, want all of the project", files)
	}
}

// styleProblems returns the long lines and the unclear comments of a file, each with its
// file:line.
func styleProblems(file string, source []byte) (problems []string) {
	set := token.NewFileSet()
	f := set.AddFile(file, -1, len(source))
	add := func(line int, problem string) {
		problems = append(problems, token.Position{Filename: file, Line: line}.String()+": "+problem)
	}
	for i, line := range strings.Split(string(source), "\n") {
		if n := utf8.RuneCountInString(line); n > maxLine {
			add(i+1, "the line has "+strconv.Itoa(n)+" characters, at most "+strconv.Itoa(maxLine)+" are allowed")
		}
	}
	var s scanner.Scanner
	s.Init(f, source, nil, scanner.ScanComments)
	for {
		position, kind, text := s.Scan()
		switch kind {
		case token.EOF:
			return problems
		case token.COMMENT:
			for _, u := range unclear {
				if found := u.phrase.FindString(text); found != "" {
					add(f.Line(position), "the comment has "+found+": write "+u.use)
				}
			}
		}
	}
}

// The checks report what they have to.
func TestStyleProblems(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         []string
	}{
		{name: "plain code", source: "package p\n\n// F returns the sum.\nfunc F() {}\n"},
		{name: "the longest line", source: "package p\n\n\t//" + strings.Repeat("ä", maxLine-3) + "\n"},
		{
			name: "a line that is too long", source: "package p\n\n\t//" + strings.Repeat("ä", maxLine-2) + "\n",
			want: []string{"p.go:3: the line has 121 characters"},
		},
		{name: "an unclear comment", source: "package p\n\nvar x = 1 // people hear of it\n", want: []string{"p.go:3: "}},
		{name: "a string", source: "package p\n\nvar x = `it gives the sum`\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := styleProblems("p.go", []byte(c.source))
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %d problems", got, len(c.want))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
		})
	}
}
