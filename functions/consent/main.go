// The function consent takes what people decided about voice-analytics tasks on
// their calls, and starts or stops the tasks by it.
package main

import (
	"time"

	"github.com/chimewatch/chimewatch/internal/handler"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() {
	lambdafn.Main("consent", func(p lambdafn.Parts) handler.Handler {
		return handler.Consent(p.Table, p.Keeper(), p.Metrics, time.Now)
	})
}
