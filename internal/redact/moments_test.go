package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// under returns what a field of a phone masks: all digits but those that are known to be something else.
func under(value string) string { return redact.Field("customerPhone", value) }

func checkStays(t *testing.T, value string, stays bool) {
	t.Helper()
	if got := under(value); (got == value) != stays {
		t.Errorf("got %q of %q, want it as it is: %t", got, value, stays)
	}
}

// A date is known by its parts, each in its range, in every notation: under the name of a phone nothing else stays.
func TestDatesAreKept(t *testing.T) {
	for year := 1898; year <= 2101; year++ {
		valid := 1900 <= year && year < 2100
		for _, form := range []string{"%04d-11-25", "%04d/11/25", "25.11.%04d", "11/25/%04d", "%04d-11-25T14:08:30Z"} {
			checkStays(t, fmt.Sprintf(form, year), valid)
		}
	}
	for month := range 100 {
		valid := 1 <= month && month <= 12
		for _, form := range []string{"2026-%02d-25", "2026/%02d/25", "2026.%02d.25", "2026_%02d_25",
			"2026%02d25T140830Z"} {
			checkStays(t, fmt.Sprintf(form, month), valid)
		}
		day := 1 <= month && month <= 31
		for _, form := range []string{
			"2026-11-%02d", "2026/11/%02d", "2026.11.%02d", "%02d.11.2026", "11/%02d/2026", "11-%02d-2026",
			"202611%02dT140830Z", "202611%02d-140830", "202611%02d_1408",
		} {
			checkStays(t, fmt.Sprintf(form, month), day)
		}
	}
	for _, date := range []string{"2026-1-5", "2026/1/25", "5.1.2026", "1/5/2026", "2026-11-25 ", "20261125T",
		"2026-11-25Z"[:10]} {
		checkStays(t, date, true)
	}
	for _, number := range []string{
		"2026-111-25", "2026-11-251", "2026-11/25", "2026/11-25", "2026 11 25", "25.11-2026", "25 11 2026", "25.11.26 1",
		"2026-11-25a", "12026-11-25", "25.11.20261", "251.11.2026", "25.111.2026", "25.11.2026.12", "20261125",
		"2026112514",
	} {
		checkStays(t, number, false)
	}
}

// So is a time of day: behind a number it is not the end of it, and behind a date not the next number.
func TestTimesAreKept(t *testing.T) {
	behind := func(moment string, known bool) {
		t.Helper()
		text := "phone 5071829 " + moment
		if got := redact.Text(text); (got == "phone …1829 "+moment) != known {
			t.Errorf("got %q of %q, want the time left as it is: %t", got, text, known)
		}
	}
	stays := func(text string, known bool) {
		t.Helper()
		if got := redact.Text(text); (got == text) != known {
			t.Errorf("got %q of %q, want it as it is: %t", got, text, known)
		}
	}
	for n := range 100 {
		for _, form := range []string{"%02d:08", "%02d:08:30.5", "%02d:08Z"} {
			behind(fmt.Sprintf(form, n), n <= 24)
		}
		behind(fmt.Sprintf("14:%02d", n), n <= 59)
		for _, form := range []string{"20261125-%02d0830", "20261125_%02d08"} {
			checkStays(t, fmt.Sprintf(form, n), n <= 23)
		}
		for _, form := range []string{"20261125-14%02d30", "20261125_14%02d"} {
			checkStays(t, fmt.Sprintf(form, n), n <= 59)
		}
		checkStays(t, fmt.Sprintf("20261125-1408%02d", n), n <= 60)
		for _, form := range []string{"2026-11-25-%02d-08-30", "2026/11/25/%02d/08/30", "2026.11.25.%02d.08.30",
			"2026_11_25_%02d_08_30"} {
			checkStays(t, fmt.Sprintf(form, n), n <= 24)
		}
		stays(fmt.Sprintf("14:08:30 +%02d00 2026-11-25", n), n <= 14)
		stays(fmt.Sprintf("14:08:30 +01%02d 2026-11-25", n), n%15 == 0)
	}
	behind("14:08:30:55", false)
	behind("14:08:300", false)
	for _, text := range []string{
		"2026-11-25 14:08:30", "2026-11-25_14_08_30", "2026/11/25/14/08", "2026.11.25.14.08.30", "2026-11-25:14:08:30",
		"2026-11-25T14:08:30z", "2026-11-25-14-08-30-123", "2026-11-25-14-08-30-123456",
		"20261125T140830123", "2026-11-25T14", "2026-11-25 14:08Z", "2026-11-25T14:08:30.123456789Z", "14:08:30,123456",
		"20261125T140830.123456Z", "2026-11-25 14:08 +0100", "20261125-140830 +0100",
	} {
		checkStays(t, text, true)
	}
	for _, text := range []string{
		"2026-11-25-14-08-30-12345", "2026-11-25-14-08-30-1234567", "20261125T14083 0", "20261125-1408301",
		"14:08:30.12345678901", "2026-11-25 14:08 +0100 5550",
	} {
		checkStays(t, text, false)
	}
}

// Digits run together are a time where they cannot well be a number: seconds and milliseconds since 2015, and fourteen
// digits of a date and a time; twelve without the seconds in these years.
func TestTimesRunTogether(t *testing.T) {
	stays := func(text string, want bool) {
		t.Helper()
		if got := redact.Text(text); (got == text) != want {
			t.Errorf("got %q of %q, want it as it is: %t", got, text, want)
		}
	}
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"1420070399", false}, {"1420070400", true}, {"1999999999", true}, {"2000000000", false},
		{"1420070399999", false}, {"1420070400000", true}, {"1999999999999", true}, {"2000000000000", false},
		{"14200704000", false}, {"142007040000", false}, {"14200704000000", false}, {"142007040000000", false},
		{"1.764038040123e+09", true}, {"1.764038040123e+12", true}, {"1.764038040123e+10", false},
		{"1.3640380401e+09", false}, {"2.764038040123e+09", false}, {"1.264038040123e+12", false},
	} {
		stays(tt.text, tt.want)
	}
	for n := range 100 {
		stays(fmt.Sprintf("2026%02d25140830", n), 1 <= n && n <= 12)
		stays(fmt.Sprintf("202611%02d140830", n), 1 <= n && n <= 31)
		stays(fmt.Sprintf("20261125%02d0830", n), n < 24)
		stays(fmt.Sprintf("2026112514%02d30", n), n < 60)
		stays(fmt.Sprintf("202611251408%02d", n), n <= 60)
		stays(fmt.Sprintf("2026%02d251408", n), 1 <= n && n <= 12)
		stays(fmt.Sprintf("202611%02d1408", n), 1 <= n && n <= 31)
		stays(fmt.Sprintf("20261125%02d08", n), n < 24)
		stays(fmt.Sprintf("2026112514%02d", n), n < 60)
	}
	for year := 1890; year <= 2110; year++ {
		stays(fmt.Sprintf("%d1125140830", year), 1900 <= year && year < 2100)
		stays(fmt.Sprintf("%d11251408", year), 2020 <= year && year < 2030)
	}
}

// An IPv4 address is four numbers to 255 without leading zeros, and may have a port.
func TestIPAddressesAreKept(t *testing.T) {
	for n := range 1000 {
		for _, form := range []string{"%d.51.100.71", "198.%d.100.71", "198.51.%d.71", "198.51.100.%d",
			"198.51.100.%d:5060"} {
			checkStays(t, fmt.Sprintf(form, n), n <= 255)
		}
	}
	for _, text := range []string{"0.0.0.0:50601", "198.51.100.7:1", "198.51.100.7", "198.51.100.7.", "198.51.100.7:50",
		"10.0.0.0/24"} {
		checkStays(t, text, true)
	}
	for _, text := range []string{
		"198.51.100.07", "198.051.100.7", "198.51.100.7.1", "198.51.100.7a", "198.51.1007", "198.51.100.71:506011",
		"1.198.51.100.7", "198.51-100.71", "198.51.100.",
	} {
		if strings.Count(text, ".") == 2 || len(text) < 12 { // too few digits for what is left
			text += "555012"
		}
		checkStays(t, text, false)
	}
}
