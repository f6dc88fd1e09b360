// The function alerts keeps rule matches and tells people of them.
package main

import "github.com/chimewatch/chimewatch/internal/lambdafn"

func main() { lambdafn.Main("alerts", lambdafn.Alerts) }
