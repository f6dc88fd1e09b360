// The function voice stores voice notifications of all sources, and starts and stops the voice tasks
// of their calls.
package main

import (
	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("voice", app.Voice) }
