// The function voice keeps voice-analytics notifications, whichever way they come.
package main

import (
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
)

func main() {
	function.MainBatch("voice", func(p function.Parts) (handler.Batch, error) {
		return handler.Voice(p.Table, p.Metrics), nil
	})
}
