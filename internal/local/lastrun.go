package local

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// A run stores its data in the folders of runData, below dir/local. A start without
// Options.Keep moves those of the last run aside, to NAME.aside, until the new run serves;
// then they are renamed to NAME.old, until the next start. Meanwhile the file startFile
// has the names of those that there were, so that a start that fails, or is killed at any
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
	// Before are the folders of runData that were there before the start.
	Before []string `json:"before"`
}

// begin makes room for a run: without keep, the data of the last run are moved aside.
// Until commit, tidy undoes it.
func (f *folder) begin(keep bool) error {
	if err := f.tidy(); err != nil {
		return err
	}
	if err := f.checkRoom(); err != nil {
		return err
	}
	s := starting{slices.DeleteFunc(slices.Clone(runData), func(name string) bool { return !exists(f.path(name)) })}
	if err := f.writeJSON(f.path(startFile), s); err != nil || keep {
		return err
	}
	for _, name := range s.Before {
		if err := os.Rename(f.path(name), f.path(name+asideSuffix)); err != nil {
			return f.unusable(f.path(name), "cannot be moved aside", err)
		}
	}
	return nil
}

// commit makes the new run the last one.
func (f *folder) commit() error {
	if err := os.Remove(f.path(startFile)); err != nil {
		return f.unusable(f.path(startFile), "cannot be removed", err)
	}
	return f.tidy()
}

// tidy completes what a start that failed or was killed, or commit, left undone: what was
// moved aside by a start that failed is put back, by one that succeeded it is renamed to
// old. It may be repeated where it was killed.
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

// putBack undoes begin.
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
	return nil
}

func (f *folder) starting() (s starting, err error) {
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
// anything. A start that is under way or was killed does not count: the path is that of
// what it moved aside, where nothing is if there was no folder before.
func (f *folder) lastRun(name string) string {
	aside := f.path(name + asideSuffix)
	if s, err := f.starting(); err == nil && (exists(aside) || !slices.Contains(s.Before, name)) {
		return aside
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
