package telemetry_test

import (
	"testing"

	"github.com/chimewatch/chimewatch/internal/telemetry"
)

func TestMaskNumber(t *testing.T) {
	tests := []struct{ name, number, want string }{
		{"E.164", "+14155550123", "…0123"},
		{"E.164 with space around", " +14155550123 ", "…0123"},
		{"national with brackets", "(415) 555-0123", "…0123"},
		{"national with dots", "415.555.0123", "…0123"},
		{"German national", "030/901820 55", "…2055"},
		{"international with zeros", "0049 30 9018 2055", "…2055"},
		{"digits across a separator", "+1 415 555 01-23", "…0123"},
		{"SIP", "sip:+14155550123@198.51.100.7:5060;transport=udp", "…0123"},
		{"SIP in capitals", "SIP:+14155550123@example.com", "…0123"},
		{"SIP with user parameters", "sips:+14155550123;phone-context=+1@example.com", "…0123"},
		{"SIP without host", "sip:+14155550123", "…0123"},
		{"SIP of a person", "sip:jane.doe@example.com", "…"},
		{"SIP of a person with digits", "sip:jane1985@198.51.100.7", "…"},
		{"SIP of nobody", "sip:anonymous@anonymous.invalid", "anonymous"},
		{"tel", "tel:+1-415-555-0123", "…0123"},
		{"tel with an extension", "tel:+1-415-555-0123;ext=9876", "…0123"},
		{"number with a host", "+14155550123@198.51.100.7", "…0123"},
		{"anonymous", "Anonymous", "anonymous"},
		{"name", "Jane Doe", "…"},
		{"name and number", "Jane <+14155550123>", "…"},
		{"escaped SIP", "sip:%2B14155550123@example.com", "…"},
		{"digits of another script", "٠١٢٣٤٥٦٧٨", "…"},
		{"five digits", "54321", "…4321"},
		{"four digits", "4321", "…"},
		{"one digit", "7", "…"},
		{"plus alone", "+", "…"},
		{"space", "  ", "…"},
		{"empty", "", ""},
		{"scheme alone", "sip:", "…"},
		{"already masked", "…0123", "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := telemetry.MaskNumber(tt.number); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMaskText(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no number", "Access denied when assuming resource access role", "Access denied when assuming resource access role"},
		{"number at the end", "no route to +14155550123", "no route to …0123"},
		{"number in the middle", "call +1 (415) 555-0123 refused", "call …0123 refused"},
		{"two numbers", "+14155550123 to +14155550199.", "…0123 to …0199."},
		{"number with spaces", "+49 30 901820 55 is busy", "…2055 is busy"},
		{"digits behind a number", "+14155550123 404 times", "…0123 404 times"},
		{"ARN", "cannot assume arn:aws:iam::111122223333:role/Chime", "cannot assume arn:aws:iam::111122223333:role/Chime"},
		{"plus without a number", "a + b, +12 3, C++", "a + b, +12 3, C++"},
		{"number after a gap", "+12   4155550123", "+12   4155550123"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := telemetry.MaskText(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
