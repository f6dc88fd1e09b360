package suggest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/suggest"
)

func TestNames(t *testing.T) {
	known := []string{"retentionDays", "logRetentionDays", "retain", "production", "stopped", "stop"}
	cases := []struct {
		name, wanted string
		want         []string
	}{
		{"a letter wrong", "produktion", []string{"production"}},
		{"a letter less", "retentionDay", []string{"retentionDays", "logRetentionDays"}},
		{"other capitals", "RETAIN", []string{"retain"}},
		{"a part, nearest first", "sto", []string{"stop", "stopped"}},
		{"too short for a part", "st", known},
		{"nothing near", "colour", known},
		{"nothing", "", known},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, suggest.Names(known, test.wanted)); diff != "" {
				t.Errorf("want (-), got (+):\n%s", diff)
			}
		})
	}
}

func TestNamesAreAtMostFive(t *testing.T) {
	known := []string{"rule-a", "rule-b", "rule-c", "rule-d", "rule-e", "rule-f"}
	if got := suggest.Names(known, "rule"); len(got) != 5 || got[0] != "rule-a" {
		t.Errorf("got %v, want the first five", got)
	}
}
