package eventsource

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// DataFilter returns a function that reports whether the data of a stream's
// record matches one of the filters of an event source mapping, which name the data
// as their field "data". As in Lambda, data that is no JSON never matches. The error
// is that of eventrule.Compile.
func DataFilter(filters ...eventrule.Pattern) (matches func(data []byte) bool, err error) {
	var table []eventrule.Rule
	for i, pattern := range filters {
		table = append(table, eventrule.Rule{Name: fmt.Sprintf("filter-%d", i), Pattern: pattern})
	}
	m, err := eventrule.Compile(table)
	if err != nil {
		return nil, err
	}
	return func(data []byte) bool {
		if !json.Valid(data) {
			return false
		}
		matched, err := m.Match(slices.Concat([]byte(`{"data":`), data, []byte(`}`)))
		return err == nil && len(matched) > 0
	}, nil
}
