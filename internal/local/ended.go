package local

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
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
	t := &Table{folder: f}
	if err := t.open(ctx, modules); err != nil {
		return nil, errors.Join(f.explain(err), t.Close())
	}
	return t, nil
}

func (t *Table) open(ctx context.Context, modules string) error {
	f := t.folder
	none := apperr.New(apperr.NotFound, "folder "+f.dir, "no local stack left a table in it",
		"start one with: chimewatch local")
	if !exists(f.lastRun(tableFolder)) && !exists(f.lockPath()) {
		return none // without making a folder or a lock
	}
	err := f.open(ctx, readPatience)
	readOnly := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
	if readOnly {
		err = f.openShared(ctx, readPatience) // it keeps stacks from writing to the table meanwhile
	} else if err == nil {
		err = f.tidy() // after a start that was killed
	}
	if err != nil {
		return err
	}
	data := f.lastRun(tableFolder)
	if !exists(data) {
		return none
	}
	if readOnly {
		if t.copied, err = os.MkdirTemp("", "chimewatch-table-"); err == nil {
			err = os.CopyFS(t.copied, os.DirFS(data))
		}
		if err != nil {
			return apperr.Wrap(err, apperr.Internal, "folder "+data, "cannot be copied, and cannot be opened where it is",
				"set TMPDIR to a folder with room")
		}
		data = t.copied
	}
	t.server, err = dynalite.Start(ctx, modules, data)
	return err
}

// ReadOnly reports whether a copy is served, so that what is written to it is lost.
func (t *Table) ReadOnly() bool { return t.copied != "" }

// Endpoint returns the address for DynamoDB clients. Any credentials and Region will do.
func (t *Table) Endpoint() string { return t.server.URL() }

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

// Messages are the dead-letter queues of a stack that has ended: SQS clients can receive
// and delete messages, and find the queues in the outputs of the stack.
type Messages struct{ server *http.Server }

// OpenMessages serves the dead-letter queues of the last stack on the folder dir (empty
// means DefaultDir). It changes nothing in the folder until a message is deleted, and
// several may be open at a time. The error is of class NotFound where no stack ran.
// Close it after use.
func OpenMessages(dir string) (*Messages, error) {
	f, err := folderAt(dir)
	if err != nil {
		return nil, err
	}
	table, err := os.Stat(f.lastRun(tableFolder))
	if err != nil {
		return nil, apperr.New(apperr.NotFound, "folder "+f.dir, "no local stack runs on it or left anything in it",
			"start one with: chimewatch local")
	}
	var opened []*sqs.Queue
	for _, name := range deadLetterQueues {
		entries, err := journal.Read(filepath.Join(f.lastRun(messagesFolder), queueFile(name)))
		if err != nil {
			return nil, err
		}
		q, err := sqs.Open(name, endedDisk{f.dir, name}, entries, func(error) {})
		if err != nil {
			return nil, err
		}
		opened = append(opened, q)
	}
	listener, err := listen(0)
	if err != nil {
		return nil, err
	}
	handler := endedHandler(f.dir, sqs.NewService(Account, Region, opened...), table.ModTime())
	return &Messages{serve(listener, handler)}, nil
}

// endedDisk deletes messages of a queue in the folder of a stack that has ended.
type endedDisk struct{ dir, queue string }

// Put implements sqs.Disk; it always fails.
func (d endedDisk) Put(string, any) error {
	return awsprotocol.Errorf("UnsupportedOperation", "no local stack runs on %s: nothing can be sent to %s", d.dir,
		d.queue)
}

// Remove deletes messages. It fails when a stack has been started on the folder.
func (d endedDisk) Remove(ids ...string) error {
	f := &folder{dir: d.dir}
	if err := f.open(context.Background(), stackPatience); err != nil {
		return awsprotocol.Errorf("UnsupportedOperation", "%v", errors.Join(err, f.close()))
	}
	err := f.tidy() // after a start that was killed
	if err == nil {
		var j *journal.Journal
		j, _, err = journal.Open(filepath.Join(f.path(messagesFolder), queueFile(d.queue)))
		err = errors.Join(err, j.Remove(ids...), j.Close())
	}
	return errors.Join(f.explain(err), f.close())
}

func endedHandler(dir string, service *sqs.Service, created time.Time) http.Handler {
	queues := service.Handler()
	forms := awsprotocol.Forms(queues, cloudFormation(created, Options{}.withDefaults().Config, service))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case target == "AmazonSQS":
			queues.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case isLambda(r):
			refuseLambda(w, &awsprotocol.Error{Code: "ResourceConflictException", Status: http.StatusConflict,
				Message: "no local stack runs, and so no function: " +
					"start it with chimewatch local --keep --no-play, and the folder " + dir})
		default:
			awsprotocol.RefuseService(w, http.StatusBadRequest, "UnknownOperationException",
				"no local stack runs on "+dir+": only its dead letters can be reached")
		}
	})
}

// Endpoint returns the address for SQS and CloudFormation clients, without a slash at the
// end. Any credentials will do.
func (m *Messages) Endpoint() string { return "http://" + m.server.Addr }

// Close ends the server.
func (m *Messages) Close() error { return m.server.Close() }
