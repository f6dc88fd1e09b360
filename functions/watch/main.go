// The function watch runs every minute and checks what no event reports.
package main

import (
	_ "time/tzdata" // for quiet hours; the runtime may not have it

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("watch", app.Watch) }
