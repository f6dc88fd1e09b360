package rulematch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
)

// routes draws routes that Parse accepts.
func routes(t *rapid.T) rulematch.Routes {
	name := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 2, 4, -1),
		rapid.Map(rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 3, -1), func(s string) string { return s + "*" }),
	)
	topics := []string{"", urgent, sales}
	keys := []string{"", key, strings.Replace(key, "/k", "/l", 1)}
	severities := []incident.Severity{"", incident.Critical, incident.High, incident.Medium, incident.Low}
	var list rulematch.Routes
	for _, rule := range rapid.SliceOfNDistinct(name, 0, 6, rapid.ID[string]).Draw(t, "rules") {
		r := rulematch.Route{
			Rule: rule, Topic: rapid.SampledFrom(topics).Draw(t, "topic"),
			Severity: rapid.SampledFrom(severities).Draw(t, "severity"),
		}
		if r.Topic != "" {
			r.Key = rapid.SampledFrom(keys).Draw(t, "key")
		}
		list = append(list, r)
	}
	return list
}

// The route of a rule is that of its name, else that of the longest beginning, else medium to the alert topic, in
// whatever order the routes are written.
func TestClosestRouteWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			list := rapid.Permutation(routes(t)).Draw(t, "order")
			rule := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 2, 4, -1).Draw(t, "rule")
			want := rulematch.Route{Rule: rule}
			pattern := rule
			for n := len(rule); n >= -1; n-- {
				for _, r := range list {
					if r.Rule == pattern {
						want, n = r, -1
					}
				}
				pattern = rule[:max(n, 0)] + "*"
			}
			if want.Severity == "" {
				want.Severity = incident.Medium
			}
			if diff := cmp.Diff(want, rulematch.Routes(list).Of(rule)); diff != "" {
				t.Fatalf("%s by %v: want (-), got (+):\n%s", rule, list, diff)
			}
		}
	})
}

// What is written is read again, nothing of it is lost, and no routes are no text. Topics and keys are named once each
// and in order; what the functions read differs in nothing but the keys.
func TestRoutesAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := routes(t)
		text := list.String()
		if (text == "") != (len(list) == 0) {
			t.Fatalf("got the text %q of %d routes", text, len(list))
		}
		read, err := rulematch.Parse("routes", text)
		if diff := cmp.Diff(list, read); err != nil || diff != "" {
			t.Fatalf("written and read again (%v): want (-), got (+):\n%s", err, diff)
		}
		var topics, keys []string
		seen := map[string]bool{"": true}
		bare := append(rulematch.Routes(nil), list...)
		for i, r := range list {
			if !seen[r.Topic] {
				topics = append(topics, r.Topic)
			}
			if !seen[r.Key] {
				keys = append(keys, r.Key)
			}
			seen[r.Topic], seen[r.Key] = true, true
			bare[i].Key = ""
		}
		if diff := cmp.Diff(topics, list.Topics()); diff != "" {
			t.Fatalf("topics of %v: want (-), got (+):\n%s", list, diff)
		}
		if diff := cmp.Diff(keys, list.Keys()); diff != "" {
			t.Fatalf("keys of %v: want (-), got (+):\n%s", list, diff)
		}
		if diff := cmp.Diff(bare, list.WithoutKeys()); diff != "" {
			t.Fatalf("without keys: want (-), got (+):\n%s", diff)
		}
		if diff := cmp.Diff(read, list); diff != "" {
			t.Fatalf("the routes themselves changed: want (-), got (+):\n%s", diff)
		}
	})
}
