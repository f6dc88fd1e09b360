// Package rapidseed makes property tests draw the same cases in every run: tests import it
// for this side effect, and -rapid.seed=0 draws others. A case that fails is not stored in
// a file, as the next run draws it again.
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
			panic("rapidseed: " + err.Error()) // rapid has no such flag any more
		}
	}
}

// Fewer divides the number of cases that property tests draw, until the test ends: for
// properties whose cases make many requests each.
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
