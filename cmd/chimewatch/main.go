// Command chimewatch is the operator's tool: it looks up calls and incidents, sends events
// for rehearsal, checks event files, redrives dead letters, and runs the whole system on a laptop.
//
// Exit codes: 0 done, 1 the command failed or could not print its result, 2 the command line
// was wrong.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/chimewatch/chimewatch/internal/telemetry"
)

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	slog.SetDefault(slog.New(telemetry.Redacted(slog.NewTextHandler(os.Stderr, nil)))) // of the local stack
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the grammar of the command line: one field for each subcommand.
type commands struct {
	globals

	Calls       callsCmd       `cmd:"" help:"Look up calls, and erase them."`
	Alerts      alertsCmd      `cmd:"" help:"Look up matches of real-time rules."`
	Incidents   incidentsCmd   `cmd:"" help:"Look up incidents: failures of many calls with one cause."`
	Consent     consentCmd     `cmd:"" help:"Record consent for voice-analytics tasks, and look it up."`
	DeadLetters deadLettersCmd `cmd:"" help:"List and redrive dead-letter messages."`
	Topics      topicsCmd      `cmd:"" help:"List who receives notifications, and send a test notification."`
	Send        sendCmd        `cmd:"" help:"Send an example event to an event bus, real or local."`
	Events      eventsCmd      `cmd:"" help:"Check events in files."`
	Local       localCmd       `cmd:"" help:"Run the whole system on this machine and play a day of calls."`
	Version     versionCmd     `cmd:"" help:"Print the version of this build."`
	Help        helpCmd        `cmd:"" help:"Print the help of a command."`
	Completion  completionCmd  `cmd:"" help:"Print a script that makes a shell complete commands and flags."`
	Complete    completeCmd    `cmd:"" hidden:"" help:"Print completions of a command line, for the completion scripts."`

	PrintVersion kong.VersionFlag `name:"version" help:"Print the version of this build, as the command version does."`
}

const description = `Watches Amazon Chime SDK call analytics: what happened to each call, and why.

Exit codes: 0 done; 1 the command failed, found a problem (events validate) or a topic without subscribers (topics), or
could not write its output; 2 the command line was wrong, and nothing was done.`

// run executes one command line and returns the exit code of the process. It writes to the two
// streams only. getenv supplies CHIMEWATCH_* and NO_COLOR; the AWS SDK reads AWS_* from the process.
func run(
	ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer,
) int {
	a := &app{
		ctx: ctx, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now,
		width: widthOf(stdout), interactive: isTerminal(stdin) && isTerminal(stderr),
	}
	return a.run(args)
}

// parser returns a parser of the grammar. It calls exit after it printed the help or the version.
func (a *app) parser(grammar *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(grammar,
		kong.Name("chimewatch"),
		kong.Description(description),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(exit),
		kong.Resolvers(environment(a.getenv)),
		flagHelp,
		kong.Vars{
			"statuses": statusNames, "severities": severityNames, "classes": classNames, "version": thisBuild().String(),
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// run is the function run after the app was made.
func (a *app) run(args []string) int {
	out := &checkedWriter{to: a.stdout}
	a.stdout = out
	a.knownPaths = absolutePaths(args)
	var grammar commands
	printed := false // by kong: the help or the version
	parser, err := a.parser(&grammar, func(int) { printed = true })
	if err != nil {
		return a.fail(err)
	}
	command, err := parser.Parse(args)
	if writeErr := out.check(nil); printed || writeErr != nil {
		return a.end(writeErr)
	}
	if err != nil {
		if asksForJSON(args, a.getenv) { // the flags are not set yet
			a.Output = outputJSON
		}
		return a.fail(parseError(err))
	}
	a.globals = grammar.globals
	err = checkFormat(a.Output, command.Selected())
	if err == nil {
		err = command.Run(a)
	}
	for _, end := range a.atEnd {
		err = errors.Join(err, end())
	}
	return a.end(out.check(err))
}

// end reports the error of a command, if any, and returns the exit code.
func (a *app) end(err error) int {
	if err != nil {
		return a.fail(explain(err))
	}
	return exitDone
}

// checkFormat returns an error when CSV is asked for and the command prints no list.
func checkFormat(format string, command *kong.Node) error {
	lists := []string{"list", "erasures", "help", "completion", "complete"}
	if format != outputCSV || slices.Contains(lists, command.Name) {
		return nil
	}
	return usage("--output csv", command.FullPath()+" prints no list", "use table, json or jsonl")
}
