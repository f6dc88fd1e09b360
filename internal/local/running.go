package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/eventbridge"
	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

// State is what other commands read about a running stack.
type State struct {
	Endpoint        string `json:"endpoint"`
	Table           string `json:"table"`
	PID             int    `json:"pid"`
	DataDir         string `json:"dataDir"`
	FailureTopicARN string `json:"failureTopicArn"`
	AlertTopicARN   string `json:"alertTopicArn"`
	Region          string `json:"region"`
}

// stateFile has the State of the stack, from its start to its end.
const stateFile = "local.json"

// State returns the content of local.json for this stack.
func (s *Stack) State() State {
	return State{
		Endpoint: s.Endpoint(), Table: TableName, PID: os.Getpid(), DataDir: s.folder.data(),
		FailureTopicARN: FailureTopicARN, AlertTopicARN: AlertTopicARN, Region: Region,
	}
}

// FindRunning returns the stack that runs on the folder dir (empty means DefaultDir). The
// stack has to answer, as one that was killed leaves its file behind. The error is of
// class NotFound when none runs.
func FindRunning(ctx context.Context, dir string) (State, error) {
	dir = cmp.Or(dir, DefaultDir)
	none := apperr.New(apperr.NotFound, "folder "+dir, "no local stack runs on it", "start one with: chimewatch local")
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, none
	}
	var state State
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		return State{}, apperr.Wrap(err, apperr.Internal, filepath.Join(dir, stateFile), "cannot be read", "delete it")
	}
	if !state.answers(ctx) {
		return State{}, none
	}
	return state, nil
}

// answers reports whether the process that wrote the state serves its endpoint.
func (s State) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+pathStatus, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var status Status
	return json.NewDecoder(response.Body).Decode(&status) == nil && status.Name == statusName && status.PID == s.PID
}

// Status is what runs and what it has done so far.
type Status struct {
	Name string `json:"name"`
	State
	Started  time.Time `json:"startedAt"`
	Account  string    `json:"account"`
	EventBus string    `json:"eventBus"`
	// Events counts the events on the bus; Rules how often each rule matched.
	Events int            `json:"events"`
	Rules  map[string]int `json:"rules"`
	// Functions holds the functions that run; Missing those without a binary.
	Functions map[string]lambdahost.Counts `json:"functions"`
	Missing   []string                     `json:"missingFunctions,omitempty"`
	// Pending counts invocations that are not done.
	Pending int `json:"pending"`
	// Topics holds the number of messages by topic ARN, Queues by queue URL.
	Topics map[string]int `json:"topics"`
	Queues map[string]int `json:"queues"`
	// Pages are the addresses for people.
	Pages []string `json:"pages"`
}

// statusName distinguishes a stack from other servers at the same address.
const statusName = "chimewatch local stack"

// Status returns what runs and what it has done so far.
func (s *Stack) Status() Status {
	st := Status{
		Name: statusName, State: s.State(), Started: s.started.UTC(), Account: Account, EventBus: eventbridge.Name,
		Functions: s.host.Counts(), Missing: s.options.Missing(), Pending: s.Pending(),
		Topics: map[string]int{}, Queues: map[string]int{},
		Pages: []string{s.Endpoint() + pathDrained, s.Endpoint() + pathNotifications, s.Endpoint() + pathDeadLetters},
	}
	st.Events, st.Rules = s.bus.Counts()
	for _, arn := range s.Topics() {
		st.Topics[arn] = 0
	}
	for _, m := range s.Notifications() {
		st.Topics[m.TopicARN]++
	}
	for _, q := range s.queues.Queues() {
		st.Queues[s.queues.URL(s.listener.Addr().String(), q.Name())] = len(q.Messages())
	}
	return st
}
