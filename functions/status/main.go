// The function status stores the state and history of every pipeline.
package main

import (
	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("status", app.Status) }
