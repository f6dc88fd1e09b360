// The function status keeps the state and history of every pipeline.
package main

import (
	"github.com/chimewatch/chimewatch/internal/function"
	"github.com/chimewatch/chimewatch/internal/handler"
)

func main() {
	function.Main("status", func(p function.Parts) handler.Handler { return handler.Status(p.Table, p.Metrics) })
}
