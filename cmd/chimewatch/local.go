package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/local/simulate"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// localCmd runs the whole system on this machine.
type localCmd struct {
	Port      int           `default:"4100" help:"Port on the loopback address; 0 takes a free one (${default})."`
	Once      bool          `help:"End after the played day instead of serving on."`
	Play      bool          `default:"true" negatable:"" help:"Play a day of calls; on unless --no-play is given."`
	Duration  time.Duration `default:"60s" help:"How long the played day takes (${default})."`
	Calls     int           `default:"300" help:"How many calls it has (${default})."`
	Seed      uint64        `default:"1" help:"Another seed plays another day (${default})."`
	Keep      bool          `help:"Go on with the table, the dead letters and the notifications of the last run, instead of replacing them."`
	Config    string        `placeholder:"FILE" help:"Follow the deployer's configuration in a cdk.json: routes, windows, fullNumbers and so on."`
	Dir       string        `hidden:"" help:"The same as --local-dir."` // what it was called first
	Functions string        `default:"bin/functions" placeholder:"DIR" help:"Folder with NAME/bootstrap for each function (${default}, here or else beside the program)."`
	Verbose   bool          `short:"v" help:"Print what the functions log, on the error stream."`
}

// Help says more than the flags do.
func (localCmd) Help() string {
	return `Starts a local event bus, table, topics and dead-letter queues at one address that unmodified AWS
clients can be pointed at, runs the real functions behind them, and plays a day of calls through it
all. The summary holds what was found in the table, on the topics and in the queues against what was
played; the exit code is 1 when they disagree. Ctrl-C ends it.

Everything lies in the folder --local-dir, also after the end: "calls list --local" and the like read
it then. The next start replaces it, unless --keep is given; the replaced table lies in
local/table.old of the folder until the start after that. A start that fails replaces nothing.`
}

const (
	drainLimit = 2 * time.Minute        // for the retries at the end of a played day
	drainEach  = 100 * time.Millisecond // for each delivery of it, when it was played faster than handled
	endLimit   = 5 * time.Second        // for what is under way at Ctrl-C
	endSilence = time.Second / 2        // how long to wait for it without a word
	voiceShare = 10                     // one in so many calls more has voice analytics
)

// Run starts the stack, plays, and serves.
func (c *localCmd) Run(a *app) (err error) {
	// Notifications are printed as they come, beside the command's own words.
	shared := &sharedWriter{w: a.stdout}
	a.stdout = shared
	defer shared.settle()
	if err := c.check(); err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = a.LocalDir
	}
	c.Functions = besideProgram(c.Functions)
	var serving atomic.Bool // notifications are shown as they come, but not amid the progress bar
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
	var given *deployerConfig
	if c.Config != "" {
		if given, err = readConfig(c.Config, &options); err != nil {
			return err
		}
	}
	if missing := options.Missing(); len(missing) > 0 {
		return apperr.New(apperr.NotFound, "functions "+strings.Join(missing, ", "), "there is no binary NAME/bootstrap in "+c.Functions, "run: make build")
	}
	stack, err := local.Start(a.ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	a.noteReplaced(stack.Replaced())
	c.printBefore(a, stack, given)
	return c.runOn(a, stack, &serving)
}

// runOn plays and serves until Ctrl-C, or until the stack fails, which is then the error.
func (c *localCmd) runOn(a *app, stack *local.Stack, serving *atomic.Bool) error {
	outer := a.ctx
	ctx, cancel := context.WithCancel(outer)
	defer cancel()
	go func() {
		select {
		case <-stack.Failed():
			cancel()
		case <-ctx.Done():
		}
	}()
	a.ctx = ctx
	verdict, err := c.play(a, stack)
	if err == nil && !c.Once {
		if ctx.Err() == nil {
			stack.StartSchedules() // only now: they go by the clock, and the day's events do not
			serving.Store(true)
			if !a.asJSON() {
				fmt.Fprintln(a.stdout, "\nServing. Ctrl-C ends it.")
			}
		}
		<-ctx.Done()
	}
	if failure := stack.Failure(); failure != nil {
		return failure // what else went wrong comes of it
	}
	if err != nil || c.Once {
		return errors.Join(err, verdict)
	}
	c.end(a, stack)
	return verdict
}

// besideProgram returns the default folder of the functions where it lies beside the
// program and not in the working directory.
func besideProgram(functions string) string {
	if _, err := os.Stat(functions); err == nil || functions != local.DefaultFunctions {
		return functions
	}
	program, err := os.Executable()
	if err != nil {
		return functions
	}
	for _, beside := range []string{filepath.Base(local.DefaultFunctions), local.DefaultFunctions} {
		folder := filepath.Join(filepath.Dir(program), beside)
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
	}
	return functions
}

func (c *localCmd) check() error {
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

// play plays the day and prints what became of it. The first error is the
// verdict, that something is not as it should be; the second that it could not
// be found out.
func (c *localCmd) play(a *app, stack *local.Stack) (verdict, err error) {
	if !c.Play {
		if a.asJSON() {
			return nil, a.printJSON(stack.State())
		}
		return nil, nil
	}
	verdict, err = c.playDay(a, stack)
	switch {
	case a.ctx.Err() == nil:
		return verdict, err
	case c.Once && stack.Failure() == nil:
		return nil, apperr.New(apperr.Unavailable, "played day", "it was interrupted before it was over", "")
	}
	return nil, nil
}

func (c *localCmd) playDay(a *app, stack *local.Stack) (verdict, err error) {
	before, err := simulate.Known(a.ctx, stack)
	if err != nil {
		return nil, err
	}
	day := simulate.Plan(c.planned(a, c.Calls))
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
		verdict = apperr.New(apperr.Internal, "played day", fmt.Sprintf("%d things are not as they should be", max(1, len(report.Differences))),
			"the functions' logs are in "+stack.State().DataDir)
	}
	return verdict, nil
}

// planned says which calls to play, up to now.
func (c *localCmd) planned(a *app, calls int) simulate.Options {
	return simulate.Options{Seed: c.Seed, Calls: calls, End: a.now()}
}

// playEvents puts the day on the bus, lets the watch look at what was left open,
// and plays calls with voice analytics, which it gives. It returns when all is
// handled.
func (c *localCmd) playEvents(a *app, stack *local.Stack, day simulate.Day) ([]simulate.VoiceCall, error) {
	stack.Pipelines().Set(day.API...)
	bar := a.newProgress(len(day.Deliveries))
	defer bar.end()
	err := day.Play(a.ctx, c.Duration, func(event []byte) error { return stack.Put(event) }, bar.step)
	if err != nil {
		return nil, err
	}
	bar.note("waiting for the last ones")
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
	bar.note("playing calls with voice analytics")
	voice := simulate.PlanVoice(c.planned(a, max(1, c.Calls/voiceShare)))
	return voice, simulate.PlayVoice(a.ctx, stack, voice)
}

// end waits for what is under way, and says so where that takes a while.
func (c *localCmd) end(a *app, stack *local.Stack) {
	drained := make(chan error, 1)
	go func() { drained <- drainWithin(context.WithoutCancel(a.ctx), stack, endLimit) }()
	var err error
	select {
	case err = <-drained:
	case <-time.After(endSilence):
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

// sharedWriter lets several goroutines write, one at a time.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// settle waits for a write that is under way.
func (s *sharedWriter) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
}
