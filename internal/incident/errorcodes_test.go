package incident_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// errorCode is a row of testdata/errorcodes.tsv: an error code that a service
// documents, or a text that it returns, and the cause that it says.
type errorCode struct {
	service, code, status, text string
	want                        incident.Cause
	// note is why the class is unknown; otherwise what the code means.
	note string
}

// reason returns the row as a service would write it.
func (e errorCode) reason() string {
	switch {
	case e.code == "":
		return e.text
	case e.text == "":
		return e.code
	}
	return e.code + ": " + e.text
}

func errorCodes(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}) []errorCode {
	t.Helper()
	file, err := os.ReadFile("testdata/errorcodes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var list []errorCode
	for n, line := range strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			t.Fatalf("line %d has %d fields, want 7", n+2, len(f))
		}
		cause := incident.Cause{Class: incident.Class(f[4]), Target: f[5]}
		list = append(list, errorCode{service: f[0], code: f[1], status: f[2], text: f[3], want: cause, note: f[6]})
	}
	return list
}

// Every error that the services document, of the calls that call analytics makes
// on the customer's behalf, has its class, or a reason why it has none. With -v the
// test prints the share per service.
func TestDocumentedErrorCodes(t *testing.T) {
	type count struct{ known, all int }
	counts, total := map[string]count{}, count{}
	unknown := map[string][]string{}
	for _, e := range errorCodes(t) {
		if got := incident.CauseOfText(e.reason()); got != e.want {
			t.Errorf("%s: %q: got %v, want %v", e.service, e.reason(), got, e.want)
		}
		if !slices.Contains(incident.Classes(), e.want.Class) {
			t.Errorf("%s: %q: there is no class %q", e.service, e.reason(), e.want.Class)
		}
		c := counts[e.service]
		c.all, total.all = c.all+1, total.all+1
		if e.want.Class == incident.Unknown {
			if e.note == "" {
				t.Errorf("%s: %q is unknown without a reason", e.service, e.reason())
			}
			unknown[e.note] = append(unknown[e.note], e.service+" "+e.reason())
		} else {
			c.known, total.known = c.known+1, total.known+1
		}
		counts[e.service] = c
	}
	for _, service := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-26s %3d of %3d have a class", service, counts[service].known, counts[service].all)
	}
	t.Logf("%-26s %3d of %3d have a class", "all", total.known, total.all)
	for _, why := range slices.Sorted(maps.Keys(unknown)) {
		t.Logf("unknown, %s: %s", why, strings.Join(unknown[why], ", "))
	}
}

// A code of the table has an outcome of its own, is in lower case in no form of
// another, and names a target that there is.
func TestCodesAreReachable(t *testing.T) {
	names := map[string]bool{}
	for _, c := range incident.Codes() {
		name := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(c.Name, "Exception"), "Error"))
		if names[name] {
			t.Errorf("%s stands twice", c.Name)
		}
		names[name] = true
		if c.Target != "" && !slices.Contains(incident.Targets(), c.Target) {
			t.Errorf("%s: got %+v, want a target that is in the list", c.Name, c)
		}
		for _, form := range []string{c.Name, c.Name + "Exception", c.Name + "Error"} {
			if got := incident.CauseOfText(form).Class; got != c.Class {
				t.Errorf("%s: got %s, want %s", form, got, c.Class)
			}
		}
	}
	for _, e := range errorCodes(t) {
		if e.want.Target != "" && !slices.Contains(incident.Targets(), e.want.Target) {
			t.Errorf("%s: there is no target %q", e.reason(), e.want.Target)
		}
	}
}
