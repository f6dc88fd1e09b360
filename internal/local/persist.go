package local

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"time"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/journal"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Files of the messages, below the folder messagesFolder.
const (
	notificationsFile = "notifications.jsonl"
	voiceStreamFile   = "stream-" + VoiceStream + ".jsonl"
)

// deadLetterQueues are the queues for what could not be handled.
var deadLetterQueues = []string{FunctionQueue, RuleQueue, VoiceDeadLetters}

func queueFile(name string) string { return "queue-" + name + ".jsonl" }

// openMessages opens the queues, the stream and the record of notifications of the last
// run, or empty ones.
func (s *Stack) openMessages() error {
	open := func(file string) (*journal.Journal, []journal.Entry, error) {
		j, entries, err := journal.Open(filepath.Join(s.folder.path(messagesFolder), file))
		if err == nil {
			s.onClose(j.Close)
		}
		return j, entries, err
	}
	var queues []*sqs.Queue
	for _, name := range append([]string{VoiceQueue}, deadLetterQueues...) {
		j, entries, err := open(queueFile(name))
		if err == nil {
			s.queue[name], err = sqs.Open(name, j, entries, s.fail)
		}
		if err != nil {
			return err
		}
		queues = append(queues, s.queue[name])
	}
	s.queues = sqs.NewService(Account, Region, queues...)
	j, entries, err := open(voiceStreamFile)
	if err != nil {
		return err
	}
	if err := s.stream.Open(j, entries, s.fail); err != nil {
		return err
	}
	if j, entries, err = open(notificationsFile); err != nil {
		return err
	}
	return s.topics.Open(j, entries, s.fail)
}

// Replaced is the table of the last run, which a start without Options.Keep replaced.
type Replaced struct {
	// Calls is how many calls it holds, -1 where counting them would take too long.
	Calls int
	// Folder is where it is until the next start.
	Folder string
}

// Replaced returns the table that the start replaced, nil if there was none.
func (s *Stack) Replaced() *Replaced { return s.replaced }

// countLimit is how much longer a start may last because of the counting.
const countLimit = time.Second

// countReplaced starts to count the calls of the table that was moved aside, while all
// else starts. The function that it returns waits for the number up to countLimit; it
// returns nil where no table was moved aside.
func (s *Stack) countReplaced(ctx context.Context) func() *Replaced {
	aside := s.folder.path(tableFolder + asideSuffix)
	if !exists(aside) {
		return func() *Replaced { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	calls := make(chan int, 1)
	go func() { calls <- countCalls(ctx, s.options.Modules, aside) }()
	return func() *Replaced {
		defer cancel()
		defer time.AfterFunc(countLimit, cancel).Stop()
		return &Replaced{Calls: <-calls, Folder: s.folder.path(tableFolder + oldSuffix)}
	}
}

// countCalls returns how many calls a table holds, -1 where that cannot be found out.
func countCalls(ctx context.Context, modules, data string) int {
	server, err := dynalite.Start(ctx, modules, data)
	if err != nil {
		return -1
	}
	n := 0
	table := dynamo.New(dynalite.Client(server.URL(), Region), TableName, dynamo.Options{})
	err = table.EachPipeline(ctx, dynamo.Query{Limit: 500}, math.MaxInt, func(pipeline.State) bool { n++; return false })
	if errors.Join(err, server.Close()) != nil {
		return -1
	}
	return n
}
