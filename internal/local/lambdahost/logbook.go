package lambdahost

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// tailLines is how many lines at the end of a log are shown when something fails.
const tailLines = 20

// logbook is the log file of one function, written by all its processes.
type logbook struct {
	name string
	path string
	echo *log.Logger // shared by all functions

	mu   sync.Mutex
	file *os.File
	last []string
}

func newLogbook(dir, name string, echo *log.Logger) (*logbook, error) {
	path := filepath.Join(dir, name+".log")
	file, err := os.Create(path)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "log file "+path, "cannot be written", "choose another data folder")
	}
	return &logbook{name: name, path: path, echo: echo, file: file}, nil
}

// line writes one whole line. A log that cannot be written does not stop the function.
func (l *logbook) line(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.file, "%s\n", text)
	l.echo.Printf("%s %s", l.name, text)
	l.last = append(l.last, string(text))
	l.last = l.last[max(0, len(l.last)-tailLines):]
}

func (l *logbook) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}

// lineWriter gathers the output of one process into lines, so that they do not mix with
// those of another. It is not for concurrent use.
type lineWriter struct {
	log     *logbook
	partial []byte
}

// maxLine is how much of a line without an end is held back, in bytes.
const maxLine = 1 << 20

func (w *lineWriter) Write(p []byte) (int, error) {
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

// flush writes the last line where it has no end.
func (w *lineWriter) flush() {
	if len(w.partial) > 0 {
		w.log.line(w.partial)
		w.partial = nil
	}
}
