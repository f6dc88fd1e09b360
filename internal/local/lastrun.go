package local

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// A run stores its data in the folders of runData, below dir/local. A start without
// Options.Keep moves those of the last run aside, to NAME.aside, until the new run serves;
// then they are renamed to NAME.old, until the next start. Meanwhile the file startFile
// records what belongs to which run, so that a start that fails, or is killed at any
// moment, loses nothing.
const (
	tableFolder    = "table"
	messagesFolder = "messages"
	startFile      = "starting"
	asideSuffix    = ".aside"
	oldSuffix      = ".old"
)

var runData = []string{tableFolder, messagesFolder}

// starting is the content of startFile.
type starting struct {
	// Before are the folders of runData that were there before the start; Moved reports
	// whether these are moved aside.
	Before []string `json:"before"`
	Moved  bool     `json:"moved"`
}

func (f *folder) table() string           { return f.path(tableFolder) }
func (f *folder) messages() string        { return f.path(messagesFolder) }
func (f *folder) path(name string) string { return filepath.Join(f.data(), name) }

// begin makes room for a run: without keep, the data of the last run are moved aside.
// replaces reports whether a table is among them.
func (f *folder) begin(keep bool) (replaces bool, err error) {
	if err := f.tidy(); err != nil {
		return false, err
	}
	if err := f.checkRoom(); err != nil {
		return false, err
	}
	s := starting{Moved: !keep}
	for _, name := range runData {
		if exists(f.path(name)) {
			s.Before = append(s.Before, name)
		}
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = replaceFile(f.path(startFile), text)
	}
	if err != nil {
		return false, f.unusable(f.path(startFile), "cannot be written", err)
	}
	f.begun = true
	if keep {
		return false, nil
	}
	for _, name := range s.Before {
		if err := os.Rename(f.path(name), f.path(name+asideSuffix)); err != nil {
			return false, f.unusable(f.path(name), "cannot be moved aside", err)
		}
	}
	return slices.Contains(s.Before, tableFolder), nil
}

// commit makes the new run the last one.
func (f *folder) commit() error {
	if err := os.Remove(f.path(startFile)); err != nil {
		return f.unusable(f.path(startFile), "cannot be removed", err)
	}
	f.begun = false
	return f.tidy()
}

// tidy completes what a process that was killed, or commit, left undone: what was moved
// aside by a start that failed is put back, by one that succeeded it is renamed to old.
func (f *folder) tidy() error {
	if exists(f.path(startFile)) {
		return f.putBack()
	}
	for _, name := range runData {
		aside, old := f.path(name+asideSuffix), f.path(name+oldSuffix)
		if !exists(aside) {
			continue
		}
		err := os.RemoveAll(old)
		if err == nil {
			err = os.Rename(aside, old)
		}
		if err != nil {
			return f.unusable(aside, "cannot be kept as "+old, err)
		}
	}
	return nil
}

// putBack undoes begin. It may be repeated where it was killed.
func (f *folder) putBack() error {
	s, err := f.starting()
	if err != nil {
		return err
	}
	for _, name := range runData {
		aside := f.path(name + asideSuffix)
		moved := exists(aside)
		if moved || !slices.Contains(s.Before, name) {
			err = errors.Join(err, os.RemoveAll(f.path(name)))
		}
		if moved {
			err = errors.Join(err, os.Rename(aside, f.path(name)))
		}
	}
	if err == nil {
		err = os.Remove(f.path(startFile))
	}
	if err != nil {
		return f.unusable(f.data(), "the data of the last run cannot be put back", err)
	}
	f.begun = false
	return nil
}

func (f *folder) starting() (starting, error) {
	var s starting
	text, err := os.ReadFile(f.path(startFile))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, apperr.Wrap(err, apperr.Internal, f.path(startFile), "cannot be read",
			"find out which of the folders next to it are of the last run, and delete the file")
	}
	return s, nil
}

// lastRun returns the path of a folder of runData of the last run, without changing
// anything; empty where there is none. A start that was killed does not count.
func (f *folder) lastRun(name string) string {
	s, err := f.starting()
	switch {
	case err == nil && s.Moved && exists(f.path(name+asideSuffix)):
		return f.path(name + asideSuffix)
	case err == nil && !slices.Contains(s.Before, name), !exists(f.path(name)):
		return ""
	}
	return f.path(name)
}

// minRoom is how much has to be free on the disk for a start, in bytes. A day of 300
// calls needs 5 MB.
const minRoom = 1 << 20

// checkRoom checks, before anything is changed, that the folder can be written to.
func (f *folder) checkRoom() error {
	path := f.path("room")
	err := os.WriteFile(path, make([]byte, minRoom), 0o600)
	if removed := os.Remove(path); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return f.unusable(f.data(), "cannot be written to", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// replaceFile writes a file so that no reader reads half of it.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
