// The function consent records consent for voice tasks, and starts and stops the tasks by it.
package main

import (
	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("consent", app.Consent) }
