package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/local/dynalite"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
	"github.com/chimewatch/chimewatch/internal/local/sns"
)

// Start starts a stack and returns when it takes events. While it runs, the file
// local.json in Options.Dir says to other commands where it is. A second stack on
// the same folder is refused with a Conflict that names the first one's process.
// A start that fails leaves the data of the last run as they were. Close the stack to
// free all of that.
func Start(ctx context.Context, o Options) (*Stack, error) {
	s := &Stack{
		options: o.withDefaults(), started: time.Now(), failed: make(chan struct{}), closing: make(chan struct{}),
		pipelines: chimesdk.NewPipelines(), voice: chimesdk.NewVoice(),
	}
	if err := s.newVoiceSources(); err != nil {
		return nil, err
	}
	s.topics = sns.NewService(s.published, FailureTopicARN, AlertTopicARN, AlarmTopicARN, VoiceTopicARN)
	s.topics.Add(s.options.Topics...)
	s.topics.Subscribe(VoiceTopicARN, "lambda", functionARN(VoiceFunction))
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(s.cause(err), s.Close())
	}
	return s, nil
}

// cause returns why a start failed: where the table's server died, what followed of that
// says little.
func (s *Stack) cause(err error) error {
	if s.table != nil {
		select {
		case <-s.failed:
			return s.failure
		case <-time.After(200 * time.Millisecond): // a death is noticed a little later than its effects
		}
	}
	if s.folder != nil {
		return s.folder.explain(err)
	}
	return err
}

func (s *Stack) start(ctx context.Context) error {
	// What can be found out before anything of the last run is touched comes first.
	modules, err := findModules(s.options.Modules)
	if err != nil {
		return err
	}
	if _, err := dynalite.FindNode(); err != nil {
		return err
	}
	if s.folder, err = openFolder(ctx, s.options.Dir, lockPatience); err != nil {
		return err
	}
	if s.listener, err = listen(s.options.Port); err != nil {
		return err
	}
	replaces, err := s.folder.begin(s.options.Keep)
	if err != nil {
		return err
	}
	var counted func() *Replaced
	if replaces {
		counted = s.countReplaced(ctx, modules)
	}
	gate, err := s.startServices(ctx, modules)
	if replaces {
		s.replaced = counted() // before the folder that it reads is moved again
	}
	if err != nil {
		return err
	}
	if err := s.folder.writeState(s.State()); err != nil {
		return err
	}
	if err := s.folder.commit(); err != nil {
		return err
	}
	s.runVoiceSources()
	close(gate)
	return nil
}

// startServices starts all that runs, and returns the gate that lets events in.
func (s *Stack) startServices(ctx context.Context, modules string) (gate chan struct{}, err error) {
	if err := s.openMessages(); err != nil {
		return nil, err
	}
	if s.table, err = dynalite.Start(ctx, modules, s.folder.table()); err != nil {
		return nil, err
	}
	go s.watchTable()
	if err := dynalite.EnsureTable(ctx, dynalite.Client(s.table.URL(), Region), TableName,
		dynamo.Definition()); err != nil {
		return nil, err
	}
	if s.bus, err = eventbridge.New(eventbridge.Options{
		Account: Account, Region: Region, Rules: s.options.Rules,
		Invoke:        func(function string, event []byte) error { return s.host.Enqueue(function, event) },
		Undeliverable: s.keepUndeliverable,
		Sent:          s.learn,
	}); err != nil {
		return nil, err
	}
	// The functions may call the endpoint as soon as they start; the bus is
	// served only when the functions are there.
	gate = make(chan struct{})
	s.server = &http.Server{Handler: s.handler(gate), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(s.listener) }() // ends when the server is closed
	s.host, err = lambdahost.Start(ctx, s.hostOptions())
	return gate, err
}

// listen never listens anywhere but on the loopback address.
func listen(port int) (net.Listener, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, apperr.Wrap(err, apperr.Conflict, "address "+address, "cannot be listened on",
			"choose another port with --port, 0 for any free one")
	}
	return listener, nil
}
