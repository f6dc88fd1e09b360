// The function alerts keeps rule matches and tells people of them.
package main

import "github.com/chimewatch/chimewatch/internal/function"

func main() { function.Main("alerts", function.Alerts) }
