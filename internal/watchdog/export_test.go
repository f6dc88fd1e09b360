package watchdog

import "github.com/chimewatch/chimewatch/internal/pipeline"

// Ours reports whether a pipeline is one that the watchdog of an account and Region checks.
func Ours(st pipeline.State, account, region string) bool {
	return Service{Account: account, Region: region}.ours(st)
}
