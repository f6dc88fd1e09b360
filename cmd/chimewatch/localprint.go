package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/simulate"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// noteReplaced says that the start replaced the data of the last run.
func (a *app) noteReplaced(r *local.Replaced) {
	if r == nil {
		return
	}
	calls := ""
	if r.Calls >= 0 {
		calls = " (" + count(r.Calls, "call") + ")"
	}
	a.note("the table of the last run%s is replaced; --keep keeps it. Until the next start it lies in %s", calls, r.Folder)
}

// printBefore says where the stack is, what persists and what comes next, and shows
// commands to copy where there is time for them.
func (c *localCmd) printBefore(a *app, stack *local.Stack, given *deployerConfig) {
	if a.asJSON() {
		return
	}
	endpoint := stack.Endpoint()
	fmt.Fprintf(a.stdout, "chimewatch runs at %s\n", endpoint)
	fields := [][2]string{
		{"table", local.TableName},
		{"event bus", "default"},
	}
	title := "topics"
	for _, arn := range stack.Topics() {
		fields, title = append(fields, [2]string{title, arn}), " "
	}
	fields = append(fields, [][2]string{
		{"notifications", endpoint + "/notifications"},
		{"dead letters", endpoint + "/dead-letters"},
		{"data and logs", stack.State().DataDir},
	}...)
	if given != nil {
		fields = append(fields, [2]string{"configuration", given.String()})
	}
	after := "the next start replaces table, dead letters and notifications; --keep keeps them"
	if c.Keep {
		after = "this run goes on with the table, the dead letters and the notifications of the last one"
	}
	a.printFields("", append(fields, [2]string{"persistence", after}))
	if !c.Once {
		fmt.Fprintf(a.stdout, tryThis, endpoint, os.Args[0], localFlags(c.Dir), local.Region, local.Account, local.TableName, local.FunctionQueue)
	}
	if c.Play {
		fmt.Fprintf(a.stdout, "\nPlaying a day of %s in %s.\n", count(c.Calls, "call"), config.FormatDuration(c.Duration))
	}
}

// tryThis holds commands that work as they stand. They give the endpoint as a
// flag because version 1 of the AWS CLI overrides AWS_ENDPOINT_URL for SQS.
const tryThis = `
Try, in another terminal:
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=%[4]s
  aws events put-events --endpoint-url %[1]s --entries '[{"Source": "aws.chime", "DetailType": "Media Insights State Change", "Detail": "{\"eventType\": \"chime:MediaInsightsPermanentFailure\", \"mediaInsightsPipelineArn\": \"arn:aws:chime:%[4]s:%[5]s:media-pipeline/01234567-89ab-4cde-8f01-23456789abcd\"}"}]'
  aws dynamodb scan --endpoint-url %[1]s --table-name %[6]s --max-items 3
  aws sqs receive-message --endpoint-url %[1]s --queue-url %[1]s/%[5]s/%[7]s
  %[2]s send permanent-failure %[3]s
  %[2]s calls list %[3]s
  %[2]s consent list %[3]s
  %[2]s dead-letters list %[3]s
  %[2]s calls show 01234567-89ab-4cde-8f01-23456789abcd %[3]s
`

// localFlags returns the flags with which other commands find the stack.
func localFlags(dir string) string {
	if dir == local.DefaultDir {
		return "--local"
	}
	return "--local --local-dir " + dir
}

// dayReport is the JSON form of a played day.
type dayReport struct {
	Endpoint   string    `json:"endpoint"`
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended"`
	Deliveries int       `json:"deliveries"`
	Events     int       `json:"events"`
	Duplicates int       `json:"duplicates"`
	Reordered  int       `json:"reordered"`
	// Kept counts the calls that the table had before.
	Kept      int             `json:"kept"`
	Agrees    bool            `json:"agrees"`
	Functions map[string]runs `json:"functions"`
	simulate.Report
}

// runs is what a function did in a played day.
type runs struct {
	Invocations int `json:"invocations"`
	Errors      int `json:"errors"`
}

// printDay prints what was played and what was found.
func (a *app) printDay(stack *local.Stack, day simulate.Day, report simulate.Report, kept int) error {
	truth := day.Truth
	functions := map[string]runs{}
	for name, counts := range stack.Status().Functions {
		functions[name] = runs{counts.Invocations, counts.Errors}
	}
	if a.asJSON() {
		return a.printJSON(dayReport{
			Endpoint: stack.Endpoint(), Began: day.Began, Ended: day.End, Deliveries: len(day.Deliveries),
			Events: truth.Events, Duplicates: truth.Duplicates, Reordered: truth.Reordered,
			Kept: kept, Agrees: report.Agrees(), Functions: functions, Report: report,
		})
	}
	fmt.Fprintf(a.stdout, "Played a day of %s: %d events, %d of them out of order and %d once more.\n",
		count(len(truth.Pipelines), "call"), truth.Events, truth.Reordered, truth.Duplicates)
	if kept > 0 {
		fmt.Fprintf(a.stdout, "The table also keeps %s of earlier runs, which count for nothing here.\n", count(kept, "call"))
	}
	fmt.Fprintln(a.stdout)
	rows := make([][]string, len(report.Lines))
	for i, line := range report.Lines {
		agrees := "yes"
		if !line.Agrees {
			agrees = "NO"
		}
		rows[i] = []string{line.What, strconv.Itoa(line.Played), strconv.Itoa(line.Found), agrees}
	}
	if err := a.printTable([]string{"what", "played", "found", "agrees"}, rows); err != nil {
		return err
	}
	if !report.Agrees() {
		a.printDifferences(stack, report, functions)
	}
	return nil
}

// printDifferences tells what is not as it should be, and what the functions
// that failed said last.
func (a *app) printDifferences(stack *local.Stack, report simulate.Report, functions map[string]runs) {
	fmt.Fprintln(a.stdout, "\nNot as it should be:")
	for _, difference := range report.Differences {
		fmt.Fprintln(a.stdout, "  "+redact.Text(difference))
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		if functions[name].Errors > 0 {
			fmt.Fprintf(a.stdout, "\nThe end of the log of %s:\n%s\n", name, redact.Text(stack.LogTail(name)))
		}
	}
}

// progress is a bar on a terminal and nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

func (a *app) newProgress(steps int) progress {
	if a.asJSON() || !isTerminal(a.stderr) || a.getenv("TERM") == "dumb" {
		return progress{}
	}
	return progress{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(a.stderr),
		progressbar.OptionSetDescription("playing a day of calls"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p progress) step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // a bar that cannot be drawn stops nothing
	}
}

func (p progress) note(text string) {
	if p.bar != nil {
		p.bar.Describe(text)
	}
}

func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
