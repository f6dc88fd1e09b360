// The function voice keeps voice-analytics notifications, whichever way they
// come, and starts or stops the tasks of the calls that they are about.
package main

import (
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
)

func main() {
	function.MainBatch("voice", func(p function.Parts) handler.Batch {
		keeper := p.Keeper()
		if !keeper.On.Any() {
			return handler.Voice(p.Table, nil, p.Metrics)
		}
		return handler.Voice(p.Table, keeper, p.Metrics)
	})
}
