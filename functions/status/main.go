// The function status keeps the state and history of every pipeline.
package main

import (
	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() {
	lambdafn.Main("status", func(p lambdafn.Parts) handler.Handler { return handler.Status(p.Table, p.Metrics) })
}
