package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// State is what other commands read about a running stack.
type State struct {
	Endpoint        string `json:"endpoint"`
	Table           string `json:"table"`
	PID             int    `json:"pid"`
	DataDir         string `json:"dataDir"`
	FailureTopicARN string `json:"failureTopicArn"`
	AlertTopicARN   string `json:"alertTopicArn"`
	Region          string `json:"region"`
}

// State returns the content of local.json for this stack.
func (s *Stack) State() State {
	return State{
		Endpoint: s.Endpoint(), Table: TableName, PID: os.Getpid(), DataDir: s.folder.data(),
		FailureTopicARN: FailureTopicARN, AlertTopicARN: AlertTopicARN, Region: Region,
	}
}

// FindRunning returns the stack that runs on the folder dir (empty means DefaultDir). The
// stack has to answer, as one that was killed leaves its file behind. The error is of
// class NotFound when none runs.
func FindRunning(ctx context.Context, dir string) (State, error) {
	dir = cmp.Or(dir, DefaultDir)
	none := apperr.New(apperr.NotFound, "folder "+dir, "no local stack runs on it", "start one with: chimewatch local")
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, none
	}
	var state State
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		return State{}, apperr.Wrap(err, apperr.Internal, filepath.Join(dir, stateFile), "cannot be read", "delete it")
	}
	if !answers(ctx, state) {
		return State{}, none
	}
	return state, nil
}

// answers reports whether the process that wrote the state serves its endpoint.
func answers(ctx context.Context, state State) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, state.Endpoint+pathStatus, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var status Status
	return json.NewDecoder(response.Body).Decode(&status) == nil && status.Name == statusName && status.PID == state.PID
}

const stateFile = "local.json"

// How long to wait for a folder that is in use: a stack waits for a command that reads the
// table, or for a stack that is about to end; a reader waits for many other readers.
const (
	lockPatience = 10 * time.Second
	readPatience = time.Minute
)

// folder is a data folder: dir/local.json has the address of the stack, and dir/local has
// the table, the messages, the logs and the lock.
type folder struct {
	dir   string
	lock  *os.File
	wrote bool
	// begun is true from begin to commit.
	begun bool
}

// folderAt returns the folder dir (empty means DefaultDir). It neither makes nor locks it.
func folderAt(dir string) (*folder, error) {
	path, err := filepath.Abs(cmp.Or(dir, DefaultDir))
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "folder "+dir, "cannot be made absolute", "")
	}
	return &folder{dir: path}, nil
}

// openFolder makes the folder and locks it for this process, as long as that runs.
func openFolder(ctx context.Context, dir string, patience time.Duration) (*folder, error) {
	f, err := folderAt(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(f.data(), 0o755); err != nil {
		return nil, f.unusable(f.data(), "cannot be made", err)
	}
	path := f.lockPath()
	if f.lock, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, f.unusable(path, "cannot be opened", err)
	}
	if err := f.acquire(ctx, patience, false); err != nil {
		return nil, err
	}
	if err = f.lock.Truncate(0); err == nil {
		_, err = fmt.Fprintln(f.lock, os.Getpid())
	}
	if err != nil {
		f.lock.Close()
		return nil, f.unusable(path, "cannot be written", err)
	}
	return f, nil
}

// acquire waits for the lock, alone or together with other readers. It closes the lock's
// file where that is in vain.
func (f *folder) acquire(ctx context.Context, patience time.Duration, shared bool) error {
	for began := time.Now(); !tryLock(f.lock, shared); time.Sleep(20 * time.Millisecond) {
		_, notRunning := FindRunning(ctx, f.dir)
		if notRunning == nil || time.Since(began) > patience || ctx.Err() != nil {
			return errors.Join(f.inUse(), f.lock.Close())
		}
	}
	return nil
}

// locked reports whether a process has the folder locked. It makes no lock.
func (f *folder) locked() bool {
	lock, err := os.Open(f.lockPath())
	if err != nil {
		return false
	}
	defer lock.Close() // which frees it
	return !tryLock(lock, true)
}

func (f *folder) inUse() error {
	by := "another process"
	if text, err := os.ReadFile(f.lockPath()); err == nil && len(text) > 0 {
		by = "process " + strings.TrimSpace(string(text))
	}
	return apperr.New(apperr.Conflict, "folder "+f.dir, "it is in use by "+by, "stop that one, or choose another folder")
}

func (f *folder) data() string     { return filepath.Join(f.dir, "local") }
func (f *folder) lockPath() string { return filepath.Join(f.data(), "lock") }
func (f *folder) logs() string     { return filepath.Join(f.data(), "logs") }

// unusable returns the error of a path in the folder.
func (f *folder) unusable(path, what string, err error) error {
	return f.explain(apperr.Wrap(err, apperr.Internal, path, what, "choose another folder with --local-dir"))
}

// writeState replaces local.json as a whole, so that no reader sees half of it.
func (f *folder) writeState(state State) error {
	text, err := json.MarshalIndent(state, "", "  ")
	path := filepath.Join(f.dir, stateFile)
	if err == nil {
		err = replaceFile(path, append(text, '\n'))
	}
	if err != nil {
		return f.unusable(path, "cannot be written", err)
	}
	f.wrote = true
	return nil
}

// close frees the folder. Where a start was begun and not committed, it puts back what
// the last run left.
func (f *folder) close() error {
	var errs []error
	if f.wrote {
		errs = append(errs, os.Remove(filepath.Join(f.dir, stateFile)))
	}
	if f.begun {
		errs = append(errs, f.putBack())
	}
	if f.lock != nil {
		errs = append(errs, f.lock.Close())
	}
	return errors.Join(errs...)
}
