package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/chimewatch/chimewatch/internal/pipeline"
	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEveryDeliveryOrderWithDuplicatesEndsInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(t)
		want := fold(t, events)
		delivered := rapid.Permutation(append(events, rapid.SliceOf(rapid.SampledFrom(events)).Draw(t,
			"duplicates")...)).Draw(t, "order")
		got := fold(t, delivered)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("in order (-), as delivered (+):\n%s", diff)
		}
		if w, g := fmt.Sprintf("%#v", plain(t, want)), fmt.Sprintf("%#v", plain(t, got)); w != g {
			t.Fatalf("bytes differ:\n%s\n%s", w, g)
		}
	})
}

func TestMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := fold(t, history(t)), fold(t, history(t)), fold(t, history(t))
		if diff := cmp.Diff(pipeline.Merge(a, b), pipeline.Merge(b, a)); diff != "" {
			t.Fatalf("not commutative:\n%s", diff)
		}
		if diff := cmp.Diff(pipeline.Merge(pipeline.Merge(a, b), c), pipeline.Merge(a, pipeline.Merge(b, c))); diff != "" {
			t.Fatalf("not associative:\n%s", diff)
		}
		if diff := cmp.Diff(a, pipeline.Merge(a, a)); diff != "" {
			t.Fatalf("not idempotent:\n%s", diff)
		}
		if diff := cmp.Diff(a, pipeline.Merge(a, pipeline.State{})); diff != "" {
			t.Fatalf("the zero state is not neutral:\n%s", diff)
		}
	})
}

func TestMergeLeavesItsArgumentsAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := fold(t, history(t)), fold(t, history(t))
		beforeA, beforeB := plain(t, a), plain(t, b)
		pipeline.Merge(a, b)
		if plain(t, a) != beforeA || plain(t, b) != beforeB {
			t.Fatalf("Merge changed an argument")
		}
	})
}
