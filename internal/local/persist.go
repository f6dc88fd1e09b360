package local

import (
	"context"
	"path/filepath"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
)

// Files of the messages, below the folder messagesFolder.
const (
	notificationsFile = "notifications.jsonl"
	voiceStreamFile   = "stream-" + VoiceStream + ".jsonl"
)

func queueFile(name string) string { return "queue-" + name + ".jsonl" }

// openMessages opens the queues, the stream and the record of notifications as the last
// run left them, or empty ones.
func (s *Stack) openMessages() error {
	open := func(file string) (*journal.Journal, []journal.Entry, error) {
		j, entries, err := journal.Open(filepath.Join(s.folder.messages(), file))
		if err == nil {
			s.journals = append(s.journals, j)
		}
		return j, entries, err
	}
	var opened []*sqs.Queue
	for _, at := range []struct {
		queue **sqs.Queue
		name  string
	}{
		{&s.functionQueue, FunctionQueue}, {&s.ruleQueue, RuleQueue}, {&s.sources.queue, VoiceQueue}, {&s.sources.dead,
			VoiceDeadLetters},
	} {
		j, entries, err := open(queueFile(at.name))
		if err != nil {
			return err
		}
		if *at.queue, err = sqs.Open(at.name, j, entries, s.fail); err != nil {
			return err
		}
		opened = append(opened, *at.queue)
	}
	s.queues = sqs.NewService(Account, Region, opened...)
	j, entries, err := open(voiceStreamFile)
	if err != nil {
		return err
	}
	if err := s.sources.stream.Open(j, entries, s.fail); err != nil {
		return err
	}
	if j, entries, err = open(notificationsFile); err != nil {
		return err
	}
	return s.topics.Open(j, entries, s.fail)
}

// NotificationsFile returns the file that holds the notifications, also when the stack has
// ended: a JSON object on each line, with the message as its "value".
func (s *Stack) NotificationsFile() string {
	return filepath.Join(s.folder.messages(), notificationsFile)
}

// Replaced is the table of the last run, which a start without Options.Keep replaced.
type Replaced struct {
	// Calls is how many calls it holds, -1 where counting them would have taken too long.
	Calls int
	// Folder is where it lies until the next start.
	Folder string
}

// Replaced returns the table that the start replaced, nil if there was none.
func (s *Stack) Replaced() *Replaced { return s.replaced }

// countLimit bounds what counting adds to a start.
const countLimit = time.Second

// countReplaced begins to count the calls of the table that was moved aside, while all
// else starts. The function that it returns waits for the number, and gives up then.
func (s *Stack) countReplaced(ctx context.Context, modules string) func() *Replaced {
	r := &Replaced{Calls: -1, Folder: s.folder.path(tableFolder + oldSuffix)}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		server, err := dynalite.Start(ctx, modules, s.folder.path(tableFolder+asideSuffix))
		if err != nil {
			return // a table of which the number is not known is replaced all the same
		}
		n, err := countCalls(ctx, dynamo.New(dynalite.Client(server.URL(), Region), TableName, dynamo.Options{}))
		if server.Close() == nil && err == nil {
			r.Calls = n
		}
	}()
	return func() *Replaced {
		defer cancel()
		limit := time.AfterFunc(countLimit, cancel)
		defer limit.Stop()
		<-done
		return r
	}
}

func countCalls(ctx context.Context, table *dynamo.Store) (int, error) {
	n := 0
	for query := (dynamo.Query{Limit: 500}); ; {
		page, err := table.List(ctx, query)
		if err != nil {
			return 0, err
		}
		n += len(page.States)
		if query.Cursor = page.Next; query.Cursor == "" {
			return n, nil
		}
	}
}

// watchTable notices when the table's server ends by itself.
func (s *Stack) watchTable() {
	select {
	case <-s.table.Done():
		s.fail(s.table.Err())
	case <-s.closing:
	}
}

// fail records that something failed on which all else stands: the first failure counts.
func (s *Stack) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = s.folder.explain(err)
		close(s.failed)
	})
}

// Failed is closed when the stack cannot do its work any more: when the table's server
// has ended, or messages cannot be kept on disk. Failure then says why.
func (s *Stack) Failed() <-chan struct{} { return s.failed }

// Failure returns why the stack failed, nil while it has not.
func (s *Stack) Failure() error {
	select {
	case <-s.failed:
		return s.failure
	default:
		return nil
	}
}
