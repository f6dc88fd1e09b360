package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/rules"
)

// eventsCmd holds what is done with events in files.
type eventsCmd struct {
	Validate validateCmd `cmd:"" help:"Check events against the schemas, and tell which rules would match and which functions would run."`
}

// validateCmd checks files of events.
type validateCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of events; - is the standard input. One event, several one after another (JSON Lines, too), or arrays of them."`
	Rehearsal bool     `help:"Match as the rules of a stack that lets rehearsals in."`
}

// judged is the JSON form of what is found about one event of a file.
type judged struct {
	File string `json:"file"`
	// Index counts the events of the file from 0.
	Index int `json:"index"`
	verdict
}

// Run checks every event, prints what it found, and fails when there was
// something wrong with one.
func (c *validateCmd) Run(a *app) error {
	judge, err := newJudge(rules.Options{Rehearsal: c.Rehearsal})
	if err != nil {
		return err
	}
	results := []judged{}
	for _, file := range c.Files {
		index := 0
		broken, err := a.eachEvent(file, func(raw []byte) {
			results = append(results, judged{file, index, judge.verdict(raw)})
			index++
		})
		switch {
		case err != nil:
			return err
		case broken != "":
			results = append(results, judged{file, index, verdictOf(broken)})
		case index == 0:
			results = append(results, judged{file, 0, verdictOf("there is no event in it")})
		}
	}
	if err := c.print(a, results); err != nil {
		return err
	}
	faulty := 0
	for _, r := range results {
		if len(r.Problems) > 0 {
			faulty++
		}
	}
	if faulty > 0 {
		return fault.New(fault.Invalid, strings.Join(c.Files, ", "), fmt.Sprintf("%d of %s with problems", faulty, count(len(results), "event")), "")
	}
	return nil
}

func (c *validateCmd) print(a *app, results []judged) error {
	if a.asJSON() {
		return a.printJSON(results)
	}
	var b strings.Builder
	for _, r := range results {
		r.describe(&b)
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (r judged) describe(b *strings.Builder) {
	state := "valid"
	if n := len(r.Problems); n > 0 {
		state = count(n, "problem")
	}
	fmt.Fprintf(b, "%s, event %d: %s\n", r.File, r.Index, state)
	for _, line := range [][2]string{
		{"schema", r.Schema}, {"rules", strings.Join(r.Rules, ", ")}, {"functions", strings.Join(r.Functions, ", ")},
	} {
		if line[1] == "" {
			line[1] = "none"
		}
		fmt.Fprintf(b, "  %-9s  %s\n", line[0], line[1])
	}
	for _, p := range r.Problems {
		fmt.Fprintf(b, "  problem    %s\n", strings.TrimPrefix(p.Pointer+": "+p.Message, ": "))
	}
}

// eachEvent calls fn with the bytes of every event in a file, and gives where
// the file stops being JSON. A name given twice and text that is not UTF-8 are
// let through here, since the functions bear them.
func (a *app) eachEvent(file string, fn func(raw []byte)) (broken string, err error) {
	text, err := a.read(file)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, file, "cannot be read", "")
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // some editors begin a file with it
	dec := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		var raw jsontext.Value
		switch kind := dec.PeekKind(); kind {
		case jsontext.KindBeginArray, jsontext.KindEndArray:
			_, err = dec.ReadToken()
		default:
			if raw, err = dec.ReadValue(); err == nil {
				fn(raw.Clone())
			}
		}
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return describeSyntax(text, err), nil
		}
	}
}

// read gives the bytes of a file, or of the standard input for "-".
func (a *app) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.stdin)
	}
	return os.ReadFile(file)
}

// describeSyntax says where text is no JSON, lines counted from 1.
func describeSyntax(text []byte, err error) string {
	what := strings.TrimPrefix(err.Error(), "jsontext: ")
	at := int64(len(text))
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		what, at = syntax.Err.Error(), min(at, syntax.ByteOffset)
	}
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	return fmt.Sprintf("is not JSON at line %d: %s; nothing after it is read", line, what)
}

func verdictOf(message string) verdict {
	return verdict{Problems: []problem{{Message: message}}, Rules: []string{}, Functions: []string{}}
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
