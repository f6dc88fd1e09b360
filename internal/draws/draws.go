// Package draws makes property tests draw the same in every run. It is imported
// by tests for this effect alone; -rapid.seed=0 draws anew.
package draws

import (
	"flag"

	_ "pgregory.net/rapid" // whose flag it is
)

func init() {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic("draws: " + err.Error()) // rapid has no such flag any more
	}
}
