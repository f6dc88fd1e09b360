// Package near finds the names that a person may have meant.
package near

import (
	"cmp"
	"slices"
	"strings"
)

// most is how many names are a help.
const most = 5

// Names gives those of known that a person may have meant by name, nearest
// first and at most five; all of them, in their order, when none is near.
// Capital letters make no difference.
func Names(known []string, name string) []string {
	type candidate struct {
		name string
		away int
	}
	var candidates []candidate
	wanted := strings.ToLower(name)
	for _, one := range known {
		lower := strings.ToLower(one)
		away := distance(wanted, lower)
		contained := len(wanted) > 2 && (strings.Contains(lower, wanted) || strings.Contains(wanted, lower))
		if contained || away <= 1+len(wanted)/4 {
			candidates = append(candidates, candidate{one, away})
		}
	}
	if len(candidates) == 0 {
		return slices.Clone(known)
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.away, b.away), strings.Compare(a.name, b.name))
	})
	names := make([]string, 0, most)
	for _, c := range candidates[:min(most, len(candidates))] {
		names = append(names, c.name)
	}
	return names
}

// distance is the number of bytes to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
