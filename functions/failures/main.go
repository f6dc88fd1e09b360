// The function failures records failures in incidents and notifies people of them.
package main

import (
	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func main() { lambdafn.Run("failures", app.Failures) }
