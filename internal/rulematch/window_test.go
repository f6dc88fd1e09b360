package rulematch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/rulematch"
)

var noon = time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC)

func ExampleWindow_Next() {
	const length = 5 * time.Minute
	const arrives, scheduled = true, false
	window := rulematch.Window{} // nothing was sent yet
	fmt.Println("12:00 first match:  ", window.Next(noon, length, arrives, 1))
	window.SentAt, window.Open = noon, true
	fmt.Println("12:01 second match: ", window.Next(noon.Add(time.Minute), length, arrives, 0))
	fmt.Println("12:04 scheduled run:", window.Next(noon.Add(4*time.Minute), length, scheduled, 0))
	fmt.Println("12:05 scheduled run:", window.Next(noon.Add(5*time.Minute), length, scheduled, 1))
	window.SentAt = noon.Add(5 * time.Minute)
	fmt.Println("12:10 scheduled run:", window.Next(noon.Add(10*time.Minute), length, scheduled, 0))
	// Output:
	// 12:00 first match:   notify
	// 12:01 second match:  hold back
	// 12:04 scheduled run: nothing
	// 12:05 scheduled run: notify
	// 12:10 scheduled run: end
}

func TestNext(t *testing.T) {
	const length = 5 * time.Minute
	open := rulematch.Window{SentAt: noon, Open: true}
	ended := rulematch.Window{SentAt: noon}
	for _, tt := range []struct {
		name    string
		window  rulematch.Window
		after   time.Duration // noon
		length  time.Duration
		arrives bool
		unsent  int
		want    rulematch.Step
	}{
		{"the first match", rulematch.Window{}, 0, length, true, 1, rulematch.Notify},
		{"a match while the window lasts", open, length - 1, length, true, 0, rulematch.HoldBack},
		{"a match when the window is over, and was not ended", open, length, length, true, 3, rulematch.Notify},
		{"a match after the window was ended", ended, time.Second, length, true, 1, rulematch.Notify},
		{"a duplicate when the window is over", open, length, length, true, 0, rulematch.Nothing},
		{"a duplicate after the window was ended", ended, time.Hour, length, true, 0, rulematch.Nothing},
		{"a duplicate whose match was erased", ended, time.Hour, length, true, -1, rulematch.Nothing},
		{"a match by a clock that is behind", open, -time.Minute, length, true, 0, rulematch.HoldBack},
		{"a run while the window lasts", open, length - 1, length, false, 0, rulematch.Nothing},
		{"a run when the window is over", open, length, length, false, 2, rulematch.Notify},
		{"a run when the window is over, and nothing was held back", open, length, length, false, 0, rulematch.End},
		{"a run after the window was ended", ended, time.Hour, length, false, 1, rulematch.Nothing},
		{"a run after windows were disabled", open, time.Second, 0, false, 1, rulematch.Notify},
		{"a run after windows were disabled, and nothing was held back", open, time.Second, 0, false, 0, rulematch.End},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.window.Next(noon.Add(tt.after), tt.length, tt.arrives, tt.unsent); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDayCountsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.MapOf(rapid.StringMatching(`[0-9]{8}`), rapid.IntRange(0, 1000))
		counts := rulematch.DayCounts(days.Draw(t, "counts"))
		if diff := cmp.Diff(counts, rulematch.ParseDayCounts(counts.String())); diff != "" {
			t.Errorf("want (-), got (+):\n%s", diff)
		}
	})
	if got := rulematch.ParseDayCounts("20260311=2 20260312 =3 x=y"); got.String() != "=3 20260311=2" {
		t.Errorf("got %q, want what is no count left out", got)
	}
}
