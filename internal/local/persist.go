package local

import (
	"context"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

func queueFile(name string) string { return "queue-" + name + ".jsonl" }

// openMessages opens the queues, the stream and the record of notifications of the last
// run, or empty ones.
func (s *Stack) openMessages() error {
	open := func(file string) (*journal.Journal, []journal.Entry, error) {
		j, entries, err := journal.Open(filepath.Join(s.folder.messages(), file))
		if err == nil {
			s.onClose(j.Close)
		}
		return j, entries, err
	}
	for name, queue := range map[string]**sqs.Queue{
		FunctionQueue: &s.functionQueue, RuleQueue: &s.ruleQueue,
		VoiceQueue: &s.sources.queue, VoiceDeadLetters: &s.sources.dead,
	} {
		j, entries, err := open(queueFile(name))
		if err != nil {
			return err
		}
		if *queue, err = sqs.Open(name, j, entries, s.fail); err != nil {
			return err
		}
	}
	s.queues = sqs.NewService(Account, Region, s.functionQueue, s.ruleQueue, s.sources.queue, s.sources.dead)
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
// else starts. The function that it returns waits for the number up to countLimit.
func (s *Stack) countReplaced(ctx context.Context, modules string) func() *Replaced {
	ctx, cancel := context.WithCancel(ctx)
	calls := make(chan int, 1)
	go func() {
		defer close(calls)
		server, err := dynalite.Start(ctx, modules, s.folder.path(tableFolder+asideSuffix))
		if err != nil {
			return // a table whose number of calls is not known is replaced all the same
		}
		n := 0
		err = EachPipeline(ctx, dynalite.Client(server.URL(), Region), func(pipeline.State) error { n++; return nil })
		if server.Close() == nil && err == nil {
			calls <- n
		}
	}()
	return func() *Replaced {
		defer cancel()
		defer time.AfterFunc(countLimit, cancel).Stop()
		r := &Replaced{Calls: -1, Folder: s.folder.path(tableFolder + oldSuffix)}
		if n, known := <-calls; known {
			r.Calls = n
		}
		return r
	}
}

// EachPipeline calls do with every pipeline in the table, until that fails.
func EachPipeline(ctx context.Context, client *dynamodb.Client, do func(pipeline.State) error) error {
	table := dynamo.New(client, TableName, dynamo.Options{})
	for query := (pipeline.Query{Limit: 500}); ; {
		page, err := table.List(ctx, query)
		if err != nil {
			return err
		}
		for _, state := range page.States {
			if err := do(state); err != nil {
				return err
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return nil
		}
	}
}
