package simulate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chimewatch/chimewatch/internal/local/simulate"
)

func TestVoicePlansAreRepeatable(t *testing.T) {
	end := time.Date(2026, 3, 11, 8, 0, 0, 0, time.UTC)
	options := simulate.Options{Seed: 3, Calls: 20, End: end}
	first, second := simulate.PlanVoice(options), simulate.PlanVoice(options)
	exported := cmpopts.IgnoreUnexported(simulate.VoiceCall{}, simulate.VoiceScenario{})
	if diff := cmp.Diff(first, second, exported); diff != "" {
		t.Errorf("equal options make other calls (-first +second):\n%s", diff)
	}
	scenarios, transactions := map[string]bool{}, map[string]bool{}
	started, running := 0, 0
	for _, c := range first {
		scenarios[c.Scenario.Name], transactions[c.TransactionID] = true, true
		started, running = started+c.Scenario.Started, running+c.Scenario.Running
	}
	if len(transactions) != 20 || len(scenarios) < 6 || started <= running || running == 0 {
		t.Errorf("got %d transactions of %d scenarios with %d tasks and %d running, want 20 of at least 6, some of them "+
			"stopped", len(transactions), len(scenarios), started, running)
	}
}
