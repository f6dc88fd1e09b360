package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// numberForms are the ways in which a number of ten digits is written.
var numberForms = []string{"sip:1%s@pbx.example", "sip:%s@198.51.100.7", "sips:+1%s@pbx.example:5061", "tel:%s",
	"tel:+1%s;ext=12",
	"+1%s", "%%2B1%s", "＋1%s", "001%s", "1%s", "%s", "caller %s"}

// fillTexts puts a text into every field of a struct that holds text.
func fillTexts(of any, text string) {
	v := reflect.ValueOf(of).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(text)
		}
	}
}

// No command prints a full number in any text field of a ledger, in the audit and in the table of the tasks.
// Fields that are added later are included.
func TestEveryFieldOfALedgerIsMasked(t *testing.T) {
	const digits = "4155550160"
	for _, form := range numberForms {
		text := fmt.Sprintf(form, digits)
		h := consentReport{TransactionID: text, CallID: text, VoiceConnectorID: text, Tasks: []voicetask.Standing{{}},
			Ledger: voicetask.Ledger{{}}}
		fillTexts(&h.Tasks[0], text)
		fillTexts(&h.Ledger[0], text)
		for _, output := range []string{outputJSON, "table"} {
			for _, whole := range []bool{false, true} {
				var out, errs bytes.Buffer
				a := &app{stdout: &out, stderr: &errs}
				a.Output = output
				shown := h.masked(whole)
				err := a.printConsent(shown)
				if output == outputJSON {
					out.Reset()
					err = a.printJSON(shown)
				}
				if err != nil {
					t.Fatal(err)
				}
				got := result{stdout: out.String(), stderr: errs.String()}
				if !whole {
					noNumbers(t, fmt.Sprintf("consent show -o %s of %s", output, text), got, digits)
				} else if !bytes.Contains(out.Bytes(), []byte(digits)) {
					t.Errorf("got no number whole where it is asked for: %s", out.String())
				}
			}
		}
	}
	if reflect.TypeFor[voicetask.Entry]().NumField() < 15 {
		t.Error("the entries have fewer fields than this test is for")
	}
}

// The flags of consent are sent as they are, and printed with masked numbers.
func TestConsentMasksWhatItPrints(t *testing.T) {
	const digits = "4155550160"
	for _, form := range numberForms {
		text := fmt.Sprintf(form, digits)
		for _, decision := range []string{"grant", "deny", "withdraw"} {
			for _, args := range [][]string{
				{"--transaction", text, "--by", "me"}, {"--call", text, "--by", "me"}, {"--transaction", "t", "--by", text},
				{"--transaction", "t", "--by", "me", "--bus", text},
			} {
				for _, output := range []string{"table", "json"} {
					f := newFakeAWS(t)
					got := execute(nil, "", slices.Concat([]string{"consent", decision, "--scope", "both", "--region", "us-east-1",
						"--endpoint-url", f.URL, "-o", output}, args)...)
					if got.code != exitDone || len(f.entries) != 1 {
						t.Fatalf("%v: got exit code %d, %q and %d events", args, got.code, got.stderr, len(f.entries))
					}
					sent, err := json.Marshal(f.entries[0])
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Contains(sent, []byte(digits)) {
						t.Errorf("%v: sent %s, want it whole", args, sent)
					}
					noNumbers(t, "consent "+decision, got, digits)
				}
			}
		}
		for _, args := range [][]string{{"--until", text}, {"--scope", text}, {"--transaction", "rehearsal-" + text}} {
			base := []string{"consent", "grant", "--transaction", "t", "--by", "me", "--scope", "both", "--region", "us-east-1"}
			got := execute(nil, "", append(base, args...)...)
			if got.code == exitDone {
				t.Fatalf("%v: want it refused", args)
			}
			noNumbers(t, fmt.Sprint(args), got, digits)
		}
	}
}
