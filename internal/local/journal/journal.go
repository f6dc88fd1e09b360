// Package journal stores JSON values on disk under their ids, in the order in which they
// were added, so that they outlive the process, however it ends. A journal is a file of
// lines, each of which adds a value or removes one.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// maxWaste is how many lines of a journal may be about values that were removed, besides
// as many as there are values, until the file is rewritten without them. So the size of
// the file is bounded by what it holds.
const maxWaste = 1000

// Entry is a value and its id.
type Entry struct {
	ID    string
	Value json.RawMessage
}

// line is one line of the file: a value that was added, or an id that was removed.
type line struct {
	ID      string `json:"id,omitempty"`
	Value   any    `json:"value,omitempty"`
	Removed string `json:"removed,omitempty"`
}

// Journal is an open journal. A nil *Journal stores nothing. Its methods may be called
// from any goroutine. What a method that succeeded wrote outlives the process, but not a
// failure of the machine: it is not synced.
type Journal struct {
	path string

	mu    sync.Mutex
	file  *os.File
	size  int64 // of the file, without an incomplete last line
	lines int
	waste int // maxWaste, or more after a rewrite that failed
	live  map[string]bool
}

// Open opens the journal at a path, makes it where there is none, and returns what it
// holds. An incomplete last line is dropped. The error is of class Invalid for a file that
// is not a journal. Two processes must not have a journal open.
func Open(path string) (*Journal, []Entry, error) {
	entries, err := Read(path)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, nil, unwritable(path, err)
	}
	j := &Journal{path: path, waste: maxWaste}
	if err := j.rewrite(entries); err != nil {
		return nil, nil, err
	}
	return j, entries, nil
}

// Read returns what the journal at a path holds, and changes nothing. A file that is not
// there holds nothing. The error is that of Open.
func Read(path string) ([]Entry, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, path, "cannot be read", "")
	}
	var entries []Entry
	at := map[string]int{} // the places of the ids in entries
	for number := 1; ; number++ {
		one, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return slices.DeleteFunc(entries, func(e Entry) bool { return e.ID == "" }), nil // removed
		}
		text = rest
		var value json.RawMessage
		l := line{Value: &value}
		if err := json.Unmarshal(one, &l); err != nil || (l.ID == "") == (l.Removed == "") {
			return nil, apperr.Wrap(err, apperr.Invalid, fmt.Sprintf("%s line %d", path, number), "is not a line of a journal",
				"delete that line, or move the file away")
		}
		switch i, known := at[l.ID]; {
		case l.Removed != "":
			if i, known := at[l.Removed]; known {
				entries[i] = Entry{}
				delete(at, l.Removed)
			}
		case known:
			entries[i].Value = value
		default:
			at[l.ID] = len(entries)
			entries = append(entries, Entry{l.ID, value})
		}
	}
}

// rewrite replaces the file with one that holds the entries only. The caller holds the
// lock, or is the only one.
func (j *Journal) rewrite(entries []Entry) error {
	lines, live := make([]line, len(entries)), map[string]bool{}
	for i, e := range entries {
		lines[i] = line{ID: e.ID, Value: e.Value}
		live[e.ID] = true
	}
	text, err := encode(lines)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return unwritable(j.path, err)
	}
	_, err = file.Write(text)
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err != nil {
		file.Close()
		_ = os.Remove(j.path + ".new") // where it stays, the next rewrite replaces it
		return unwritable(j.path, err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size, j.lines, j.live = file, int64(len(text)), len(entries), live
	return nil
}

// Put adds a value, or replaces that of the id. The error is that of the disk; the
// journal then holds what it held before.
func (j *Journal) Put(id string, value any) error { return j.append(line{ID: id, Value: value}) }

// Remove removes the values of ids, and ignores ids that it does not hold. The error is
// that of the disk; the journal then holds what it held before.
func (j *Journal) Remove(ids ...string) error {
	lines := make([]line, len(ids))
	for i, id := range ids {
		lines[i].Removed = id
	}
	return j.append(lines...)
}

// append writes lines at the end, all or none.
func (j *Journal) append(lines ...line) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	lines = slices.DeleteFunc(lines, func(l line) bool { return l.Removed != "" && !j.live[l.Removed] })
	if len(lines) == 0 {
		return nil
	}
	if j.file == nil {
		return apperr.New(apperr.Unavailable, j.path, "is closed", "")
	}
	text, err := encode(lines)
	if err != nil {
		return err
	}
	if _, err := j.file.WriteAt(text, j.size); err != nil {
		// Part of a line would make the next one unreadable.
		return unwritable(j.path, errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(text))
	j.lines += len(lines)
	for _, l := range lines {
		delete(j.live, l.Removed)
		if l.ID != "" {
			j.live[l.ID] = true
		}
	}
	j.tidy()
	return nil
}

// tidy rewrites the file where it has too many lines about removed values. A file that
// cannot be rewritten stays valid, and grows until the next attempt. The caller holds the
// lock.
func (j *Journal) tidy() {
	if j.lines <= 2*len(j.live)+j.waste {
		return
	}
	j.waste *= 2
	if entries, err := Read(j.path); err == nil && j.rewrite(entries) == nil {
		j.waste = maxWaste
	}
}

// Close closes the file. Closing twice does no harm.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}

// encode returns the text of lines.
func encode(lines []line) ([]byte, error) {
	var text []byte
	for _, l := range lines {
		one, err := awsprotocol.EncodeJSON(l)
		if err != nil {
			return nil, apperr.Wrap(err, apperr.Internal, "journal", "a value has no JSON form", "")
		}
		text = append(append(text, one...), '\n')
	}
	return text, nil
}

func unwritable(path string, err error) error {
	return apperr.Wrap(err, apperr.Internal, path, "cannot be written", "choose another folder")
}

// Decode returns the values of entries as a T each. The error is of class Invalid, and names
// an entry that is none as WHAT ID.
func Decode[T any](entries []Entry, what string) ([]T, error) {
	values := make([]T, len(entries))
	for i, e := range entries {
		if err := json.Unmarshal(e.Value, &values[i]); err != nil {
			return nil, apperr.Wrap(err, apperr.Invalid, what+" "+e.ID, "cannot be read from the disk",
				"delete its line from the file")
		}
	}
	return values, nil
}
