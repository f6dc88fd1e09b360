package redact_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/redact"
)

// What words say about the digits behind them: seven digits are a number of a phone, eight are perhaps one, an
// account has twelve, and an amount none.
func TestWordsBeforeDigits(t *testing.T) {
	const phone, perhaps, account, amount, nothing = "phone", "perhaps", "account", "amount", "nothing"
	classes := map[string]string{
		phone: `phone phones telephone tel telefon mobile cellphone cellular landline fax msisdn ani dnis clid callerid e164
			phonenumber phoneno telno whatsapp caller callers callee handset caller-id called-party-id party-id
			customer-number contact-no agent-line user-num subscriber-phone home-number work-nr office-tn local-number
			remote-uri source-number destination-number dest-number transfer-number forwarding-number callback-number
			originating-number terminating-number origin-number target-number cell-number sms-number from-number to-number
			dialled-number dialed-number calling-number phone-label mobile-main caller-party-id`,
		perhaps: `from to call called calling dial dialed dialled dialing dialling ring ringing customer contact party cell
			did cli sms number fromuri touri subscriber the-number`,
		account: `account accounts accountid owner ownerid awsaccount awsaccountid account-id account-number owner-id`,
		amount: `seq sequence fragment shard offset size bytes count length duration latency elapsed port pid version build
			revision requestid messageid eventid traceid spanid sequencenumber fragmentnumber shardid millis nanos request-id
			message-number event-no trace-handle span-token stream-id chunk-id record-id batch-id job-id process-id thread-id
			receipt-id utterance-id result-id invocation-id serial-number line-number port-number ms seconds percent`,
		nothing: `leg note id uri line user agent phone-id mobile-id customer-id contact-id x`,
	}
	for class, list := range classes {
		for _, word := range strings.Fields(list) {
			camel := ""
			for part := range strings.SplitSeq(word, "-") {
				camel += strings.ToUpper(part[:1]) + part[1:]
			}
			for _, name := range []string{
				word, strings.ReplaceAll(word, "-", "_"), strings.ReplaceAll(word, "-", " "), strings.ToUpper(word),
				strings.ToLower(camel[:1]) + camel[1:],
			} {
				for _, form := range []string{"%s %s", "%s: %s", "%s=%s", `"%s": "%s"`, "%s is %s", "leg {%s: %s}",
					`\"%s\":\"%s\"`} {
					if strings.Contains(form, "%s:") && strings.Contains(" tel fax sms ", " "+strings.ToLower(name)+" ") {
						continue // a scheme, behind which five are a number
					}
					checkClass(t, form, name, class)
				}
			}
		}
	}
}

func checkClass(t *testing.T, form, name, class string) {
	t.Helper()
	for n, masked := range map[int]bool{
		6:  false,
		7:  class == "phone",
		8:  class == "phone" || class == "perhaps",
		11: class != "amount",
		12: class != "amount" && class != "account",
		13: class != "amount",
	} {
		text := fmt.Sprintf(form, name, digits(n))
		if got := redact.Text(text); (got != text) != masked {
			t.Errorf("got %q of %q, want it masked: %t (%s)", got, text, masked, class)
		}
	}
}

// Under a name fewer digits are a number, and the name is split as names are.
func TestNamesOfFields(t *testing.T) {
	for name, minimum := range map[string]int{
		"ANI": 5, "customerANI": 5, "ANINumber": 5, "caller_id": 5, "Caller-ID": 5, "x.phone": 5, "phone2": 10,
		"theFrom":    7,
		"fromNumber": 5, "From": 7, "FROM": 7, "fromage": 10, "téléphone": 5, "Téléphone phone": 5, "电话phone": 5,
		"phone电话":                          5,
		strings.Repeat("x", 100) + "Phone": 5, strings.Repeat("phone ", 20) + "my note": 10, "note": 10, "": 10, "--": 10,
		"e164": 5, "customer.number": 5, "number": 7, "aNumber": 7, "my number": 7, "callerID": 5, "CALLERID": 5,
		"callerIDs": 10, "caller--id": 5,
		"customer" + strings.Repeat("-", 30) + "number": 5,
	} {
		for n := 4; n <= 12; n++ {
			got := redact.Field(name, digits(n))
			if masked := got != digits(n); masked != (n >= minimum) {
				t.Errorf("%q: got %q of %d digits, want them masked from %d on", name, got, n, minimum)
			}
		}
	}
}

// Words before a number that is masked say nothing about what is behind it, and those too far before say nothing.
func TestDistanceOfWords(t *testing.T) {
	checkPairs(t, redact.Text, []pair{
		{"phone 5071829, 3645071", "phone …1829, 3645071"}, {"phone of him 5071829", "phone of him 5071829"},
		{"phone ------5071829", "phone ------5071829"}, {"phone-----5071829", "phone-----5071829"[:10] + "…1829"},
		{`phone: [({"5071829`, `phone: [({"…1829`}, {`phone: [({""5071829`, `phone: [({""5071829`},
		{"phone\n5071829", "phone\n5071829"}, {"phone; 5071829", "phone; 5071829"}, {"phone (5071829)", "phone (…1829)"},
		{"phone #5071829", "phone #…1829"}, {"phone <'5071829'>", "phone <'…1829'>"}, {"phone/5071829", "phone/…1829"},
		{"phone.5071829", "phone.…1829"}, {"phone was: 5071829", "phone was: …1829"}, {"phone must 5071829",
			"phone must …1829"},
		{"customer phone number 5071829", "customer phone number …1829"}, {"phone5071829", "phone…1829"},
		{"myphone5071829", "myphone5071829"}, {"myPhone5071829", "myPhone…1829"}, {"call 555-0123", "call …0123"},
		{"call 55 0123", "call 55 0123"}, {"call 555 012", "call 555 012"}, {"call 555 0123", "call …0123"},
		{"call 5550 123", "call 5550 123"}, {"call 555 0123 ms", "call 555 0123 ms"}, {"call 50718293 ms",
			"call 50718293 ms"},
		{"call 1764038040", "call 1764038040"}, {"phone 1764038040", "phone …8040"}, {"phone 5071829 ms", "phone …1829 ms"},
	})
}

// A number that stands in JSON as a number is one all the same, if it is a whole one.
func TestNumbersInJSON(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"ANI", `5071829`, `"…1829"`}, {"ANI", `5071829.0`, `"…1829"`}, {"ANI", `5.071829e6`, `"…1829"`}, {"ANI",
			`-5071829`, `"-…1829"`},
		{"ANI", `5071829.5`, `"…8295"`}, {"", `5071829364`, `"…9364"`}, {"", `5.071829364E+9`, `"…9364"`}, {"", `507182936`,
			`507182936`},
		{"", `5.07182936e8`, `5.07182936e8`}, {"", `1e400`, `1e400`}, {"", `123456789012345`, `"…2345"`},
		{"", `1234567890123456`, `1234567890123456`}, {"", `1764038040`, `1764038040`}, {"", `0.5071829364`,
			`0.5071829364`},
		{"", `["5071829364",null,true]`, `["…9364",null,true]`}, {"n", `{"a":["5071829364"]}x`, `"{\"a\":[\"…9364\"]}x"`},
		{"ANI", `["50718",{"x":"50718"}]`, `["…0718",{"x":"…0718"}]`}, {"",
			`{"from":{"number":"50718"},"x":{"number":"50718"}}`,
			`{"from":{"number":"…0718"},"x":{"number":"50718"}}`}, {"", `{"a":{"5071829364":1},"b":{"5071829364":1}}`,
			`{"a":{"…9364":1},"b":{"…9364":1}}`}, {"", "\"\xff5071829364\"", "\"\uFFFD…9364\""},
		{"", `{"5071829364":1,"1071829364":2,"2071829364":3}`, `{"…9364":1,"…9364 (2)":2,"…9364 (3)":3}`},
		{"", ``, ``}, {"", `5071829364 `, `"…9364" `}, {"", `[5071829364`, `"[…9364"`}, {"", `5071829364]`, `"…9364]"`},
	} {
		if got := string(redact.JSON(tt.name, []byte(tt.raw))); got != tt.want {
			t.Errorf("%s: got %s of %s, want %s", tt.name, got, tt.raw, tt.want)
		}
	}
}

// Whole masks nothing, by whatever way.
func TestWholeMasksNothing(t *testing.T) {
	r := redact.Whole()
	raw := []byte(`{"ANI":"+14155550123"}`)
	members := map[string]json.RawMessage{"+14155550123": raw}
	if got := []string{
		r.Text("+14155550123"), r.Field("ANI", "+14155550123"), r.Number("+14155550123"), string(r.JSON("", raw)),
		string(r.Members(members)["+14155550123"]),
	}; got[0] != "+14155550123" || got[1] != got[0] || got[2] != got[0] || got[3] != string(raw) ||
		got[4] != string(raw) {
		t.Errorf("got %q, want all of it as it is", got)
	}
	if got := redact.Text("+14155550123"); got != "…0123" {
		t.Errorf("got %q, want that others mask", got)
	}
}

// A decimal number stays, unless it is a phone number that was written or printed as one.
func TestDecimalNumbers(t *testing.T) {
	for _, tt := range []struct {
		text  string
		stays bool
	}{
		{"206.5550123", false}, {"106.5550123", true}, {"206.1550123", true}, {"2065.550123", true}, {"20.65550123", true},
		{"7.2065550123", false}, {"7.1065550123", true}, {"7.2061550123", true}, {"7.12065550123", false},
		{"7.11065550123", true}, {"7.22065550123", true}, {"0.2065550123", true}, {"7.2065550123s", true}, {"$7.2065550123",
			true},
		{"5071829364.5", false}, {"1764038040.5", true}, {"507182936.5", true}, {"07.182936450", false},
		{"1.2065550123.wav", false},
		{"1.2065550123e+10", false}, {"1.2065550123e10", false}, {"1.2065550123E10", false}, {"1.2065550123e-10", true},
		{"1.206555e+10", false}, {"1.2065e+10", true}, {"1.206555e+8", true}, {"1.206555e+9", false}, {"1.206555e+14",
			false},
		{"1.206555e+15", true}, {"1.20655e+10", true}, {"12.0655501e+9", true}, {"1.2065550123e+100", true},
		{"1.2065550123e", true},
		{"5071829364.5e", false}, {"+0.123456789", true}, {"+1.234567890s", true}, {"m=+12.345678901", true},
		{"n=+12.345678901", false}, {"am=+12.345678901", false}, {"+12.345678901", false},
	} {
		if got := redact.Text(tt.text); (got == tt.text) != tt.stays {
			t.Errorf("got %q of %q, want it as it is: %t", got, tt.text, tt.stays)
		}
	}
}
