package suggest_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/suggest"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// edits is the Levenshtein distance by its definition.
func edits(a, b string) int {
	switch {
	case a == "":
		return len(b)
	case b == "":
		return len(a)
	case a[0] == b[0]:
		return edits(a[1:], b[1:])
	}
	return 1 + min(edits(a[1:], b), edits(a, b[1:]), edits(a[1:], b[1:]))
}

// A name is near if one edit in four characters, and one more, makes it the wanted one, or if one of them is a part of
// the other; the nearest come first, and at most five.
func TestNamesAreTheNearest(t *testing.T) {
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("abB")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			known := rapid.SliceOfNDistinct(letters, 0, 8, rapid.ID[string]).Draw(t, "known")
			wanted := letters.Draw(t, "wanted")
			away := func(name string) int { return edits(strings.ToLower(name), strings.ToLower(wanted)) }
			var want []string
			for _, name := range known {
				long, short := strings.ToLower(name), strings.ToLower(wanted)
				part := strings.Contains(long, short) || strings.Contains(short, long)
				if away(name) <= 1+len(wanted)/4 || part && len(wanted) > 2 {
					want = append(want, name)
				}
			}
			slices.SortFunc(want, func(a, b string) int { return cmp.Or(away(a)-away(b), strings.Compare(a, b)) })
			if want = want[:min(5, len(want))]; len(want) == 0 {
				want = known
			}
			got := suggest.Names(known, wanted)
			if diff := gocmp.Diff(want, got); len(want)+len(got) > 0 && diff != "" {
				t.Fatalf("%q among %q: want (-), got (+):\n%s", wanted, known, diff)
			}
		}
	})
}
