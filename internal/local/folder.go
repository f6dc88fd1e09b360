package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// folder is a data folder: dir/local.json has the address of the stack, and dir/local has
// the table, the messages, the logs and the lock. It is locked from open or openShared to
// close.
type folder struct {
	dir  string
	lock *os.File
}

// folderAt returns the folder dir (empty means DefaultDir). It neither makes nor locks it.
func folderAt(dir string) (*folder, error) {
	path, err := filepath.Abs(cmp.Or(dir, DefaultDir))
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "folder "+dir, "cannot be made absolute", "")
	}
	return &folder{dir: path}, nil
}

func (f *folder) data() string            { return f.path("") }
func (f *folder) path(name string) string { return filepath.Join(f.dir, "local", name) }
func (f *folder) lockPath() string        { return f.path("lock") }
func (f *folder) statePath() string       { return filepath.Join(f.dir, stateFile) }

// patience is how long to wait for a folder that is in use, and what to do after that.
type patience struct {
	wait time.Duration
	fix  string
}

// A stack waits for a command that reads the table, or for a stack that is about to end; a
// reader waits for many other readers.
var (
	stackPatience = patience{10 * time.Second, "stop that one, or choose another folder"}
	readPatience  = patience{time.Minute, "try again when that one serves or has ended"}
)

// open makes the folder and locks it for this process alone. The error is of class Conflict
// where another process does not free it in time.
func (f *folder) open(ctx context.Context, p patience) (err error) {
	if err := os.MkdirAll(f.data(), 0o755); err != nil {
		return f.unusable(f.data(), "cannot be made", err)
	}
	if f.lock, err = os.OpenFile(f.lockPath(), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return f.unusable(f.lockPath(), "cannot be opened", err)
	}
	if err := f.await(ctx, p, false); err != nil {
		return err
	}
	if err := os.WriteFile(f.lockPath(), fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return f.unusable(f.lockPath(), "cannot be written", err)
	}
	return nil
}

// openShared locks a folder that cannot be written to together with other readers.
func (f *folder) openShared(ctx context.Context, p patience) (err error) {
	f.lock, err = os.Open(f.lockPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // no stack can start on it
	case err != nil:
		return f.unusable(f.lockPath(), "cannot be opened", err)
	}
	return f.await(ctx, p, true)
}

func (f *folder) await(ctx context.Context, p patience, shared bool) error {
	for began := time.Now(); !tryLock(f.lock, shared); time.Sleep(20 * time.Millisecond) {
		if _, none := FindRunning(ctx, f.dir); none != nil && time.Since(began) < p.wait && ctx.Err() == nil {
			continue
		}
		by := "another process"
		if text, err := os.ReadFile(f.lockPath()); err == nil && len(text) > 0 {
			by = "process " + strings.TrimSpace(string(text))
		}
		return apperr.New(apperr.Conflict, "folder "+f.dir, "it is in use by "+by, p.fix)
	}
	return nil
}

// close frees the folder. Closing twice is an error.
func (f *folder) close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

// writeJSON replaces a file as a whole, so that no reader sees half of it.
func (f *folder) writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil {
		err = os.WriteFile(path+".new", append(text, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return f.unusable(path, "cannot be written", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// unusable returns the error of a path in the folder.
func (f *folder) unusable(path, what string, err error) error {
	return f.explain(apperr.Wrap(err, apperr.Internal, path, what, "choose another folder with --local-dir"))
}

// fullDisks are the errors of a disk on which nothing can be written, each with its text
// in lower case, as Node.js reports it, and with what is wrong with a folder and what to do.
var fullDisks = []struct {
	code            syscall.Errno
	text, what, fix string
}{
	{syscall.ENOSPC, "enospc", "the disk of %s is full", "free some of it"},
	{syscall.EDQUOT, "edquot", "the disk of %s has no room left for you", "free some of your quota"},
	{syscall.EFBIG, "efbig", "a file in %s may not grow further", "raise the limit with ulimit -f unlimited"},
	{syscall.EFBIG, "file size limit exceeded", "a file in %s may not grow further",
		"raise the limit with ulimit -f unlimited"}, // of a process that SIGXFSZ killed
}

// explain returns an error with a remedy where the disk of the folder is the cause of err,
// and err itself where it is not, or there is no folder. LevelDB reports the text of the
// code only.
func (f *folder) explain(err error) error {
	if err == nil || f == nil {
		return err
	}
	report := strings.ToLower(err.Error())
	for _, full := range fullDisks {
		if errors.Is(err, full.code) || strings.Contains(report, full.text) || strings.Contains(report, full.code.Error()) {
			return apperr.Wrap(full.code, apperr.Unavailable, "folder "+f.dir, fmt.Sprintf(full.what, f.dir),
				full.fix+", or choose another folder with --local-dir")
		}
	}
	return err
}

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

// begin makes room for a run: without keep, the data of the last run are moved aside.
// Until commit, tidy undoes it.
func (f *folder) begin(keep bool) error {
	if err := f.tidy(); err != nil {
		return err
	}
	if err := f.checkRoom(); err != nil {
		return err
	}
	before := slices.DeleteFunc(slices.Clone(runData), func(name string) bool { return !exists(f.path(name)) })
	if err := f.writeJSON(f.path(startFile), map[string][]string{"before": before}); err != nil || keep {
		return err
	}
	for _, name := range before {
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
	before, err := f.beforeStart()
	if err != nil {
		return err
	}
	for _, name := range runData {
		aside := f.path(name + asideSuffix)
		moved := exists(aside)
		if moved || !slices.Contains(before, name) {
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

// beforeStart returns the folders of runData that were there before a start that is under
// way or was killed. It fails where there is none.
func (f *folder) beforeStart() ([]string, error) {
	var start struct{ Before []string }
	text, err := os.ReadFile(f.path(startFile))
	if err == nil {
		err = json.Unmarshal(text, &start)
	}
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, f.path(startFile), "cannot be read",
			"find out which of the folders next to it are of the last run, and delete the file")
	}
	return start.Before, nil
}

// lastRun returns the path of a folder of runData of the last run, without changing
// anything. A start that is under way or was killed does not count: the path is that of
// what it moved aside, where nothing is if there was no folder before.
func (f *folder) lastRun(name string) string {
	aside := f.path(name + asideSuffix)
	if before, err := f.beforeStart(); err == nil && (exists(aside) || !slices.Contains(before, name)) {
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
