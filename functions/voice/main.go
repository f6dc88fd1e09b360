// The function voice keeps voice-analytics notifications, whichever way they
// come, and starts or stops the tasks of the calls that they are about.
package main

import (
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() {
	lambdafn.MainBatch("voice", func(p lambdafn.Parts) handler.Batch {
		keeper := p.Keeper()
		if !keeper.On.Any() {
			return handler.Voice(p.Table, nil, p.Metrics)
		}
		return handler.Voice(p.Table, keeper, p.Metrics)
	})
}
