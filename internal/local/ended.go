package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Messages are the dead-letter queues of a stack that has ended: SQS clients can receive
// and delete messages, and find the queues in the outputs of the stack.
type Messages struct {
	dir      string
	listener net.Listener
	server   *http.Server
}

// OpenMessages serves the dead-letter queues of the last stack on the folder dir (empty
// means DefaultDir). It changes nothing in the folder until a message is deleted, and
// several may be open at a time. The error is of class NotFound where no stack ran.
// Close it after use.
func OpenMessages(dir string) (*Messages, error) {
	f, err := folderAt(dir)
	if err != nil {
		return nil, err
	}
	if f.lastRun(tableFolder) == "" {
		return nil, apperr.New(apperr.NotFound, "folder "+f.dir, "no local stack runs on it or left anything in it",
			"start one with: chimewatch local")
	}
	var created time.Time
	if info, err := os.Stat(f.lastRun(tableFolder)); err == nil {
		created = info.ModTime()
	}
	var opened []*sqs.Queue
	for _, name := range []string{FunctionQueue, RuleQueue, VoiceDeadLetters} {
		var entries []journal.Entry
		if messages := f.lastRun(messagesFolder); messages != "" { // else an older version wrote the data
			if entries, err = journal.Read(filepath.Join(messages, queueFile(name))); err != nil {
				return nil, err
			}
		}
		q, err := sqs.Open(name, endedDisk{f.dir, name}, entries, func(error) {})
		if err != nil {
			return nil, err
		}
		opened = append(opened, q)
	}
	m := &Messages{dir: f.dir}
	if m.listener, err = listen(0); err != nil {
		return nil, err
	}
	m.server = serve(m.listener, m.handler(sqs.NewService(Account, Region, opened...), created))
	return m, nil
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
	f, err := openFolder(context.Background(), d.dir, lockPatience)
	if err != nil {
		return awsprotocol.Errorf("UnsupportedOperation", "%v", err)
	}
	err = f.tidy() // after a start that was killed
	if err == nil {
		var j *journal.Journal
		j, _, err = journal.Open(filepath.Join(f.messages(), queueFile(d.queue)))
		err = errors.Join(err, j.Remove(ids...), j.Close())
	}
	return errors.Join(f.explain(err), f.close())
}

func (m *Messages) handler(service *sqs.Service, created time.Time) http.Handler {
	queues := service.Handler()
	forms := awsprotocol.Forms(queues, cloudFormation(created, Options{}.withDefaults(), service.URL))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case target == "AmazonSQS":
			queues.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case isLambda(r):
			refuseLambda(w, &awsprotocol.Error{Code: "ResourceConflictException", Status: http.StatusConflict, Message: "no local " +
				"stack runs, and so no function: start it with chimewatch local --keep --no-play, and the folder " + m.dir})
		default:
			awsprotocol.RefuseService(w, http.StatusBadRequest, "UnknownOperationException",
				"no local stack runs on "+m.dir+": only its dead letters can be reached")
		}
	})
}

// Endpoint returns the address for SQS and CloudFormation clients, without a slash at the
// end. Any credentials will do.
func (m *Messages) Endpoint() string { return "http://" + m.listener.Addr().String() }

// Close ends the server.
func (m *Messages) Close() error { return m.server.Close() }
