// Command chimewatch is the operator's tool: it looks up what became of calls,
// sends events for rehearsal, checks event files, and runs the whole system on
// a laptop.
//
// Exit codes: 0 done, 1 it failed or could not print what it found, 2 the command line
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

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	slog.SetDefault(slog.New(telemetry.Redacted(slog.NewTextHandler(os.Stderr, nil)))) // of the local stack
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the grammar of the command line: one field for each subcommand.
type commands struct {
	globals

	Calls       callsCmd       `cmd:"" help:"Look up calls, and erase them."`
	Alerts      alertsCmd      `cmd:"" help:"Look up matches of real-time rules."`
	Incidents   incidentsCmd   `cmd:"" help:"Look up incidents: causes that make calls fail."`
	Consent     consentCmd     `cmd:"" help:"Tell of consent to voice-analytics tasks, and look it up."`
	DeadLetters deadLettersCmd `cmd:"" help:"Look up what could not be handled, and have it handled after all."`
	Topics      topicsCmd      `cmd:"" help:"See who hears of notifications, and test that they do."`
	Send        sendCmd        `cmd:"" help:"Send an example event to an event bus, real or local."`
	Events      eventsCmd      `cmd:"" help:"Check events in files."`
	Here        localCmd       `cmd:"" name:"local" help:"Run the whole system on this machine and play a day of calls."`
	Version     versionCmd     `cmd:"" help:"Print the version of this build."`
	Help        helpCmd        `cmd:"" help:"Print the help of a command."`
	Completion  completionCmd  `cmd:"" help:"Print a script by which a shell completes commands and flags."`
	Complete    completeCmd    `cmd:"" hidden:"" help:"Print what may stand at the end of a command line; completion scripts call it."`

	PrintVersion kong.VersionFlag `name:"version" help:"Print the version of this build, as the command version does."`
}

const description = `Watches Amazon Chime SDK call analytics: what became of each call, and why.

Exit codes: 0 done; 1 it failed, found a fault (events validate) or nobody who hears (topics), or the output could not be
written; 2 the command line was wrong, and nothing was done.`

// run carries out one command line and gives the process's exit code. It writes
// to the two streams only. The variables CHIMEWATCH_* and NO_COLOR come from
// getenv; those that begin with AWS_ are read by the AWS SDK from the process.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{
		ctx: ctx, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now,
		width: widthOf(stdout), interactive: isInteractive(stdin, stderr),
	}
	return a.run(args)
}

// parser returns the parser of a grammar. exit is called where it printed all there is to
// print.
func (a *app) parser(grammar *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(grammar,
		kong.Name("chimewatch"),
		kong.Description(description),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(exit),
		kong.Resolvers(environment(a.getenv)),
		kong.Vars{
			"statuses": statusNames(), "severities": severityNames(), "classes": classNames(), "version": thisBuild().String(),
			"outputVariable": "$" + config.EnvOutput, "tableVariable": "$" + config.EnvTable, "stackVariable": "$" + config.EnvStack,
		},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// run is the function run for an app that is made.
func (a *app) run(args []string) int {
	out := &checked{to: a.stdout}
	a.stdout = out
	a.knowFolders(args)
	var grammar commands
	printed := false // kong printed the help or the version and wants to leave
	parser, err := a.parser(&grammar, func(int) { printed = true })
	if err != nil {
		return a.fail(err)
	}
	command, err := parser.Parse(args)
	if lost := out.failure(nil); printed || lost != nil {
		return a.end(lost)
	}
	if err != nil {
		// The flags are not applied yet, but a script that asked for JSON
		// has to be able to read this error too.
		if asksForJSON(args, a.getenv) {
			a.Output = outputJSON
		}
		return a.fail(misuse(err))
	}
	a.globals = grammar.globals
	defer func() {
		for _, end := range a.atEnd {
			end()
		}
	}()
	if err := a.checkFormat(command.Selected()); err != nil {
		return a.end(err)
	}
	return a.end(out.failure(command.Run(a)))
}

// end reports the error of a command, if there is one, and returns the exit code.
func (a *app) end(err error) int {
	if err != nil {
		return a.fail(explain(err))
	}
	return exitDone
}

// checkFormat refuses CSV of what is no list.
func (a *app) checkFormat(command *kong.Node) error {
	if a.Output != outputCSV || slices.Contains([]string{"list", "erasures", "help", "completion", "complete"}, command.Name) {
		return nil
	}
	return usage("--output csv", command.FullPath()+" prints no list", "use table, json or jsonl")
}

// usageError is an error of whoever typed the command: exit code 2.
type usageError struct{ fault *apperr.Error }

func (e usageError) Error() string { return e.fault.Error() }
func (e usageError) Unwrap() error { return e.fault }

// usage makes a usageError.
func usage(where, what, fix string) error {
	return usageError{apperr.New(apperr.Invalid, where, what, fix)}
}

// asFault returns the apperr.Error that err is or holds.
func asFault(err error) *apperr.Error {
	var known *apperr.Error
	if errors.As(err, &known) {
		return known
	}
	return apperr.Wrap(err, apperr.Internal, "chimewatch", "failed", "")
}

// misuse makes a usageError of kong's refusal.
func misuse(err error) error {
	see := "chimewatch --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		see = parse.Context.Selected().FullPath() + " --help"
	}
	return usage("command line", err.Error(), "see: "+see)
}
