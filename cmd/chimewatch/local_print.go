package main

import (
	"fmt"
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

// noteReplaced notes that the start replaced the data of the last run.
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

// printStart prints the address of the stack, what it keeps, commands to copy, and what it plays.
func (c *localCmd) printStart(a *app, stack *local.Stack, configuration string) {
	if a.asJSON() {
		return
	}
	endpoint := stack.Endpoint()
	fmt.Fprintf(a.stdout, "chimewatch runs at %s\n", endpoint)
	fields := [][2]string{{"table", local.TableName}, {"event bus", "default"}}
	title := "topics"
	for _, arn := range stack.Topics() {
		fields, title = append(fields, [2]string{title, arn}), " "
	}
	persistence := "the next start replaces table, dead letters and notifications; --keep keeps them"
	if c.Keep {
		persistence = "this run goes on with the table, the dead letters and the notifications of the last one"
	}
	a.printFields("", append(fields, [][2]string{
		{"notifications", endpoint + "/notifications"},
		{"dead letters", endpoint + "/dead-letters"},
		{"data and logs", stack.State().DataDir},
		{"configuration", configuration},
		{"persistence", persistence},
	}...))
	if !c.Once {
		fmt.Fprintf(a.stdout, tryThis, endpoint, os.Args[0], localFlags(c.Dir), local.Region, local.Account, local.TableName,
			local.FunctionQueue)
	}
	if c.Play {
		fmt.Fprintf(a.stdout, "\nPlaying a day of %s in %s.\n", count(c.Calls, "call"), config.FormatDuration(c.Duration))
	}
}

// tryThis are commands to copy. They have the endpoint as a flag because version 1 of the AWS CLI ignores
// AWS_ENDPOINT_URL for SQS.
const tryThis = `
Try, in another terminal:
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION=%[4]s
  aws events put-events --endpoint-url %[1]s --entries '[{"Source": "aws.chime", ` +
	`"DetailType": "Media Insights State Change", "Detail": "{\"eventType\": \"chime:MediaInsightsPermanentFailure\", ` +
	`\"mediaInsightsPipelineArn\": ` +
	`\"arn:aws:chime:%[4]s:%[5]s:media-pipeline/01234567-89ab-4cde-8f01-23456789abcd\"}"}]'
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
	// Kept is the number of calls that the table had before.
	Kept      int             `json:"kept"`
	Agrees    bool            `json:"agrees"`
	Functions map[string]runs `json:"functions"`
	simulate.Report
}

// runs counts the invocations of a function in a played day.
type runs struct {
	Invocations int `json:"invocations"`
	Errors      int `json:"errors"`
}

// printDay prints what was played and what was found. kept is the number of calls that the table had before.
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
		fmt.Fprintf(a.stdout, "The table also has %s of earlier runs, which are not counted here.\n", count(kept, "call"))
	}
	fmt.Fprintln(a.stdout)
	if err := a.printTable([]string{"what", "played", "found", "agrees"},
		mapped(report.Lines, func(line simulate.Line) []string {
			agrees := "yes"
			if !line.Agrees {
				agrees = "NO"
			}
			return []string{line.What, strconv.Itoa(line.Played), strconv.Itoa(line.Found), agrees}
		})); err != nil {
		return err
	}
	if !report.Agrees() {
		a.printDifferences(stack, report, functions)
	}
	return nil
}

// printDifferences prints what is wrong, and the end of the logs of functions that failed.
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

// newProgress returns a progress bar, which is visible only on a terminal.
func (a *app) newProgress(steps int) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps,
		progressbar.OptionSetVisibility(!a.asJSON() && isTerminal(a.stderr) && a.getenv("TERM") != "dumb"),
		progressbar.OptionSetWriter(a.stderr),
		progressbar.OptionSetDescription("playing a day of calls"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)
}
