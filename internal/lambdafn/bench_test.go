package lambdafn_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func BenchmarkHandle(b *testing.B) {
	long := strings.Replace(event, `"detail":{`, `"detail":{"pad":"`+strings.Repeat("x", 900)+`",`, 1)
	var ten []string
	for range 10 {
		ten = append(ten, sqsRecord("19dd0b57-b21e-4ac1-bd88-01bbb068cb78", long))
	}
	benchmarks := []struct{ name, payload string }{
		{"event of 1 KB", long},
		{"ten queue records of 1 KB", records(ten...)},
		{"failed invocation in a queue", records(sqsRecord("a", failedInvocation(long)))},
	}
	handle := lambdafn.Each(func(context.Context, []byte) error { return nil })
	for _, bm := range benchmarks {
		payload := []byte(bm.payload)
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if _, err := lambdafn.Handle(context.Background(), payload, handle); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
