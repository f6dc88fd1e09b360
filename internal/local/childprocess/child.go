// Package childprocess starts processes that never outlive this one, however it ends: by
// itself, by a signal, or killed.
package childprocess

import (
	"io"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Process is a running child. Its methods may be called from any goroutine.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
	err   error
}

// Start starts cmd. The child's standard input is a pipe to which nothing is written: it
// closes when this process is gone, so that a child that reads it can end itself on
// systems where the kernel does not kill it. A terminal's Ctrl-C does not reach the child;
// Stop and Kill end it.
func Start(cmd *exec.Cmd) (*Process, error) {
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Without a delay, Wait would not return while a grandchild holds the output open.
	cmd.WaitDelay = time.Second
	if err := startOnLastingThread(cmd); err != nil {
		stdin.Close()
		return nil, err
	}
	p := &Process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and its output was read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end of the process and returns its error, nil for exit code 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Kill ends the process at once and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when the process is gone already
	<-p.done
}

// Stop closes the child's standard input, which asks it to end, and kills it when it has
// not ended after the grace period.
func (p *Process) Stop(grace time.Duration) error {
	p.stdin.Close()
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
	return p.err
}

// starts receives functions for a thread that lives as long as this process.
var starts = sync.OnceValue(func() chan<- func() {
	starts := make(chan func())
	go func() {
		runtime.LockOSThread()
		for start := range starts {
			start()
		}
	}()
	return starts
})

// startOnLastingThread starts cmd from that thread: Linux sends the parent-death signal when
// the thread that started a child ends.
func startOnLastingThread(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}
