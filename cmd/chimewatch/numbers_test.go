package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/rulematch"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// noNumbers checks that the output of a command contains none of the numbers, which are digits.
func noNumbers(t *testing.T, command string, got result, numbers ...string) {
	t.Helper()
	for _, text := range []string{got.stdout, got.stderr} {
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, text)
		for _, n := range numbers {
			if strings.Contains(digits, n) {
				t.Errorf("%s: got %s whole in\n%s", command, n, text)
			}
		}
	}
}

// numbersTable returns a table with phone numbers in every field that may have one.
func numbersTable(t *testing.T) (server *dynalite.Server, numbers []string) {
	t.Helper()
	server = startTable(t, t.TempDir())
	s := dynamo.New(dynalite.Client(server.URL(), "us-east-1"), local.TableName, dynamo.Options{})
	envelope := `{"version":"0","id":"sip:14155550160@198.51.100.7","source":"aws.chime","account":"111122223333",
		"region":"us-east-1","time":"2026-03-12T14:00:00Z","resources":[],`
	failed := envelope + `"detail-type":"Media Insights State Change","detail":{"version":"0",
		"eventType":"chime:MediaInsightsPermanentFailure",
		"mediaInsightsPipelineArn":
			"arn:aws:chime:us-east-1:111122223333:media-pipeline/7d3c1a52-5c1e-4d0e-9b7a-0f3f0a6f0001",
		"transactionId":"4155550161","callId":"tel:4155550162","voiceConnectorId":"vc-0014155550163",
		"fromNumber":"sip:14155550164@198.51.100.7","toNumber":"(415) 555-0165",
		"failureReason":"recordings/%2B14155550166.wav for 415.555.0167",
		"mediaInsightsPipelineElementStatuses":[
			{"type":"Sink-415-555-0168","status":"Failed","statusDetail":"１４１５５５５０１６９"}],
		"ANI":"14155550170","callerId":"4155550171","customerNumber":14155550172,
		"14155550173":{"from":["415\u2011555\u20110174"]}}}`
	event := parsed(t, failed)
	if err := pipeline.RecordEvent(t.Context(), s, event); err != nil {
		t.Fatal(err)
	}
	matched := parsed(t, envelope+`"detail-type":"Media Insights Rules Matched","detail":{"version":"0",
		"ruleName":"rule-14155550175","utteranceId":"4155550176","beginTimestamp":"tel:4155550177",
		"sourceMetadata":{"transactionId":"4155550161","callId":"tel:4155550162"}}}`)
	if err := s.RecordMatch(t.Context(), matched, "keyword"); err != nil {
		t.Fatal(err)
	}
	rule := rulematch.KeyOf(matched, false)
	send := func(context.Context) error { return nil }
	if _, err := s.TryOnce(t.Context(), dynamo.PartitionOfMatches(rule),
		notify.Notification{ID: "rule-match/" + rule.Name(), Kind: "rule-match", Subject: "Rule on +1 415 555 0178"},
		"test", send); err != nil {
		t.Fatal(err)
	}
	state, err := pipeline.FromEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	i, err := (&incident.Service{Repo: s, Timing: incident.DefaultTiming, Now: time.Now}).Record(t.Context(),
		incident.Report{
			Group: incident.Group{Scope: incident.ScopeOf(state), Element: "Sink-415-555-0168"}, Class: incident.Unknown,
			Reason:     state.Failure.Reason,
			Losses:     []incident.Loss{"Sink-415-555-0168"},
			Occurrence: incident.Occurrence{PipelineID: state.ID, CallID: state.CallID, At: event.Time},
		})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TryOnce(t.Context(), dynamo.PartitionOfIncident(i.Group), notify.Notification{ID: "incident/" + i.ID +
		"/opening", Kind: "incident", Subject: "of 4155550179"}, "test", send); err != nil {
		t.Fatal(err)
	}
	for _, e := range []voicetask.Entry{
		{Kind: voicetask.Ready, At: event.Time, Event: "4155550180", TransactionID: "4155550161",
			CallID: "tel:4155550162", VoiceConnectorID: "vc-0014155550163"},
		{Kind: voicetask.Granted, At: event.Time.Add(time.Second), Event: "c-14155550181",
			By: "caller sip:14155550182@pbx.example", Scope: voicetask.ScopeBoth, TransactionID: "4155550161"},
		{Kind: voicetask.Starting, At: event.Time.Add(2 * time.Second), Event: "x", By: voicetask.System,
			TransactionID: "4155550161", Task: voicetask.VoiceTone, Number: 1, Consent: "c-14155550181"},
		{Kind: voicetask.Refused, At: event.Time.Add(3 * time.Second), Event: "x", By: voicetask.System,
			TransactionID: "4155550161", Task: voicetask.VoiceTone, Number: 1, Code: "Unprocessable",
			Detail: "no leg of 00 1 415 555 0183"},
	} {
		if err := s.Enter(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 24 {
		numbers = append(numbers, "41555501"+string(rune('6'+n/10))+string(rune('0'+n%10)))
	}
	return server, numbers
}

// No command prints a full number, in any form and from any part of the table, on either stream, unless --full-
// numbers is given.
func TestNoCommandPrintsANumberWhole(t *testing.T) {
	server, numbers := numbersTable(t)
	run := func(args ...string) result {
		return executeOn(server.URL(), args...)
	}
	for _, list := range [][]string{
		{"calls", "list"}, {"calls", "show", "4155550161"},
		{"calls", "show", "7d3c1a52-5c1e-4d0e-9b7a-0f3f0a6f0001", "--all"}, {"alerts", "list"},
		{"calls", "list", "--all"}, {"calls", "show", "4155550161", "--events"},
		{"consent", "list"}, {"consent", "show", "4155550161"}, {"consent", "show", "tel:4155550162"},
	} {
		for _, output := range []string{"table", "json", "jsonl", "csv"} {
			if output == "csv" && list[1] != "list" {
				continue
			}
			args := append(list, "-o", output)
			got := run(args...)
			if got.code != exitDone || !strings.Contains(got.stdout, "…01") {
				t.Errorf("%v: got exit code %d, %q and %q, want masked numbers", args, got.code, got.stdout, got.stderr)
			}
			noNumbers(t, strings.Join(args, " "), got, numbers...)
			if whole := run(append(args, "--full-numbers")...); whole.code != exitDone ||
				!strings.Contains(whole.stdout, "415555016") {
				t.Errorf("%v: got %q with --full-numbers, want them whole", args, whole.stdout)
			}
		}
	}
	var id string
	for _, output := range []string{"table", "json"} {
		got := run("incidents", "list", "-o", output)
		noNumbers(t, "incidents list", got, numbers...)
		if output == "table" {
			id = strings.Fields(got.stdout)[len(strings.Fields(got.stdout))-1]
		}
		shown := run("incidents", "show", id, "-o", output)
		if shown.code != exitDone || !strings.Contains(shown.stdout, "…0166") || !strings.Contains(shown.stdout,
			"…0168") || !strings.Contains(shown.stdout, "…0163") {
			t.Errorf("incidents show: got %q and %q, want reason, element and scope masked", shown.stdout, shown.stderr)
		}
		noNumbers(t, "incidents show", shown, numbers...)
		calls := run("incidents", "show", id, "--calls", "-o", output)
		if calls.code != exitDone || !strings.Contains(calls.stdout, "…0162") {
			t.Errorf("incidents show --calls: got %q and %q, want the callId masked", calls.stdout, calls.stderr)
		}
		noNumbers(t, "incidents show --calls", calls, numbers...)
		for _, args := range [][]string{{"calls", "show", "+14155550160"}, {"consent", "show", "tel:4155550160"},
			{"incidents", "show", "x-14155550160"}, {"calls", "list", "--since", "4155550160"}} {
			got := run(append(args, "-o", output)...)
			if got.code == exitDone || !strings.Contains(got.stderr, "…0160") {
				t.Errorf("%v: got %d and %q, want an error with the number masked", args, got.code, got.stderr)
			}
			noNumbers(t, strings.Join(args, " "), got, numbers...)
		}
	}
	file := filepath.Join(t.TempDir(), "event.json")
	for _, text := range []string{
		`{"id":"1","detail-type":"Media Insights State Change","source":"aws.chime",
		"time":"tel:4155550160","detail":{"eventType":14155550161}}`,
		`[{"Source":"chimewatch.consent","DetailType":"Voice Analytics Consent","Time":"+14155550160","Detail":"{}"},
		{"Source":"chimewatch.consent","DetailType":"Voice Analytics Consent","Detail":"{\"by\":14155550161}"},
		{"Source":"aws.chime","DetailType":"Media Insights Rules Matched",
		"Detail":"{\"ruleName\":\"14155550162 ` + strings.Repeat("x", 600) + `\"}"},
		{"Source":"14155550163","DetailType":"tel:4155550164","Detail":"{}"}]`,
		`{"id":"l","queue":"functions","body":"{\"requestContext\":{},\"requestPayload\":{\"detail-type\":
		\"Media Insights State Change\",\"source\":\"aws.chime\",\"id\":\"rehearsal-14155550165\"}}"}`,
		`{"Records":[{"eventSource":"aws:sqs","messageId":"14155550166","body":"tel:14155550167"}]}`,
		`{"id":"1","detail-type":"Media Insights State Change","source":"aws.chime","time":"2026-03-12T14:00:00Z",
		"detail":{"eventType":"chime:MediaInsightsPaused","version":14155550168,
		"mediaInsightsPipelineArn":"tel:14155550169","fromNumber":14155550170}}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		bus := newFakeAWS(t)
		for _, output := range []string{"table", "json", "jsonl"} {
			noNumbers(t, "events validate", run("events", "validate", file, "-o", output), numbers...)
			noNumbers(t, "send --file", execute(nil, "", "send", "--file", file, "-o", output, "--region", "us-east-1",
				"--endpoint-url", bus.URL), numbers...)
		}
	}
}

// Digits in the path of a folder are no number; numbers next to it are masked.
func TestKnownPathsAreNotMasked(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "stack2146030453")
	for _, args := range [][]string{
		{"calls", "show", "+14155550160", "--local", "--local-dir", folder},
		{"calls", "show", "+14155550160", "--local", "--local-dir=" + folder, "-o", "json"},
	} {
		got := execute(nil, "", args...)
		if got.code != exitFailed || !strings.Contains(got.stderr, folder) {
			t.Errorf("%v: got exit code %d and %q, want an error that names the folder", args, got.code, got.stderr)
		}
	}
	a := &app{}
	a.knownPaths = absolutePaths([]string{"/", folder})
	got := a.masked("folder " + folder + " of 415/555/0160: +1 (415) 555-0160 in " + folder + "/4155550160")
	if want := "folder " + folder + " of …0160: …0160 in " + folder + "/…0160"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
