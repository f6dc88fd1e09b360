// Command bench measures what a function costs, and prints each figure with its budget. It
// prints OVER where a budget is exceeded, and never fails for it: times on a shared machine
// prove nothing. Run it with: make bench
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/schemas"
	"github.com/chimewatch/chimewatch/test/capacity"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	functions, err := build(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %10s %10s\n", "what", "figure", "budget")
	if err := sizes(dir, functions); err != nil {
		return err
	}
	parseAndMerge()
	modules, err := dynalite.FindModules(".")
	if err != nil {
		return err
	}
	units, err := capacity.OfCall(context.Background(), modules, filepath.Join(dir, "table"))
	if err != nil {
		return err
	}
	line("read units of a state change in order", "", units.Read, 0)
	line(fmt.Sprintf("write units of one, of which %.2f for indexes", units.Index), "", units.Written, 3)
	return processes(dir, functions)
}

// line prints a figure and whether it is within the budget.
func line(what, unit string, figure, budget float64) {
	verdict := ""
	if figure > budget {
		verdict = "  OVER"
	}
	fmt.Printf("%-52s %10.2f %10.2f %s%s\n", what, figure, budget, unit, verdict)
}

// build builds the functions as they are deployed, and the baseline as they are.
func build(dir string) ([]string, error) {
	folders, err := os.ReadDir("functions")
	if err != nil {
		return nil, fmt.Errorf("run it in the folder of go.mod: %w", err)
	}
	names := []string{}
	packages := map[string]string{"baseline": "./test/bench/baseline"}
	for _, folder := range folders {
		names = append(names, folder.Name())
		packages[folder.Name()] = "./functions/" + folder.Name()
	}
	for name, from := range packages {
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w",
			"-o", filepath.Join(dir, name), from)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return names, nil
}

const mebibyte = 1 << 20

func sizes(dir string, functions []string) error {
	for _, name := range functions {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		line("binary of "+name, "MiB", float64(info.Size())/mebibyte, 16)
	}
	return nil
}

// parseAndMerge measures how an event of 1 KB is parsed and merged with a state.
func parseAndMerge() {
	body := eventOf("two-elements-recording")
	known := stateOf(eventOf("two-elements-transcribing"))
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ev, err := chime.Parse(body)
			if err != nil {
				b.Fatal(err)
			}
			delta, err := pipeline.FromEvent(ev)
			if err != nil {
				b.Fatal(err)
			}
			pipeline.Merge(known, delta)
		}
	})
	line(fmt.Sprintf("Parse and Merge of %d bytes", len(body)), "µs", float64(result.NsPerOp())/1000, 15)
	line("its allocations", "", float64(result.AllocsPerOp()), 60)
}

func eventOf(name string) []byte {
	e, err := schemas.Lookup(name)
	if err != nil {
		panic(err) // the name is in this program
	}
	return e.Body
}

func stateOf(body []byte) pipeline.State {
	ev, err := chime.Parse(body)
	if err != nil {
		panic(err) // an example is an event
	}
	st, err := pipeline.FromEvent(ev)
	if err != nil {
		panic(err)
	}
	return st
}

// median returns the middle of the figures, and sorts them.
func median(figures []float64) float64 {
	slices.Sort(figures)
	return figures[len(figures)/2]
}
