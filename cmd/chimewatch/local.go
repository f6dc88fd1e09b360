package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/simulate"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/redact"
)

type localCmd struct {
	Port      int           `default:"4100" help:"Port on the loopback address; 0 selects a free one (${default})."`
	Once      bool          `help:"Exit after the played day."`
	Play      bool          `default:"true" negatable:"" help:"Play a day of calls; on unless --no-play is given."`
	Duration  time.Duration `default:"60s" help:"How long playing the day takes (${default})."`
	Calls     int           `default:"300" help:"Number of calls (${default})."`
	Seed      uint64        `default:"1" help:"Another seed plays another day (${default})."`
	Keep      bool          `help:"${keep_help}"`
	Config    string        `placeholder:"FILE" help:"${config_help}"`
	Dir       string        `hidden:"" help:"The same as --local-dir."` // its first name
	Functions string        `default:"bin/functions" placeholder:"DIR" help:"${functions_help} (${default})."`
	Verbose   bool          `short:"v" help:"Print the logs of the functions on the error stream."`
}

// Help returns what follows the short help.
func (localCmd) Help() string {
	return `Starts a local event bus, table, topics and dead-letter queues at one address that unmodified AWS
clients can use, runs the real functions behind them, and plays a day of calls. The summary compares
the table, the topics and the queues with what was played; the exit code is 1 if they differ. Ctrl-C
ends it.

All data are in the folder --local-dir, also after the end: "calls list --local" and other commands
read them then. The next start replaces them, unless --keep is given; the replaced table is in
local/table.old of the folder until the start after that. A start that fails replaces nothing.`
}

const (
	drainLimit  = 2 * time.Minute        // for the retries at the end of a played day
	drainEach   = 100 * time.Millisecond // for each delivery of it, if it was played faster than handled
	endLimit    = 5 * time.Second        // for invocations in progress at Ctrl-C
	quietLimit  = time.Second / 2        // of that, without a message
	voiceFactor = 10                     // calls for each further call with voice analytics
)

// Run starts the stack, plays, and serves.
func (c *localCmd) Run(a *app) (err error) {
	if c.Dir == "" {
		c.Dir = a.LocalDir
	}
	c.Functions = functionsFolder(c.Functions)
	var serving atomic.Bool // notifications are printed then, but not while the progress bar is shown
	options := local.Options{
		Dir: c.Dir, Functions: c.Functions, Port: c.Port, Keep: c.Keep,
		OnNotification: func(m sns.Message) {
			if serving.Load() && !a.asJSON() {
				fmt.Fprintf(a.stdout, "%s  %s  %s\n", at(m.PublishedAt), m.Topic(), printable(redact.Text(m.Subject)))
			}
		},
	}
	if c.Verbose {
		options.Log = a.stderr
	}
	configuration := ""
	if c.Config != "" {
		if configuration, err = readConfig(c.Config, &options); err != nil {
			return err
		}
	}
	if missing := options.Missing(); len(missing) > 0 {
		return apperr.New(apperr.NotFound, "functions "+joined(missing), "there is no binary NAME/bootstrap in "+c.Functions,
			"run: make build")
	}
	stack, err := local.Start(a.ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	a.noteReplaced(stack.Replaced())
	c.printStart(a, stack, configuration)
	return c.playAndServe(a, stack, &serving)
}

// playAndServe plays, and serves until Ctrl-C, or until the stack fails, which is then the error.
func (c *localCmd) playAndServe(a *app, stack *local.Stack, serving *atomic.Bool) error {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	go func() {
		select {
		case <-stack.Failed():
			cancel()
		case <-ctx.Done():
		}
	}()
	a.ctx = ctx
	difference, err := c.play(a, stack)
	if err == nil && !c.Once {
		if ctx.Err() == nil {
			stack.StartSchedules() // not before: they use the clock, and the events of the day do not
			serving.Store(true)
			if !a.asJSON() {
				fmt.Fprintln(a.stdout, "\nServing. Ctrl-C ends it.")
			}
		}
		<-ctx.Done()
	}
	if failure := stack.Failure(); failure != nil {
		return failure // the cause of any other error
	}
	if err == nil && !c.Once {
		c.end(a, stack)
	}
	return errors.Join(err, difference)
}

// functionsFolder returns the default folder of the functions next to the program, if it is there and
// not in the working directory.
func functionsFolder(functions string) string {
	if _, err := os.Stat(functions); err == nil || functions != local.DefaultFunctions {
		return functions
	}
	program, err := os.Executable()
	if err != nil {
		return functions
	}
	for _, name := range []string{filepath.Base(local.DefaultFunctions), local.DefaultFunctions} {
		folder := filepath.Join(filepath.Dir(program), name)
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
	}
	return functions
}

// Validate is called by kong.
func (c *localCmd) Validate() error {
	switch {
	case c.Once && !c.Play:
		return usage("--once", "there is nothing to wait for with --no-play", "leave one of them out")
	case c.Calls < 1:
		return usage("--calls", fmt.Sprintf("a day of %d calls cannot be played", c.Calls), "give at least 1")
	case c.Duration < 0:
		return usage("--duration", fmt.Sprintf("%s is before now", c.Duration), "give a duration like 60s")
	case c.Port < 0 || c.Port > 65535:
		return usage("--port", fmt.Sprintf("%d is no port", c.Port), "give 0 to 65535")
	}
	return nil
}

// play plays the day and prints the summary. difference is the error that what was found differs from what was
// played.
func (c *localCmd) play(a *app, stack *local.Stack) (difference, err error) {
	if !c.Play {
		if a.asJSON() {
			return nil, a.printJSON(stack.State())
		}
		return nil, nil
	}
	difference, err = c.playDay(a, stack)
	switch {
	case a.ctx.Err() == nil:
		return difference, err
	case c.Once && stack.Failure() == nil:
		return nil, apperr.New(apperr.Unavailable, "played day", "it was interrupted before it was over", "")
	}
	return nil, nil
}

func (c *localCmd) playDay(a *app, stack *local.Stack) (difference, err error) {
	before, err := simulate.Known(a.ctx, stack)
	if err != nil {
		return nil, err
	}
	day := simulate.Plan(c.simulation(a, c.Calls))
	voice, err := c.playEvents(a, stack, day)
	if err != nil {
		return nil, err
	}
	found, err := simulate.Observe(a.ctx, stack, before)
	if err != nil {
		return nil, err
	}
	report := day.Truth.Compare(found)
	report.CompareVoice(stack, voice)
	if err := a.printDay(stack, day, report, len(before.Calls)); err != nil {
		return nil, err
	}
	if c.Once && !a.asJSON() {
		fmt.Fprintf(a.stdout, "\nLook at the calls with: %s calls list %s\n", os.Args[0], localFlags(c.Dir))
	}
	if !report.Agrees() {
		difference = apperr.New(apperr.Internal, "played day",
			fmt.Sprintf("%d things are not as they should be", max(1, len(report.Differences))),
			"the functions' logs are in "+stack.State().DataDir)
	}
	return difference, nil
}

// simulation returns what to play, up to now.
func (c *localCmd) simulation(a *app, calls int) simulate.Options {
	return simulate.Options{Seed: c.Seed, Calls: calls, End: a.now()}
}

// playEvents puts the day on the bus, runs the watchdog for what was left open, and plays calls with voice
// analytics, which it returns. It returns when everything is handled.
func (c *localCmd) playEvents(a *app, stack *local.Stack, day simulate.Day) ([]simulate.VoiceCall, error) {
	stack.Pipelines().Set(day.API...)
	bar := a.newProgress(len(day.Deliveries))
	defer func() { _ = bar.Finish() }() // a bar that cannot be drawn is no error
	err := day.Play(a.ctx, c.Duration, func(event []byte) error { return stack.Put(event) }, func() { _ = bar.Add(1) })
	if err != nil {
		return nil, err
	}
	bar.Describe("waiting for the last ones")
	if err := drainWithin(a.ctx, stack, drainLimit+time.Duration(len(day.Deliveries))*drainEach); err != nil {
		return nil, err
	}
	for range day.WatchRuns() {
		if err := stack.RunSchedules(); err != nil {
			return nil, err
		}
		if err := drainWithin(a.ctx, stack, drainLimit); err != nil {
			return nil, err
		}
	}
	bar.Describe("playing calls with voice analytics")
	voice := simulate.PlanVoice(c.simulation(a, max(1, c.Calls/voiceFactor)))
	return voice, simulate.PlayVoice(a.ctx, stack, voice)
}

// end waits for invocations in progress, with a note if that takes long.
func (c *localCmd) end(a *app, stack *local.Stack) {
	drained := make(chan error, 1)
	go func() { drained <- drainWithin(context.WithoutCancel(a.ctx), stack, endLimit) }()
	var err error
	select {
	case err = <-drained:
	case <-time.After(quietLimit):
		a.note("waiting up to %s for %s under way", config.FormatDuration(endLimit), count(stack.Pending(), "invocation"))
		err = <-drained
	}
	if err != nil {
		a.note("%s given up", count(stack.Pending(), "invocation"))
	}
}

func drainWithin(ctx context.Context, stack *local.Stack, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return stack.Drain(ctx)
}
