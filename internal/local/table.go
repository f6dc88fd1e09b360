package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// Table is the table of a stack that has ended.
type Table struct {
	folder *folder
	server *dynalite.Server
	// copied is the folder of the copy that is served, empty where the table itself is.
	copied string
}

// OpenTable serves the table of the last stack on the folder dir (empty means
// DefaultDir). modules is as in Options. One process at a time has the table open; others
// wait. In a folder that cannot be written to, a copy is served: see ReadOnly. The error
// is of class NotFound when there is no table, and Conflict when a stack has it open.
// Close it after use.
func OpenTable(ctx context.Context, dir, modules string) (*Table, error) {
	f, err := folderAt(dir)
	if err != nil {
		return nil, err
	}
	none := apperr.New(apperr.NotFound, "folder "+f.dir, "no local stack left a table in it",
		"start one with: chimewatch local")
	if f.lastRun(tableFolder) == "" && !f.locked() {
		return nil, none // without making a folder or a lock
	}
	t := &Table{}
	t.folder, err = openFolder(ctx, dir, readPatience)
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		t.folder = f
		return t.copy(ctx, modules, none)
	}
	var inUse *apperr.Error
	if errors.As(err, &inUse) && inUse.Class == apperr.Conflict {
		return nil, apperr.New(apperr.Conflict, inUse.Where, inUse.What, "try again when that one serves or has ended")
	}
	if err != nil {
		return nil, err
	}
	if err := t.folder.tidy(); err != nil { // after a start that was killed
		return nil, errors.Join(err, t.Close())
	}
	if !exists(t.folder.table()) {
		return nil, errors.Join(none, t.Close())
	}
	return t.serve(ctx, modules, t.folder.table())
}

func (t *Table) serve(ctx context.Context, modules, data string) (*Table, error) {
	modules, err := findModules(modules)
	if err == nil {
		t.server, err = dynalite.Start(ctx, modules, data)
	}
	if err != nil {
		return nil, errors.Join(t.folder.explain(err), t.Close())
	}
	return t, nil
}

// copy serves a copy of a table that cannot be opened in its folder. A shared lock keeps
// stacks from writing to the table meanwhile.
func (t *Table) copy(ctx context.Context, modules string, none error) (*Table, error) {
	lock, err := os.Open(t.folder.lockPath())
	if err == nil {
		t.folder.lock = lock
		if err := t.folder.acquire(ctx, readPatience, true); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, t.folder.unusable(t.folder.lockPath(), "cannot be opened", err)
	}
	from := t.folder.lastRun(tableFolder)
	if from == "" {
		return nil, errors.Join(none, t.Close())
	}
	if t.copied, err = os.MkdirTemp("", "chimewatch-table-"); err == nil {
		err = os.CopyFS(filepath.Join(t.copied, tableFolder), os.DirFS(from))
	}
	if err != nil {
		err = apperr.Wrap(err, apperr.Internal, "folder "+from, "cannot be copied, and cannot be opened where it is",
			"set TMPDIR to a folder with room")
		return nil, errors.Join(err, t.Close())
	}
	return t.serve(ctx, modules, filepath.Join(t.copied, tableFolder))
}

// ReadOnly reports whether a copy is served, so that what is written to it is lost.
func (t *Table) ReadOnly() bool { return t.copied != "" }

// Endpoint returns the address for DynamoDB clients. Any credentials and Region will do.
func (t *Table) Endpoint() string { return t.server.URL() }

// Name returns the table's name.
func (t *Table) Name() string { return TableName }

// Close ends the table's server and frees the folder.
func (t *Table) Close() error {
	var errs []error
	if t.server != nil {
		errs = append(errs, t.server.Close())
	}
	if t.copied != "" {
		errs = append(errs, os.RemoveAll(t.copied))
	}
	return errors.Join(append(errs, t.folder.close())...)
}

// findModules returns the folder that Options.Modules describes.
func findModules(dir string) (string, error) {
	if dir != "" {
		return dynalite.FindModules(dir)
	}
	found, err := dynalite.FindModules(".")
	if err == nil {
		return found, nil
	}
	if program, programErr := os.Executable(); programErr == nil {
		if found, programErr = dynalite.FindModules(filepath.Dir(program)); programErr == nil {
			return found, nil
		}
	}
	return "", err
}
