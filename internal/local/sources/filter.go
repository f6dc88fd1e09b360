package sources

import (
	"encoding/json"
	"slices"

	"github.com/chimewatch/chimewatch/internal/rules"
)

// DataFilter returns a function that reports whether the data of a stream's
// record matches the filter of an event source mapping, which names the data as
// its field "data". As in Lambda, data that is no JSON never matches. The error
// is that of rules.Compile.
func DataFilter(pattern rules.Pattern) (matches func(data []byte) bool, err error) {
	m, err := rules.Compile([]rules.Rule{{Name: "filter", Pattern: pattern}})
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
