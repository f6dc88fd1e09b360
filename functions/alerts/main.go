// The function alerts stores real-time rule matches and notifies people of them.
package main

import (
	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("alerts", app.Alerts) }
