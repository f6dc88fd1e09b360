package watchdog_test

import (
	"math"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

func TestQuietHours(t *testing.T) {
	for _, tc := range []struct{ quiet, busy, notBusy string }{ // times as clocks show them, separated by commas
		{"", "2026-03-11 03:00", ""},
		{"Sat", "2026-03-13 23:59,2026-03-15 00:00", "2026-03-14 00:00,2026-03-14 23:59"},
		{"sat, SUN", "2026-03-13 12:00,2026-03-16 00:00", "2026-03-14 12:00,2026-03-15 23:59"},
		{"Mon-Fri 18:00-08:00,Sat,Sun", "2026-03-09 08:00,2026-03-13 17:59",
			"2026-03-09 07:59,2026-03-09 18:00,2026-03-13 23:00,2026-03-14 07:00,2026-03-16 00:00"},
		{"Mon-Fri 18:00-08:00", "2026-03-14 07:00,2026-03-15 19:00", "2026-03-09 00:00"},
		{"Fri-Mon 12:00-13:00", "2026-03-10 12:30,2026-03-12 12:30,2026-03-13 13:00",
			"2026-03-13 12:00,2026-03-14 12:30,2026-03-15 12:30,2026-03-16 12:59"},
		{"22:00-06:00", "2026-03-09 06:00,2026-03-09 21:59", "2026-03-09 05:59,2026-03-09 22:00"},
		{"22:00-00:00", "2026-03-09 00:00,2026-03-09 21:59", "2026-03-09 22:00,2026-03-09 23:59"},
		{"22:00-24:00", "2026-03-09 00:00", "2026-03-09 22:00,2026-03-09 23:59"},
		{"2026-12-25", "2026-12-24 23:59,2026-12-26 00:00,2027-12-25 12:00", "2026-12-25 00:00,2026-12-25 23:59"},
		{"12-25", "2026-12-24 23:59", "2026-12-25 00:00,2027-12-25 12:00"},
		{"02-29", "2027-02-28 12:00,2027-03-01 12:00", "2028-02-29 12:00"},
		{"2026-12-24..2027-01-01", "2026-12-23 23:59,2027-01-02 00:00", "2026-12-24 00:00,2026-12-31 12:00,2027-01-01 23:59"},
		{"2026-12-24 14:00-24:00", "2026-12-24 13:59,2026-12-25 00:00", "2026-12-24 14:00"},
	} {
		for _, zone := range []string{"UTC", "America/New_York", "Australia/Lord_Howe"} {
			h := mustHours(t, zone, tc.quiet)
			for times, want := range map[string]bool{tc.busy: false, tc.notBusy: true} {
				for text := range strings.SplitSeq(times, ",") {
					if text == "" {
						continue
					}
					at, err := time.ParseInLocation("2006-01-02 15:04", text, h.Zone())
					if err != nil {
						t.Fatal(err)
					}
					if got := h.Quiet(at.UTC()); got != want {
						t.Errorf("%q in %s, %s: got it quiet %v, want %v", tc.quiet, zone, text, got, want)
					}
				}
			}
		}
	}
}

func TestInvalidHoursAreRefused(t *testing.T) {
	for _, tc := range []struct{ zone, quiet, want string }{
		{"Europe/Atlantis", "", "Europe/Atlantis"},
		{"Local", "", "Local"},
		{"../etc/passwd", "", "passwd"},
		{"+01:00", "", "+01:00"},
		{"", "Montag", "Montag"},
		{"", "Sat Sun", "Sat Sun"},
		{"", "8:00-18:00", "8:00-18:00"},
		{"", "08:00", "08:00"},
		{"", "08:00-08:00", "08:00-08:00"},
		{"", "08:00-25:00", "25:00"},
		{"", "24:00-08:00", "24:00"},
		{"", "08:60-09:00", "08:60"},
		{"", "2026-13-01", "2026-13-01"},
		{"", "13-01", "13-01"},
		{"", "2026-12-31..2026-12-01", "2026-12-31"},
		{"", "Mon 08:00-09:00 10:00-11:00", "Mon"},
		{"", "Sat,Mon-", "Mon-"},
		{"", strings.Repeat("Mon,", 126), "Mon"},
	} {
		_, err := watchdog.NewHours(tc.zone, tc.quiet)
		if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q, %q: got %v, want it refused, and %q named", tc.zone, tc.quiet, err, tc.want)
		}
	}
}

// The time of an earlier day is the one that clocks show, whatever they did since.
func TestEarlierKeepsTheLocalTime(t *testing.T) {
	for _, tc := range []struct {
		zone, now string
		days      int
		want      string
	}{
		{"America/New_York", "2026-03-11 09:00", 7, "2026-03-04 09:00"},
		{"America/New_York", "2026-11-04 09:00", 7, "2026-10-28 09:00"},
		{"Europe/Berlin", "2026-03-30 09:00", 28, "2026-03-02 09:00"},
		{"Australia/Lord_Howe", "2026-04-06 09:00", 7, "2026-03-30 09:00"},
		{"UTC", "2026-03-11 09:00", 1, "2026-03-10 09:00"},
	} {
		h := mustHours(t, tc.zone, "")
		now, err := time.ParseInLocation("2006-01-02 15:04", tc.now, h.Zone())
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Earlier(now.UTC(), tc.days).In(h.Zone()).Format("2006-01-02 15:04"); got != tc.want {
			t.Errorf("%d days before %s in %s: got %s, want %s", tc.days, tc.now, tc.zone, got, tc.want)
		}
	}
}

// Busy time is what is left of a time, minute by minute, without the quiet hours.
func TestBusyTimeIsWhatQuietHoursLeave(t *testing.T) {
	for _, zone := range []string{"UTC", "America/New_York", "Australia/Lord_Howe"} {
		random := rand.New(rand.NewSource(1))
		for _, quiet := range []string{
			"", "18:00-08:00", "Mon-Fri 18:00-08:00,Sat,Sun", "2026-04-05", "Sat-Mon,22:30-01:15",
			"2026-04-01..2026-04-10 12:00-13:00", "Fri 20:00-04:00,04-05",
		} {
			h := mustHours(t, zone, quiet)
			for range pick(40, 8) {
				from := time.Date(2026, 3, 1, 0, random.Intn(60*24*50), 0, 0, time.UTC)
				to := from.Add(time.Duration(random.Intn(60*24*4)) * time.Minute)
				want := 0
				for at := from; at.Before(to); at = at.Add(time.Minute) {
					if !h.Quiet(at) {
						want++
					}
				}
				if got := h.Busy(from, to); math.Round(got.Minutes()) != float64(want) {
					t.Fatalf("%s, %q: got %s of %s to %s, want %d minutes", zone, quiet, got, from, to, want)
				}
			}
		}
	}
}

func mustHours(t testing.TB, zone, quiet string) watchdog.Hours {
	t.Helper()
	h, err := watchdog.NewHours(zone, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
