package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/chimewatch/chimewatch/internal/testutil/rapidseed"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/incident"
)

// variables are what differs between texts of one reason, each kind in two values.
var variables = [][2]string{
	{"01234567-89ab-4cde-8f01-23456789abcd", "fedcba98-dead-4bad-abed-feedfacecafe"},
	{"arn:aws:iam::111122223333:role/chime-access", "arn:aws:kms:eu-central-1:444455556666:key/mrk-1"},
	{"https://sqs.us-east-1.amazonaws.com/111122223333/calls", "s3://another-bucket/and/path"},
	{"42", "1000000"},
	{"3.5", "17"},
	{"2026-03-09T15:20:27.123Z", "2027-12-31T23:59:59Z"},
	{"2026-03-09 15:20:27", "2026-03-10 01:02:03"},
	{"Mon, 09 Mar 2026", "Thu, 31 Dec 2026"},
	{"March 9", "December 31"},
	{"3:20 pm", "11:59:59 AM"},
	{"vcunknown00000000000001", "c4tq9mzx1bd7ne0rw3yhk8"},
	{"call-0001", "call-98765"},
	{"abcdefabcdefab", "00ff00ff00ff00ff"},
	{"+12065550137", "+4915112345678"},
	{"10.0.0.1", "192.168.178.20"},
	{"4GIOHlTkIaWHQD0Q0m-x_9ZZaaBBccDDeeFF", "7abcIOHlTkIaWHQD0Q0m-x_9ZZaaBB0000cDDee/f="},
	{"15s", "250ms"},
}

// words say what happened; some hold a digit, and are names all the same.
var words = []string{
	"access", "denied", "the", "role", "kms", "key", "is", "disabled", "pending", "deletion",
	"s3", "ec2", "ipv4", "h.264/mp4", "marked", "may",
	"ThrottlingException:", "us-east", "(not", "found)", `"bucket"`, "Zugriff", "verweigert", "失敗", "decided,", "augustly",
}

// Texts that differ only in ids, ARNs, addresses, numbers and times, and in letters
// and spaces, are one reason, whatever the words are.
func TestTextsThatDifferInIDsAreOneReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cause := incident.Cause{Class: incident.Unknown}
		var one, other []string
		for range rapid.IntRange(1, 8).Draw(t, "parts") {
			if rapid.Bool().Draw(t, "word") {
				word := rapid.SampledFrom(words).Draw(t, "w")
				one, other = append(one, word), append(other, word)
				continue
			}
			v := rapid.SampledFrom(variables).Draw(t, "v")
			first := rapid.IntRange(0, 1).Draw(t, "first")
			one, other = append(one, v[first]), append(other, v[1-first])
		}
		a, b := strings.Join(one, " "), "  "+strings.ToUpper(strings.Join(other, "\n"))+". "
		if incident.ReasonOf(cause, a).ID != incident.ReasonOf(cause, b).ID {
			t.Errorf("got two reasons, %q and %q, want one: %q, %q", incident.Pattern(a), incident.Pattern(b), a, b)
		}
	})
}

// Texts with other words are other reasons, and so are the same words of another
// cause.
func TestTextsWithOtherWordsAreOtherReasons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.SliceOfN(rapid.SampledFrom(words), 1, 6)
		a, b := strings.Join(draw.Draw(t, "a"), " "), strings.Join(draw.Draw(t, "b"), " ")
		same := incident.ReasonOf(incident.Cause{}, a).ID == incident.ReasonOf(incident.Cause{}, b).ID
		if want := a == b; same != want {
			t.Errorf("%q and %q: got one reason %v, want %v", a, b, same, want)
		}
	})
	seen := map[string]string{}
	for _, cause := range []incident.Cause{
		{Class: incident.Unknown}, {Class: incident.Permissions},
		{Class: incident.Permissions, Target: "kms"}, {Class: incident.Permissions, Target: "s3"},
	} {
		for _, text := range []string{"", "denied", "not denied"} {
			id := incident.ReasonOf(cause, text).ID
			if of, there := seen[id]; there {
				t.Errorf("%v %q: got the id of %s", cause, text, of)
			}
			seen[id] = fmt.Sprintf("%v %q", cause, text)
		}
	}
}

// However long a text is, what is kept is bounded, and a number in it is not cut in half.
func TestReasonsAreBounded(t *testing.T) {
	for n := range 30 {
		long := strings.Repeat("é", 270+n) + " call from +12065550137 refused " + strings.Repeat("long ", 1000)
		got := incident.ReasonOf(incident.Cause{}, long).Text
		if len(got) > 600 || strings.Contains(got, "206555") || !strings.HasPrefix(got, "ééé") {
			t.Errorf("got %d bytes, %q, want at most 600 without a part of the number", len(got), got)
		}
	}
	if got := incident.ReasonOf(incident.Cause{}, "from +12065550137").Text; got != "from +12065550137" {
		t.Errorf("got %q, want a short text as it came", got)
	}
}

// Each call counts once for each of its reasons, however often and in whichever order
// it failed, and calls whose reason is not kept are counted together.
func TestCountReasons(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 9, 12, minute, 0, 0, time.UTC) }
	own := incident.Reason{ID: "rown", Cause: incident.Cause{Class: incident.Quota}, Text: "own"}
	more := incident.Reason{ID: "rmore", Cause: incident.Cause{Class: incident.Quota}, Text: "more"}
	i := incident.Incident{Class: incident.Quota, Reason: "own", Reasons: []incident.Reason{more, own}}
	occurrences := []incident.Occurrence{
		{PipelineID: "p1", At: at(1), Reasons: []string{"rmore"}},
		{PipelineID: "", At: at(2), Reasons: []string{"rmore"}},
		{PipelineID: "", At: at(3), Reasons: []string{"rmore", "rown"}},
		{PipelineID: "p2", At: at(4), Reasons: []string{"rlost", "rlostalso"}},
		{PipelineID: "p1", At: at(5), Reasons: []string{"rmore", "rlost"}},
		{PipelineID: "p3", At: at(6)},
	}
	count := func(calls, first, last int) incident.Count {
		return incident.Count{Calls: calls, First: at(first), Last: at(last)}
	}
	given, rest := i.CountReasons(incident.OccurrenceCounts{Occurrences: occurrences})
	got := map[string]incident.Count{"rest": rest}
	for _, g := range given {
		got[g.ID] = g.Count
	}
	for id, c := range got {
		c.Example = incident.Occurrence{}
		got[id] = c
	}
	want := map[string]incident.Count{"rown": count(1, 3, 3), "rmore": count(3, 1, 5), "rest": count(3, 4, 6)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if given[0].ID != "rown" || given[1].Example.PipelineID != "p1" {
		t.Errorf("got %+v, want the incident's own reason first, "+
			"and the first call that has an id as the example of the other", given)
	}
	// A version before this one kept the first reason only, and none with its calls.
	i.Reasons = i.Reasons[1:]
	given, rest = i.CountReasons(incident.OccurrenceCounts{Occurrences: occurrences[5:]})
	if given[0].Calls != 1 || rest.Calls != 0 {
		t.Errorf("got %+v and %+v, want the call to count for the one reason that there is", given, rest)
	}
}
