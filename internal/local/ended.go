package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Messages are the dead-letter queues of a stack that no longer runs, opened by
// themselves: SQS clients can receive and delete messages, and find the queues by the
// outputs of the stack.
type Messages struct {
	dir      string
	listener net.Listener
	server   *http.Server
}

// OpenMessages serves the dead-letter queues that the last stack on the folder dir left
// (empty means DefaultDir). It changes nothing in the folder until a message is deleted,
// and any number of them may be open. The error is of class NotFound where no stack ran.
// Close them after use.
func OpenMessages(dir string) (*Messages, error) {
	if dir == "" {
		dir = DefaultDir
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Internal, "folder "+dir, "cannot be made absolute", "")
	}
	f := &folder{dir: path}
	if f.lastRun(tableFolder) == "" {
		return nil, apperr.New(apperr.NotFound, "folder "+dir, "no local stack runs on it or left anything in it",
			"start one with: chimewatch local")
	}
	var created time.Time
	if info, err := os.Stat(f.lastRun(tableFolder)); err == nil {
		created = info.ModTime()
	}
	var opened []*sqs.Queue
	for _, name := range []string{FunctionQueue, RuleQueue, VoiceDeadLetters} {
		q, err := openEndedQueue(path, f.lastRun(messagesFolder), name)
		if err != nil {
			return nil, err
		}
		opened = append(opened, q)
	}
	m := &Messages{dir: path}
	if m.listener, err = listen(0); err != nil {
		return nil, err
	}
	m.server = &http.Server{Handler: m.handler(sqs.NewService(Account, Region, opened...), created),
		ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = m.server.Serve(m.listener) }() // ends when the server is closed
	return m, nil
}

func openEndedQueue(dir, messages, name string) (*sqs.Queue, error) {
	var entries []journal.Entry
	if messages != "" { // else it is the data of a version that did not keep them
		var err error
		if entries, err = journal.Read(filepath.Join(messages, queueFile(name))); err != nil {
			return nil, err
		}
	}
	return sqs.Open(name, endedDisk{dir, name}, entries, func(error) {})
}

// endedDisk deletes messages of a queue from the folder of a stack that has ended.
type endedDisk struct{ dir, queue string }

// Put refuses.
func (d endedDisk) Put(string, any) error {
	return awsprotocol.Errorf("UnsupportedOperation", "no local stack runs on %s, so that nothing can be sent to %s", d.dir,
		d.queue)
}

// Remove deletes messages for good. It is refused when a stack runs by now.
func (d endedDisk) Remove(ids ...string) error {
	f, err := openFolder(context.Background(), d.dir, lockPatience)
	if err != nil {
		return awsprotocol.Errorf("UnsupportedOperation", "%v", err)
	}
	err = f.tidy() // after a start that was killed
	if err == nil {
		err = removeFrom(filepath.Join(f.messages(), queueFile(d.queue)), ids)
	}
	return errors.Join(f.explain(err), f.close())
}

func removeFrom(path string, ids []string) error {
	j, _, err := journal.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(j.Remove(ids...), j.Close())
}

func (m *Messages) handler(service *sqs.Service, created time.Time) http.Handler {
	functions := Options{}.withDefaults().functions()
	messages := service.Handler()
	forms := forms(func(form url.Values, host string) (any, error) {
		return describeStack(form, created, functions, func(queue string) string { return service.URL(host, queue) })
	}, map[string]http.Handler{sqs.APIVersion: messages})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case target == "AmazonSQS":
			messages.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case isInvocation(r):
			refuseLambda(w, http.StatusConflict, "ResourceConflictException", "message",
				"no local stack runs, and so no function: start it with chimewatch local --keep --no-play, and the folder "+m.dir)
		default:
			w.Header().Set("X-Amzn-ErrorType", "UnknownOperationException")
			awsprotocol.WriteJSON(w, http.StatusBadRequest, map[string]string{
				"__type":  "UnknownOperationException",
				"message": "no local stack runs on " + m.dir + ": only its dead letters can be reached",
			})
		}
	})
}

// Endpoint is the address for SQS and CloudFormation clients, without a slash at the end.
// They need some credentials.
func (m *Messages) Endpoint() string { return "http://" + m.listener.Addr().String() }

// Close ends the server.
func (m *Messages) Close() error { return m.server.Close() }
