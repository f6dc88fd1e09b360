package local

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/local/sqs"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// Start starts a stack and returns when it accepts events. While it runs, the file
// local.json in Options.Dir has its address for other commands. A second stack on the
// same folder is refused with a Conflict that names the first one's process. A start that
// fails leaves the data of the last run as they were. Close the stack after use.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{
		options: o.withDefaults(), started: time.Now(), pipelines: chimesdk.NewPipelines(), voice: chimesdk.NewVoice(),
		queue: map[string]*sqs.Queue{},
	}
	s.stream = s.newVoiceStream()
	s.failing, s.setFailure = context.WithCancelCause(context.Background())
	s.close = sync.OnceValue(s.closeAll)
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(s.cause(err), s.Close())
	}
	return s, nil
}

// cause returns why a start failed: the end of the table's server, where that is the
// reason for all else.
func (s *Stack) cause(err error) error {
	if s.table != nil {
		select {
		case <-s.Failed():
			return s.Failure()
		case <-time.After(200 * time.Millisecond): // its end is noticed a little later than the effects
		}
	}
	return s.folder.explain(err)
}

func (s *Stack) start(ctx context.Context) error {
	// What can be checked before anything of the last run is touched comes first.
	if _, err := dynalite.Command(s.options.Modules, ""); err != nil {
		return err
	}
	var err error
	if s.folder, err = folderAt(s.options.Dir); err != nil {
		return err
	}
	s.onClose(s.folder.close)
	if err := s.folder.open(ctx, stackPatience); err != nil {
		return err
	}
	if s.listener, err = listen(s.options.Port); err != nil {
		return err
	}
	s.onClose(func() error {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) { // by the server
			return err
		}
		return nil
	})
	s.onClose(s.folder.tidy) // a start that fails is undone
	if err := s.folder.begin(s.options.Keep); err != nil {
		return err
	}
	replaced := s.countReplaced(ctx)
	ready, err := s.startServices(ctx)
	s.replaced = replaced() // before the folder that it reads is moved again
	if err != nil {
		return err
	}
	if err := s.folder.writeJSON(s.folder.statePath(), s.State()); err != nil {
		return err
	}
	s.onClose(func() error { return os.Remove(s.folder.statePath()) })
	if err := s.folder.commit(); err != nil {
		return err
	}
	s.runVoiceSources()
	close(ready)
	return nil
}

// startServices starts all servers and functions. Close ready to let events in.
func (s *Stack) startServices(ctx context.Context) (ready chan struct{}, err error) {
	topics := []string{FailureTopicARN, AlertTopicARN, AlarmTopicARN, VoiceTopicARN}
	s.topics = sns.NewService(s.published, append(topics, s.options.Config.Routes.Topics()...)...)
	s.topics.Subscribe(VoiceTopicARN, "lambda", functionARN(VoiceFunction))
	if err := s.openMessages(); err != nil {
		return nil, err
	}
	if err := s.startTable(ctx); err != nil {
		return nil, err
	}
	s.bus = eventbridge.New(eventbridge.Options{
		Account: Account, Region: Region, Rules: s.options.Rules,
		Invoke:        func(function string, event []byte) error { return s.host.Enqueue(function, event) },
		Undeliverable: s.keepUndeliverable,
		Sent:          s.learn,
	})
	// The functions may call the endpoint as soon as they start; the bus is served only
	// when the functions are there.
	ready = make(chan struct{})
	server := serve(s.listener, s.handler(ready))
	s.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) == nil {
			return nil
		}
		return server.Close() // a long poll is still open
	})
	if s.host, err = lambdahost.Start(ctx, s.hostOptions()); err != nil {
		return nil, err
	}
	s.onClose(func() error { s.host.Close(); return nil })
	return ready, nil
}

func (s *Stack) startTable(ctx context.Context) (err error) {
	if s.table, err = dynalite.Start(ctx, s.options.Modules, s.folder.path(tableFolder)); err != nil {
		return err
	}
	s.onClose(func() error {
		if err := s.table.Close(); s.Failure() == nil { // else the reason is known
			return err
		}
		return nil
	})
	go func() {
		<-s.table.Done()
		if !s.closing.Load() {
			s.fail(s.table.Err())
		}
	}()
	return dynalite.EnsureTable(ctx, dynalite.Client(s.table.URL(), Region), TableName, dynamo.Definition())
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
	err = table.EachPipeline(ctx, pipeline.Query{Limit: 500}, math.MaxInt, func(pipeline.State) bool { n++; return false })
	if errors.Join(err, server.Close()) != nil {
		return -1
	}
	return n
}

// listen listens on the loopback address, and on no other.
func listen(port int) (net.Listener, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Conflict, "address "+address, "cannot be listened on",
			"choose another port with --port, 0 for any free one")
	}
	return listener, nil
}

// serve serves until the server that it returns is closed.
func serve(listener net.Listener, handler http.Handler) *http.Server {
	server := &http.Server{Addr: listener.Addr().String(), Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return server
}
