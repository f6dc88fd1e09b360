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
	var text bytes.Buffer
	live := map[string]bool{}
	for _, e := range entries {
		encoded, err := encode(line{ID: e.ID, Value: e.Value})
		if err != nil {
			return err
		}
		text.Write(encoded)
		live[e.ID] = true
	}
	file, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return unwritable(j.path, err)
	}
	_, err = file.Write(text.Bytes())
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
	j.file, j.size, j.lines, j.live = file, int64(text.Len()), len(entries), live
	return nil
}

// Put adds a value, or replaces that of the id. The error is that of the disk; the
// journal then holds what it held before.
func (j *Journal) Put(id string, value any) error {
	if j == nil {
		return nil
	}
	encoded, err := encode(line{ID: id, Value: value})
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(encoded, 1); err != nil {
		return err
	}
	j.live[id] = true
	j.tidy()
	return nil
}

// Remove removes the values of ids, and ignores ids that it does not hold. The error is
// that of the disk; the journal then holds what it held before.
func (j *Journal) Remove(ids ...string) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var text []byte
	n := 0
	for _, id := range ids {
		if !j.live[id] {
			continue
		}
		encoded, err := encode(line{Removed: id})
		if err != nil {
			return err
		}
		text = append(text, encoded...)
		n++
	}
	if n == 0 {
		return nil
	}
	if err := j.append(text, n); err != nil {
		return err
	}
	for _, id := range ids {
		delete(j.live, id)
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

// append writes lines at the end, all or none. The caller holds the lock.
func (j *Journal) append(text []byte, lines int) error {
	if j.file == nil {
		return apperr.New(apperr.Unavailable, j.path, "is closed", "")
	}
	if _, err := j.file.WriteAt(text, j.size); err != nil {
		// Part of a line would make the next one unreadable.
		return unwritable(j.path, errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(text))
	j.lines += lines
	return nil
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

// encode returns a line of the file.
func encode(l line) ([]byte, error) {
	text, err := awsprotocol.EncodeJSON(l)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "journal", "a value has no JSON form", "")
	}
	return append(text, '\n'), nil
}

func unwritable(path string, err error) error {
	return apperr.Wrap(err, apperr.Internal, path, "cannot be written", "choose another folder")
}
