package chime_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/schemas"
)

// BenchmarkParse parses one event of each kind that the bus delivers.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"in-progress", "two-elements-recording", "rule-sentiment", "voice-analytics-ready"} {
		example, err := schemas.Lookup(name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(example.Body)))
			for b.Loop() {
				if _, err := chime.Parse(example.Body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
