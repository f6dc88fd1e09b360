package voicetask

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/timeshare"
)

// Service stores consent and voice notifications, and starts and stops the voice tasks
// of their calls. Each of its methods writes first and then reconciles: TaskRunner does
// what is due by the call's ledger. The ledger is written by the Service (consent, and
// that a call is ready or over: see EntryOf) and by the TaskRunner (attempts and
// answers); Ledger.Next decides.
type Service struct {
	Notifications Notifications
	Ledger        EntryWriter
	Expiries      Expiries
	// Calls is nil where no task is turned on; then notifications are stored only.
	Calls  Reconciler
	Counts pipeline.Counter
	Now    func() time.Time
}

// Notifications stores voice notifications, and the ledger entries that EntryOf makes
// of them. It returns one error or nil for each, in their order.
type Notifications interface {
	RecordVoice(context.Context, []chime.VoiceNotification) []error
}

// EntryWriter writes an entry where no entry has its id.
type EntryWriter interface {
	Enter(context.Context, Entry) error
}

// Reconciler does what is due for a call; *TaskRunner does. It must be safe for
// concurrent use.
type Reconciler interface {
	Reconcile(context.Context, Trigger) error
}

// Expiries finds consent that expired. It must be safe for concurrent use.
type Expiries interface {
	// ExpiredConsent returns consent that expired before now and was not reconciled.
	ExpiredConsent(ctx context.Context, now time.Time) ([]Expiry, error)
	// EndExpiry records that what was due because of it is done.
	EndExpiry(context.Context, Expiry) error
}

// Expiry is consent that expired, as the trigger of what is due because of it: the event
// that granted it, and its transaction, or its call where it named no transaction.
type Expiry = Trigger

// EntryOf returns the ledger entry of a voice notification which reports that its call
// is ready for tasks, or over. There is none for an id that is no valid UTF-8: another
// call may have the same one, as read.
func EntryOf(n chime.VoiceNotification) (Entry, bool) {
	e := Entry{At: n.Time.UTC(), Event: n.ID, TransactionID: n.TransactionID, CallID: n.CallID}
	switch {
	case n.TransactionID == "", strings.ContainsRune(n.TransactionID+n.CallID, utf8.RuneError):
		return e, false
	case n.IsReady() && n.VoiceConnectorID != "":
		e.Kind, e.VoiceConnectorID = Ready, n.VoiceConnectorID
		return e, true
	case n.IsPostCall():
		e.Kind = Ended
		return e, true
	}
	return e, false
}

// callsAtOnce is how many calls are reconciled side by side. It bounds the requests to
// the table and the Chime API, and with timeshare.Each how long one call may take when
// there are many.
const callsAtOnce = 8

// Handle records the decision of a consent event in the call's ledger, and does what is
// due because of it. An event that ParseConsent refuses changes nothing.
func (s *Service) Handle(ctx context.Context, event []byte) error {
	e, err := ParseConsent(event, s.Now())
	if err != nil {
		return err
	}
	if err := s.Ledger.Enter(ctx, e); err != nil {
		return err
	}
	s.Counts.Count("ConsentDecisions", 1)
	return s.Calls.Reconcile(ctx, Trigger{Event: e.Event, TransactionID: e.TransactionID, CallID: e.CallID})
}

// Delivery is a record that should be a voice notification.
type Delivery struct {
	Body []byte
	By   chime.VoiceSource
}

// HandleNotifications stores voice notifications, all of an invocation together, and
// does what is due for their calls. It returns one error or nil for each.
//
// Records of other kinds (see chime.ErrForeign) are counted and skipped: nothing of them
// is stored or logged, as they contain what people said, and they do not fail, so that
// none reaches a dead-letter queue.
func (s *Service) HandleNotifications(ctx context.Context, deliveries []Delivery) []error {
	errs := make([]error, len(deliveries))
	var notes []chime.VoiceNotification
	var origin []int // of each notification: which delivery it is
	for i, d := range deliveries {
		switch n, err := chime.ParseVoice(d.Body, d.By); {
		case errors.Is(err, chime.ErrForeign):
			s.Counts.Count("CallAnalyticsRecordsSkipped", 1)
		case err != nil:
			errs[i] = err
		default:
			notes, origin = append(notes, n), append(origin, i)
		}
	}
	stored := 0
	for i, err := range s.Notifications.RecordVoice(ctx, notes) {
		if err != nil {
			errs[origin[i]] = err
			continue
		}
		notes[stored], origin[stored] = notes[i], origin[i]
		stored++
	}
	notes = notes[:stored]
	s.count(ctx, notes)
	if s.Calls == nil {
		return errs
	}
	triggers := triggersOf(notes)
	results := map[string]error{} // by transaction; one about which the service hangs uses no other's time
	for i, err := range timeshare.Each(ctx, len(triggers), callsAtOnce, func(ctx context.Context, i int) error {
		return s.Calls.Reconcile(ctx, *triggers[i])
	}) {
		results[triggers[i].TransactionID] = err
	}
	for i, n := range notes {
		errs[origin[i]] = results[n.TransactionID]
	}
	return errs
}

// count counts what was stored, and logs what cannot be used.
func (s *Service) count(ctx context.Context, stored []chime.VoiceNotification) {
	s.Counts.Count("VoiceNotifications", len(stored))
	for _, n := range stored {
		switch {
		case n.Analytics == chime.AnalyticsUnknown:
			s.Counts.Count("UnknownNotifications", 1)
		case n.IsReady() && (n.TransactionID == "" || n.VoiceConnectorID == ""):
			slog.WarnContext(ctx, "a call is ready for tasks, but none can be started without its transaction and "+
				"Voice Connector", "eventId", n.ID)
			s.Counts.Count("UnusableReadiness", 1)
		}
	}
}

var taskOf = map[chime.Analytics]Task{chime.AnalyticsSpeakerSearch: SpeakerSearch, chime.AnalyticsVoiceTone: VoiceTone}

// triggersOf returns one trigger for each transaction of which something may be due.
func triggersOf(notes []chime.VoiceNotification) []*Trigger {
	var triggers []*Trigger
	of := map[string]*Trigger{} // by transaction
	for _, n := range notes {
		task, isTask := taskOf[n.Analytics]
		if n.TransactionID == "" || !isTask && !n.IsReady() && !n.IsPostCall() {
			continue
		}
		t := of[n.TransactionID]
		if t == nil {
			t = &Trigger{Event: n.ID, TransactionID: n.TransactionID}
			of[n.TransactionID], triggers = t, append(triggers, t)
		}
		if isTask && n.TaskID != "" {
			t.Observed = append(t.Observed, ObservedTask{Task: task, TaskID: n.TaskID})
		}
	}
	return triggers
}

// Run does, on a schedule, what is due for calls on which consent expired, which no
// event reports: tasks that run under it are stopped. A call that cannot be reconciled,
// or about which the service hangs, uses no other call's time, and the next run finds it
// again. Each run has another order, so that even with hundreds that hang the others
// have their turn.
func (s *Service) Run(ctx context.Context) error {
	expired, err := s.Expiries.ExpiredConsent(ctx, s.Now())
	rand.Shuffle(len(expired), func(i, j int) { expired[i], expired[j] = expired[j], expired[i] })
	errs := timeshare.Each(ctx, len(expired), callsAtOnce, func(ctx context.Context, i int) error {
		if err := s.Calls.Reconcile(ctx, expired[i]); err != nil {
			return err
		}
		return s.Expiries.EndExpiry(ctx, expired[i])
	})
	return errors.Join(append(errs, err)...)
}
