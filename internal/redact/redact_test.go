package redact_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/redact"
)

type pair struct{ text, want string }

func checkPairs(t *testing.T, mask func(string) string, pairs []pair) {
	t.Helper()
	for _, p := range pairs {
		if got := mask(p.text); got != p.want {
			t.Errorf("of %q: got %q, want %q", p.text, got, p.want)
		}
	}
}

func TestText(t *testing.T) {
	for name, pairs := range map[string][]pair{
		"plus": {
			{"no route to +14155550123", "no route to …0123"},
			{"call +1 (415) 555-0123 refused", "call …0123 refused"},
			{"+14155550123 to +14155550199.", "…0123 to …0199."},
			{"+49 30 901820 55 is busy", "…2055 is busy"},
			{"+14155550123 404 times", "…0123 404 times"},
			{"+12   4155550123", "…0123"},
			{"(+49) 30 901820", "…1820"},
			{"+49 (0)30 901820", "…1820"},
			{"+44(0)2079460018", "…0018"},
			{"＋１４１５５５５０１２３", "…0123"},
			{"calls/%2B12065550150.wav", "calls/…0150.wav"},
			{"calls%252B12065550150", "calls…0150"},
			{`{"n":"\u002b1206\u00a0555\u200b0150"}`, `{"n":"…0150"}`},
			{"+33.6.12.34.56.79 / +33 6 12 34 56 78", "…5679 / …5678"},
			{"+447911123456 10.0.0.1:5060", "…3456 10.0.0.1:5060"},
			{"+14155550123 2026-11-25T00:00:00Z", "…0123 2026-11-25T00:00:00Z"},
			{"2026-11-25 14:08:30 +1206 555 0150", "2026-11-25 14:08:30 …0150"},
		},
		"prefix": {
			{"0049 30 901820", "…1820"}, {"00 49 30 901820", "…1820"}, {"011-44-20-7946-0018", "…0018"},
			{"00493090182055", "…2055"}, {"12:00 0049 30 901820", "12:00 …1820"},
		},
		"trunk": {
			{"(030) 901820-55", "…2055"}, {"030/901820", "…1820"}, {"0171 1234567", "…4567"}, {"(0)30 901820", "…1820"},
			{"06 12 34 56 78", "…5678"}, {"03ー1234ー5678", "…5678"},
			{"03090182055", "…2055"}, {"021234567", "…4567"}, {"Calling…0171 1234567", "Calling…4567"},
		},
		"North America": {
			{"Could not store for (206) 555-0144", "Could not store for …0144"}, {"415-555-0123", "…0123"},
			{"1-415-555-0123", "…0123"}, {"1 (415) 555-0123", "…0123"}, {"415.555.0123", "…0123"},
			{"415·555·0123", "…0123"}, {"4155550123", "…0123"}, {"14155550123", "…0123"},
			{"415\u202f555\u202f0123", "…0123"}, {"123-456-7890", "…7890"}, {"2-0-6-5-5-5-0-1-5-0", "…0150"},
			{"attempt 3 415-555-0123 failed", "attempt 3 …0123 failed"}, {"(call 415-555-0123)", "(call …0123)"},
			{"us-east-1 4155550123", "us-east-1 …0123"},
		},
		"address": {
			{"Leg sip:12065550146@203.0.113.9 (also tel:2065550149) was refused",
				"Leg sip:…0146@203.0.113.9 (also tel:…0149) was refused"},
			{"caller sip:12065550121@pbx.example", "caller sip:…0121@pbx.example"},
			{`"Jane" <sip:+14155550123@198.51.100.7:5060;transport=udp>`,
				`"Jane" <sip:…0123@198.51.100.7:5060;transport=udp>`},
			{"sip:%2B14155550123@example.com", "sip:…0123@example.com"}, {"SIPS:54321@pbx", "SIPS:…4321@pbx"},
			{"sip:conf5550123@pbx", "sip:conf…0123@pbx"}, {"5550123@pbx", "…0123@pbx"},
			{"tel:+1-415-555-0123;ext=9876", "tel:…0123"}, {"sip:alice@example.com", "sip:alice@example.com"},
			{"sip:1001@pbx", "sip:1001@pbx"}, {"sip:198.51.100.7:5060", "sip:198.51.100.7:5060"},
		},
		"extension": {
			{"415-555-0123 x204", "…0123"}, {"415-555-0123 ext. 204", "…0123"}, {"4155550123x204", "…0123"},
			{"4155550123 #204.", "…0123."}, {"4155550123 extra", "…0123 extra"},
		},
		"grouped": {
			{"(11) 91234-5678", "…5678"}, {"11 91234 5678", "…5678"}, {"138 0013 8000", "…8000"},
			{"98765 43210", "…3210"}, {"1300 975 707", "…5707"}, {"8 (495) 123-45-67", "…4567"},
			{"8 495 123 45 67", "…4567"}, {"138-0013-8000", "…8000"}, {"1234-5678-9012", "…9012"},
			{"1234-5678-901-2", "…9012"}, {"1234-5678-901 2 times", "…8901 2 times"},
		},
		"without a sign": {
			{"49 30 901820", "…1820"}, {"33 1 23 45 67 89", "…6789"}, {"44-20-7946-0018", "…0018"},
			{"conf12065550121", "conf…0121"}, {"recording-12065550150-1764038040.wav",
				"recording-…0150-1764038040.wav"},
			{"s3://bucket/447911123456/a.wav", "s3://bucket/…3456/a.wav"}, {"1.2065550188e+10", "…0188"},
			{"206.5550123", "…0123"}, {"4155550123.wav", "…0123.wav"},
		},
		"by words": {
			{"phone 5550123", "phone …0123"}, {`{\"callerId\":\"5550123\"}`, `{\"callerId\":\"…0123\"}`},
			{"call 555-0123 now", "call …0123 now"}, {"tel. 901820-55", "tel. …2055"},
			{"ANI=5550187&x=1", "ANI=…0187&x=1"},
			{"phone number is 1764038040", "phone number is …8040"}, {"call 12 of 5550123", "call 12 of 5550123"},
			{"from 5550123", "from 5550123"},
		},
		"digits of other scripts": {
			{"٠١٢٣٤٥٦٧٨٩", "…6789"}, {"+१ ४१५ ५५५ ०१२३", "…0123"}, {"𝟒𝟏𝟓-𝟓𝟓𝟓-𝟎𝟏𝟐𝟑", "…0123"},
			{"电话：010-12345678。", "电话：…5678。"},
		},
		"in an ARN's resource": {
			{"arn:aws:sns:us-east-1:123456789012:alerts-14155550123",
				"arn:aws:sns:us-east-1:123456789012:alerts-…0123"},
			{"arn:aws:sns:us-east-1:14155550123:x", "arn:aws:sns:us-east-1:…0123:x"},
		},
	} {
		t.Run(name, func(t *testing.T) { checkPairs(t, redact.Text, pairs) })
	}
}

func TestTextKeeps(t *testing.T) {
	for _, text := range []string{
		"", "Access denied when assuming resource access role", "a + b, +12 3, C++", "…0123 404 times",
		"12345678-1234-4321-9876-123456789012", "create-failed.c5dbc041-b2da-45ca-9887-faae186bff33",
		"cannot assume arn:aws:iam::111122223333:role/Chime",
		"arn:aws:chime:us-east-1:123456789012:media-pipeline/aaaaaaaa-0006-4000-8000-000000000001",
		"arn:aws:s3:::recordings-123456789012/x",
		"account 123456789012 is wrong", `"account":"001234567890"`, "account 0123-4567-8901",
		"region/123456789012/us-east-1", "123456789012.dkr.ecr.us-east-1.amazonaws.com",
		"https://sqs.us-east-1.amazonaws.com/123456789012/queue", "http://127.0.0.1:4100/123456789012/queue",
		"http://localhost:4100/123456789012/queue",
		"2026-11-25T02:34:00Z", "2026-11-25 02:34:00.123456789 +0000 UTC m=+12.345678901", "25.11.2026 14:08",
		"11/25/2026", "20261125T140830Z", "20261125140830", "202611251408", "2026/11/25/14/08/30/a.wav",
		"1764038040", "1764038040123", "1764038040.123", "1764038040123456", "1.764038040123e+09", "14:08:30.123456",
		"took 1.23456789012s", "2345678901ns", "12345678901 ms", "+1.5234567s",
		"shardId-000000000012", "49590338271490256608559692538361571095921575989136588898",
		"91343852333181432392682062622220590765191907586", "sequence number 4155550123", "request id 1234567890",
		"203.0.113.9:5060", "198.51.100.10", "from 10.0.0.1 to 192.168.100.200", "deadbeef0123456789", "7acff989055e",
		"0x1234567890", "Root=1-67445e2c-0123456789abcdef01234567", "c4tq9mzx1bd7ne0rw3yhk8",
		"HTTP 503", "v0.0.0-20261030222936-bef5c4ba774d", "2.1148.1", "aws-sdk-go-v2/1.36.3", "$1,234.56",
		"€4155550123", "EUR 4155550123", "0.94567856", "4155550123 bytes", "1.3.6.1.4.1.311.21.20",
		"MAC 08:00:27:12:34:56", "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:5061", "1 2 3 4 5 6 7 8 9 10 11 12",
		"counts 100 200 300 400",
		"ports 10000-20000", "bytes 1048576-2097151", "550e8400-1234-5678-9012-abc", "1234-5678-9012-ab12",
		"2026-11-25-14-08-30-123456.wav", "sizes 12345 67890 1", "table 1234567, items 12345678", "\xff\xfe 12345",
	} {
		if got := redact.Text(text); got != text {
			t.Errorf("got %q, want %q as it is", got, text)
		}
	}
}

func TestNumber(t *testing.T) {
	checkPairs(t, redact.Number, []pair{
		{"+14155550123", "…0123"}, {" +14155550123 ", "…0123"}, {"(415) 555-0123", "…0123"}, {"415.555.0123", "…0123"},
		{"030/901820 55", "…2055"}, {"0049 30 9018 2055", "…2055"}, {"+1 415 555 01-23", "…0123"},
		{"sip:+14155550123@198.51.100.7:5060;transport=udp", "…0123"}, {"SIP:+14155550123@example.com", "…0123"},
		{"sips:+14155550123;phone-context=+1@example.com", "…0123"}, {"sip:+14155550123", "…0123"},
		{"sip:4155550123:secret@example.com", "…0123"}, {"sip:%2B14155550123@example.com", "…0123"},
		{"tel:+1-415-555-0123", "…0123"}, {"tel:+1-415-555-0123;ext=9876", "…0123"},
		{"415-555-0123 ext. 9876", "…0123"},
		{"+14155550123@198.51.100.7", "…0123"}, {"Jane <+14155550123>", "…0123"},
		{`"Jane 1985" <sip:+14155550123@example.com>`, "…0123"}, {"٠١٢٣٤٥٦٧٨", "…5678"}, {"4155\u200b550123", "…0123"},
		{"sip:jane.doe@example.com", "…"}, {"sip:jane1985@198.51.100.7", "…"},
		{"sip:anonymous@anonymous.invalid", "anonymous"}, {"Anonymous", "anonymous"}, {"Jane Doe", "…"},
		{"54321", "…4321"}, {"4321", "…"}, {"7", "…"}, {"+", "…"}, {"  ", "…"}, {"", ""}, {"sip:", "…"},
		{"…0123", "…0123"}, {"…", "…"}, {"tel://…0123", "…0123"},
	})
}

func TestField(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"ANI", "12065550188", "…0188"}, {"callerId", "2065550187", "…0187"}, {"customerNumber", "5550186", "…0186"},
		{"customerPhone", "54321", "…4321"}, {"CALLER_ID", "1764038040", "…8040"},
		{"caller%20number", "54321", "…4321"}, {"cal\u200bler", "54321", "…4321"},
		{"from", "5550123", "…0123"}, {"from", "1764038040", "1764038040"}, {"from", "2026-11-25", "2026-11-25"},
		{"to", "sales", "sales"}, {"callerName", "Jane Doe", "Jane Doe"},
		{"x-caller-number", "901820 55", "…2055"}, {"note", "5550123", "5550123"}, {"case", "4155550123", "…0123"},
		{"callId", "12065550150", "…0150"},
		{"account", "123456789012", "123456789012"}, {"awsAccountId", "123456789012", "123456789012"},
		{"account", "14155550123", "…0123"}, {"note", "123456789012", "…9012"},
		{"updatedOn", "1764038040123", "1764038040123"}, {"beginTimestamp", "4155550123", "…0123"},
		{"count", "12065550112", "12065550112"}, {"durationMs", "4155550123", "4155550123"},
		{"count", "+12065550112", "…0112"},
		{"messageId", "12345678901", "12345678901"}, {"sequenceNumber", "123456789012", "123456789012"},
		{"", "12065550112", "…0112"},
	} {
		if got := redact.Field(tt.name, tt.value); got != tt.want {
			t.Errorf("%s: got %q of %q, want %q", tt.name, got, tt.value, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct{ what, name, raw, want string }{
		{"string", "", `"call +12065550150"`, `"call …0150"`},
		{"number", "", `12065550150`, `"…0150"`},
		{"number with an exponent", "", `1.2065550150E10`, `"…0150"`},
		{"number under its name", "ANI", `5550123`, `"…0123"`},
		{"names of the customer's own", "",
			`{"ANI":"12065550188","callerId":2065550187,"customerNumber":"5550186","from":"5550123","note":"5550123"}`,
			`{"ANI":"…0188","callerId":"…0187","customerNumber":"…0186","from":"…0123","note":"5550123"}`},
		{"numbers as names", "", `{"12065550188":1,"13065550188":{"+12065550187":[2]},"a":3}`,
			`{"…0188":1,"…0188 (2)":{"…0187":[2]},"a":3}`},
		{"name of what is around", "",
			`{"customer":{"number":"5550186"},"event":{"id":"4155550123"},"phones":[{"value":"5550187"},"5550188"]}`,
			`{"customer":{"number":"…0186"},"event":{"id":"…0123"},"phones":[{"value":"…0187"},"…0188"]}`},
		{"escapes", "", `{"n":"+1\u0032065550150","m":"206\/555\/0150","o":"\u003c+12065550150\u003e"}`,
			`{"n":"…0150","m":"…0150","o":"<…0150>"}`},
		{"JSON in text", "", `{"metadata":"{\"callerId\":\"5550123\",\"x\":\"\\u002b12065550150\"}"}`,
			`{"metadata":"{\"callerId\":\"…0123\",\"x\":\"…0150\"}"}`},
		{"all else, to the byte", "",
			"{ \"a\": true,\n \"b\": [null, 1.50, 12345678901234567890, 1764038040123],\n" +
				" \"updatedOn\": 1764038040, \"\\u0061\": \"\\u003c&\", \"n\": \"+12065550150\" }",
			"{ \"a\": true,\n \"b\": [null, 1.50, 12345678901234567890, 1764038040123],\n" +
				" \"updatedOn\": 1764038040, \"\\u0061\": \"\\u003c&\", \"n\": \"…0150\" }"},
		{"a name given twice", "", `{"a":"+12065550150","a":"+12065550151"}`, `{"a":"…0150","a":"…0151"}`},
		{"no JSON", "", `{"a":+12065550150`, `"{\"a\":…0150"`},
		{"two documents", "", `"+12065550150" 1`, `"\"…0150\" 1"`},
	} {
		got := string(redact.JSON(tt.name, []byte(tt.raw)))
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.what, got, tt.want)
		}
		if again := string(redact.JSON(tt.name, []byte(got))); again != got {
			t.Errorf("%s: got %s of %s, want it as it is", tt.what, again, got)
		}
	}
}

func TestMembers(t *testing.T) {
	got := redact.Redactor{}.Members(map[string]json.RawMessage{
		"ANI": json.RawMessage(`"5550188"`), "12065550188": json.RawMessage(`1`), "13065550188": json.RawMessage(`"x"`),
		"n": json.RawMessage(`{"a":"+12065550187"}`),
	})
	want := map[string]json.RawMessage{
		"ANI": json.RawMessage(`"…0188"`), "…0188": json.RawMessage(`1`), "…0188 (2)": json.RawMessage(`"x"`),
		"n": json.RawMessage(`{"a":"…0187"}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A number that is known is found whatever is around it.
func TestKnowing(t *testing.T) {
	r := redact.Knowing("+12065550137", "sip:5550190@pbx", "anonymous", "", "911")
	checkPairs(t, r.Text, []pair{
		{"leg 5550190 of 911", "leg …0190 of 911"}, {"ab12065550137", "ab…0137"}, {"a2065550137f", "a…0137f"},
		{"request id 12065550137", "request id …0137"}, {"x5550190", "x…0190"}, {"55501901", "55501901"},
	})
	if got := redact.Text("leg 5550190"); got != "leg 5550190" {
		t.Errorf("got %q without knowing the number, want it as it is", got)
	}
}

func BenchmarkText(b *testing.B) {
	for name, text := range map[string]string{
		"without digits": "Access denied when assuming resource access role: check the trust policy of the role",
		"without numbers": "pipeline 390c229b-3f88-4f5b-8169-99dfd9e1652c failed at 2026-03-09T15:20:27Z in " +
			"arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
		"with a number": "Leg sip:12065550146@203.0.113.9 (also tel:2065550149) was refused",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				redact.Text(text)
			}
		})
	}
}
