package dynamo_test

import (
	"context"
	"slices"
	"testing"
	"time"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
)

func TestVoiceInAnyOrderAnyNumberOfTimes(t *testing.T) {
	db := table(t)
	bodies := voiceBodies(t)
	deliver := func(t interface{ Fatal(...any) }, notes []chime.VoiceNotification,
		batch int) map[string]map[string]string {
		name := newVoiceTable(t, db)
		s := dynamo.New(db, name, dynamo.Options{Retention: time.Hour})
		for part := range slices.Chunk(notes, batch) {
			for _, err := range s.RecordVoice(context.Background(), part) {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		return scan(t, db, name)
	}
	var all []chime.VoiceNotification
	for _, body := range bodies {
		all = append(all, note(t, lambdafn.SQS, body))
	}
	want := deliver(t, all, len(all))
	rapid.Check(t, func(rt *rapid.T) {
		again := rapid.SliceOfN(rapid.SampledFrom(all), 0, 8).Draw(rt, "again")
		order := rapid.Permutation(slices.Concat(all, again)).Draw(rt, "order")
		got := deliver(rt, order, rapid.IntRange(1, 30).Draw(rt, "batch"))
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("the table differs (-in order, +as drawn):\n%s", diff)
		}
	})
}
