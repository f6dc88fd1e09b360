// Package dynalite runs the npm package of that name, a DynamoDB in JavaScript,
// as a child process.
package dynalite

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/childprocess"
)

//go:embed serve.js
var script string

const (
	startLimit  = 20 * time.Second
	stopGrace   = 5 * time.Second
	createLimit = 10 * time.Second // for a table
	tailSize    = 4096             // bytes of the error stream
)

// Server is a running dynalite. Its methods may be called from any goroutine.
type Server struct {
	process *childprocess.Process
	url     string
	stderr  *tail
}

// FindModules returns the nearest folder, dir or one above it, whose node_modules contain
// dynalite. An empty dir is the working directory, or else the folder of the running
// program. The error says how to install it.
func FindModules(dir string) (string, error) {
	from := []string{dir}
	if program, err := os.Executable(); dir == "" && err == nil {
		from = []string{".", filepath.Dir(program)}
	}
	for i := range from {
		at, err := filepath.Abs(from[i])
		if err != nil {
			return "", apperr.Wrap(err, apperr.Internal, "folder "+dir, "cannot be made absolute", "")
		}
		from[i] = at
		for last := ""; at != last; at, last = filepath.Dir(at), at {
			if _, err := os.Stat(filepath.Join(at, "node_modules", "dynalite", "package.json")); err == nil {
				return at, nil
			}
		}
	}
	return "", apperr.New(apperr.NotFound, "dynalite",
		"the local table's server is in no node_modules of "+from[0]+" or above it",
		"run npm ci in the folder of the project, or start from there")
}

// Command returns the command that starts dynalite, and fails where a part of it is not
// installed. The error says how to install it. modules is as for FindModules, data as for
// Start.
func Command(modules, data string) (*exec.Cmd, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, apperr.Wrap(err, apperr.NotFound, "node", "the program is not in PATH; the local table runs on it",
			"install Node.js 22 or 24 and run npm ci")
	}
	found, err := FindModules(modules)
	if err != nil {
		return nil, err
	}
	return exec.Command(node, "-e", script, "--", found, data), nil
}

// Start starts dynalite from the node_modules that FindModules finds. It stores its data in
// the folder data, which it makes when it is not there, or in memory where data is empty.
// It returns when the server answers. Two servers must not share a data folder.
func Start(ctx context.Context, modules, data string) (*Server, error) {
	cmd, err := Command(modules, data)
	if err != nil {
		return nil, err
	}
	if data != "" {
		if err := os.MkdirAll(data, 0o755); err != nil {
			return nil, apperr.Wrap(err, apperr.Internal, "data folder "+data, "cannot be made", "choose another folder")
		}
	}
	s := &Server{stderr: &tail{}}
	cmd.Stderr = s.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "node", "cannot be started", "")
	}
	if s.process, err = childprocess.Start(cmd); err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "node", "cannot be started", "check that node --version works")
	}
	port, err := s.awaitPort(ctx, out)
	if err != nil {
		s.process.Kill()
		return nil, err
	}
	s.url = "http://127.0.0.1:" + strconv.Itoa(port)
	return s, nil
}

// awaitPort reads the port from the child's output and keeps reading, so that the child
// never blocks on a full pipe.
func (s *Server) awaitPort(ctx context.Context, out io.Reader) (int, error) {
	lines := make(chan string, 1)
	go func() {
		buffered := bufio.NewReader(out)
		if line, err := buffered.ReadString('\n'); err == nil {
			lines <- line
		}
		_, _ = io.Copy(io.Discard, buffered) // ends with the process
	}()
	select {
	case line := <-lines:
		port, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return 0, s.broken(fmt.Errorf("it should write its port, but wrote %q", line))
		}
		return port, nil
	case <-s.process.Done():
		return 0, s.broken(errors.Join(errors.New("it ended before it served"), s.process.Err()))
	case <-time.After(startLimit):
		return 0, s.broken(fmt.Errorf("it did not serve within %s", startLimit))
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (s *Server) broken(err error) error {
	return s.failed(err, "dynalite", "cannot be used", "check node --version (20 or later) and run npm ci")
}

// failed returns an error with the end of what the server wrote to its error stream.
func (s *Server) failed(err error, where, what, fix string) error {
	if text := s.stderr.String(); text != "" {
		err = fmt.Errorf("%w; the end of its output: %s", err, text)
	}
	return apperr.Wrap(err, apperr.Unavailable, where, what, fix)
}

// URL returns the address of the server, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Done is closed when the server's process has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Err waits until the server has ended and returns why. It is for a server that ended by
// itself.
func (s *Server) Err() error {
	err := errors.Join(errors.New("it ended"), s.process.Err())
	return s.failed(err, "local table", "its server does not run any more", "start again")
}

// Close ends the server after the requests under way, and waits until it has ended.
// Closing twice does no harm.
func (s *Server) Close() error {
	if err := s.process.Stop(stopGrace); err != nil {
		return s.broken(err)
	}
	return nil
}

// tail is a writer that keeps the end of what was written.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.kept))
}
