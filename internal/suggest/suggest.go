// Package suggest finds the known names that a person may have meant by an unknown one.
package suggest

import (
	"cmp"
	"slices"
	"strings"
)

// maxNames is how many suggestions help.
const maxNames = 5

// Names returns those of known that a person may have meant by name, nearest first and at
// most five; all of them, in their order, if none is near. Case does not matter.
func Names(known []string, name string) []string {
	name = strings.ToLower(name)
	away := func(one string) int { return distance(name, strings.ToLower(one)) }
	near := slices.DeleteFunc(slices.Clone(known), func(one string) bool {
		lower := strings.ToLower(one)
		part := len(name) > 2 && (strings.Contains(lower, name) || strings.Contains(name, lower))
		return !part && away(one) > 1+len(name)/4
	})
	if len(near) == 0 {
		return slices.Clone(known)
	}
	slices.SortFunc(near, func(a, b string) int { return cmp.Or(away(a)-away(b), strings.Compare(a, b)) })
	return near[:min(maxNames, len(near))]
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
