package chime_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
)

func TestParseTime(t *testing.T) {
	whole := time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want time.Time // zero: it is none
	}{
		{"2026-03-09T14:02:11Z", whole},
		{"2026-03-09t14:02:11z", whole},
		{"2026-03-09 14:02:11Z", whole},
		{"2026-03-09 14:02:11 +00:00", whole},
		{"2026-03-09T14:02:11-00:00", whole},
		{"2026-03-09T14:02:11+0000", whole},
		{"2026-03-09T19:32:11+0530", whole},
		{"2026-03-09T15:02:11+01", whole},
		{"20260309T140211Z", whole},
		{"2026-03-09T14:02:11", whole},
		{"2026-03-09T14:02:11.5Z", whole.Add(500 * time.Millisecond)},
		{"2026-03-09T14:02:11,5+0000", whole.Add(500 * time.Millisecond)},
		{"2026-03-09T14:02:11.123456789987654321z", whole.Add(123456789)},
		{"2016-12-31T23:59:60Z", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"2017-01-01T05:29:60.5+05:30", time.Date(2017, 1, 1, 0, 0, 0, 5e8, time.UTC)},
		{"1773064931", whole},
		{"1773064931000", whole},
		{"1773064931000000", whole},
		{"1773064931000000000", whole},
		{"1.773064931e9", whole},
		{"1773064931.000", whole},
		{"1773064931.25", whole.Add(250 * time.Millisecond)},
		{"1773064931250.5", whole.Add(250*time.Millisecond + 500*time.Microsecond)},
		{"946684800", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"253402300799", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"253402300799999", time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)},
		{"", time.Time{}}, {"0", time.Time{}}, {"17", time.Time{}}, {"-1773064931", time.Time{}}, {"yesterday", time.Time{}},
		{"253402300800", time.Time{}}, // no second of these years, and a millisecond of 1978
		{"2026-02-29T14:02:11Z", time.Time{}}, {"2026-03-09", time.Time{}}, {"2026-03-09T25:02:11Z", time.Time{}},
		{"10000-01-01T00:00:00Z", time.Time{}},
		{"1969-12-31T23:59:59Z", time.Time{}}, {"2026-03-09T14:02:61Z", time.Time{}}, {"0x1p40", time.Time{}},
		{"1e999999999", time.Time{}}, {"NaN", time.Time{}},
		{strings.Repeat("0", 100) + "1773064931", time.Time{}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if got, ok := chime.ParseTime(tt.text); !got.Equal(tt.want) || ok == tt.want.IsZero() {
				t.Errorf("got %v, %v, want %v", got, ok, tt.want)
			}
		})
	}
}

// A moment is read from any form in which it may be written, as exactly as the form
// has it.
func TestEveryFormOfATimeIsTheSameTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(946684800, 9223372035).Draw(t, "second"),
			rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC()
		var text string
		var exact time.Duration
		if rapid.Bool().Draw(t, "since 1970") {
			unit := rapid.SampledFrom([]int64{1, 1e3, 1e6, 1e9}).Draw(t, "units in a second")
			exact = time.Duration(1e9 / unit)
			text = fmt.Sprint(want.UnixNano() / int64(exact))
			if fraction := rapid.IntRange(0, 9).Draw(t, "digits of the fraction"); fraction > 0 {
				text = new(big.Rat).SetFrac64(want.UnixNano(), int64(exact)).FloatString(9) // nothing is finer than a nanosecond
				exact = 1
			}
		} else {
			zone := time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "minutes of the offset"))
			digits := rapid.IntRange(0, 9).Draw(t, "digits of the fraction")
			layout := "2006-01-02" + rapid.SampledFrom([]string{"T", "t", " "}).Draw(t, "T") + "15:04:05"
			exact = time.Second
			if digits > 0 {
				layout += "." + strings.Repeat("0", digits)
				for range digits {
					exact /= 10
				}
			}
			text = want.In(zone).Format(layout)
			if digits > 0 && rapid.Bool().Draw(t, "more digits") {
				text += "0123"
				if digits < 9 {
					exact = 1
					want = want.Truncate(time.Second)
					text = want.In(zone).Format(strings.TrimRight(layout, "0")+"0") + "000000000000"
				}
			}
			text += want.In(zone).Format(rapid.SampledFrom([]string{"Z07:00", "-07:00", "-0700"}).Draw(t, "offset"))
			if rapid.Bool().Draw(t, "small") {
				text = strings.ToLower(text)
			}
		}
		got, ok := chime.ParseTime(text)
		if !ok || !got.Equal(want.Truncate(exact)) {
			t.Fatalf("%s: got %v, %v, want %v", text, got, ok, want.Truncate(exact))
		}
	})
}

// The time of an event, and that of an element, may be a number or a text.
func TestTimesOfAnEvent(t *testing.T) {
	want := time.Date(2026, 3, 11, 8, 15, 4, 0, time.UTC)
	for _, form := range []string{`"2026-03-11T08:15:04Z"`, `"2026-03-11 08:15:04+0000"`, `1773216904`, `1773216904000`,
		`"1773216904"`, `1.773216904e12`} {
		raw := strings.Replace(string(withElements(`[{"type":"S3RecordingSink","status":"Stopped","updatedOn":`+form+`}]`)),
			`"2026-03-11T08:15:04Z",`, form+`,`, 1)
		ev := parsed(t, []byte(raw))
		if !ev.Time.Equal(want) || ev.StateChange.Elements[0].UpdatedOn != want.UnixMilli() {
			t.Errorf("%s: got %v and %d, want %v", form, ev.Time, ev.StateChange.Elements[0].UpdatedOn, want)
		}
	}
}

// Whoever must not refuse an event for its time says what time it has instead.
func TestParseAt(t *testing.T) {
	now := time.Date(2026, 3, 11, 8, 20, 0, 0, time.FixedZone("", 3600))
	for form, want := range map[string]time.Time{`"soon"`: now, `null`: now, `{}`: now,
		`"2026-03-11T08:15:04Z"`: time.Date(2026, 3, 11, 8, 15, 4, 0, time.UTC)} {
		raw := []byte(strings.Replace(string(withElements(`[]`)), `"2026-03-11T08:15:04Z",`, form+`,`, 1))
		ev, err := chime.ParseAt(raw, now)
		if err != nil || !ev.Time.Equal(want) || ev.Time.Location() != time.UTC {
			t.Errorf("%s: got %v (%v), want %v in UTC", form, ev, err, want)
		}
		if _, err := chime.Parse(raw); (err == nil) != !want.Equal(now) || err != nil &&
			apperr.ClassOf(err) != apperr.Invalid {
			t.Errorf("%s: got %v of Parse, which has no other time", form, err)
		}
	}
}
