// Package rapidseed makes property tests draw the same in every run. It is imported
// by tests for this effect, mostly alone; -rapid.seed=0 draws anew. A case that fails
// is not kept in a file, as the next run draws it again.
package rapidseed

import (
	"flag"
	"strconv"
	"testing"

	_ "pgregory.net/rapid" // whose flag it is
)

func init() {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic("draws: " + err.Error()) // rapid has no such flag any more
		}
	}
}

// Fewer makes property tests draw a part of the cases that the flag says, until the
// test ends: for properties of which each case is many requests.
func Fewer(t testing.TB, part int) {
	t.Helper()
	checks := flag.Lookup("rapid.checks").Value
	was := checks.String()
	n, err := strconv.Atoi(was)
	if err == nil {
		err = checks.Set(strconv.Itoa(max(1, n/part)))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := checks.Set(was); err != nil {
			t.Error(err)
		}
	})
}
