package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/chimewatch/chimewatch/internal/fault"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// Table is the table of a stack that no longer runs, opened by itself.
type Table struct {
	folder *folder
	server *dynalite.Server
}

// OpenTable serves the table that the last stack on the folder dir left (empty
// means DefaultDir). modules is as in Options. The error is of class NotFound
// when there is none, and Conflict when a stack has it open. Close it after use.
func OpenTable(ctx context.Context, dir, modules string) (*Table, error) {
	if dir == "" {
		dir = DefaultDir
	}
	none := fault.New(fault.NotFound, "folder "+dir, "no local stack left a table in it", "start one with: chimewatch local")
	if _, err := os.Stat(dir); err != nil {
		return nil, none // before openFolder makes it
	}
	f, err := openFolder(ctx, dir)
	var inUse *fault.Error
	if errors.As(err, &inUse) && inUse.Class == fault.Conflict {
		return nil, fault.New(fault.Conflict, inUse.Where, inUse.What, "try again when that one serves or has ended")
	}
	if err != nil {
		return nil, err
	}
	t := &Table{folder: f}
	if _, err := os.Stat(f.table()); err != nil {
		return nil, errors.Join(none, t.Close())
	}
	if modules, err = findModules(modules); err == nil {
		t.server, err = dynalite.Start(ctx, modules, f.table())
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Endpoint is the address for DynamoDB clients. They need some credentials, and
// the Region does not matter.
func (t *Table) Endpoint() string { return t.server.URL() }

// Name is the table's name.
func (t *Table) Name() string { return TableName }

// Close ends the table's server and frees the folder.
func (t *Table) Close() error {
	var errs []error
	if t.server != nil {
		errs = append(errs, t.server.Close())
	}
	return errors.Join(append(errs, t.folder.close())...)
}

// findModules looks where Options.Modules says.
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
