package lambdahost

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// tailLines is how much of a log is kept for showing it when something fails.
const tailLines = 20

// logbook is the log file of one function, written by all its processes.
type logbook struct {
	name string
	path string
	echo io.Writer

	mu   sync.Mutex
	file *os.File
	last []string
}

func newLogbook(dir, name string, echo io.Writer) (*logbook, error) {
	path := filepath.Join(dir, name+".log")
	file, err := os.Create(path)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "log file "+path, "cannot be written", "choose another data folder")
	}
	return &logbook{name: name, path: path, echo: echo, file: file}, nil
}

// line keeps one whole line. A log that cannot be written does not stop the
// function that writes it.
func (l *logbook) line(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.file, "%s\n", text)
	if l.echo != nil {
		fmt.Fprintf(l.echo, "%s %s\n", l.name, text)
	}
	l.last = append(l.last, string(text))
	if len(l.last) > tailLines {
		l.last = l.last[1:]
	}
}

func (l *logbook) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}

func (l *logbook) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file.Close()
}

// writer gives a writer for one process, whose lines do not run into those of another.
func (l *logbook) writer() *lineWriter { return &lineWriter{log: l} }

// lineWriter gathers output into lines.
type lineWriter struct {
	log     *logbook
	mu      sync.Mutex
	partial []byte
}

// maxLine bounds what is held back of a line without an end.
const maxLine = 1 << 20

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, p...)
	for {
		line, rest, ended := bytes.Cut(w.partial, []byte("\n"))
		if !ended && len(line) < maxLine {
			return len(p), nil
		}
		w.log.line(line)
		w.partial = bytes.Clone(rest)
	}
}

// flush keeps what was written without an end of line.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial) > 0 {
		w.log.line(w.partial)
		w.partial = nil
	}
}

// sharedWriter lets several logs write to one writer.
type sharedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *sharedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
