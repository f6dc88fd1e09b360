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
	Counts Counter
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

// Expiry is consent whose time is over.
type Expiry struct {
	// Event is the id of the event that granted it.
	Event string
	// TransactionID, or CallID where it named no transaction.
	TransactionID, CallID string
}

// EntryOf returns the entry that a voice notification makes in its call's ledger: that
// the call is ready for tasks, or over. None is made for an id that is no valid UTF-8:
// another call may have the same one, as read.
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

// Handle records a decision about consent in the call's ledger, and does what is due by
// it. An event that cannot be read as it is meant changes nothing.
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
	var read []chime.VoiceNotification
	var origin []int // of each notification: which delivery it is
	for i, d := range deliveries {
		switch n, err := chime.ParseVoice(d.Body, d.By); {
		case errors.Is(err, chime.ErrForeign):
			s.Counts.Count("CallAnalyticsRecordsSkipped", 1)
		case err != nil:
			errs[i] = err
		default:
			read, origin = append(read, n), append(origin, i)
		}
	}
	var stored []chime.VoiceNotification
	var storedOrigin []int
	for i, err := range s.Notifications.RecordVoice(ctx, read) {
		if err != nil {
			errs[origin[i]] = err
			continue
		}
		stored, storedOrigin = append(stored, read[i]), append(storedOrigin, origin[i])
	}
	s.count(ctx, stored)
	if s.Calls != nil {
		for i, err := range s.reconcile(ctx, stored) {
			errs[storedOrigin[i]] = err
		}
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
			slog.WarnContext(ctx, "a call is ready for tasks, but none can be started without its transaction and Voice Connector",
				"eventId", n.ID)
			s.Counts.Count("UnusableReadiness", 1)
		}
	}
}

var taskOf = map[chime.Analytics]Task{chime.AnalyticsSpeakerSearch: SpeakerSearch, chime.AnalyticsVoiceTone: VoiceTone}

// reconcile does what is due for each transaction once, and returns an error or nil for
// each notification. A transaction about which the service hangs uses no other's time.
func (s *Service) reconcile(ctx context.Context, stored []chime.VoiceNotification) []error {
	triggers := map[string]*Trigger{}
	var order []string
	for _, n := range stored {
		task, isTask := taskOf[n.Analytics]
		if n.TransactionID == "" || !isTask && !n.IsReady() && !n.IsPostCall() {
			continue
		}
		t := triggers[n.TransactionID]
		if t == nil {
			t = &Trigger{Event: n.ID, TransactionID: n.TransactionID}
			triggers[n.TransactionID], order = t, append(order, n.TransactionID)
		}
		if isTask && n.TaskID != "" {
			t.Observed = append(t.Observed, ObservedTask{Task: task, TaskID: n.TaskID})
		}
	}
	results := map[string]error{}
	for i, err := range timeshare.Each(ctx, len(order), callsAtOnce, func(ctx context.Context, i int) error {
		return s.Calls.Reconcile(ctx, *triggers[order[i]])
	}) {
		results[order[i]] = err
	}
	errs := make([]error, len(stored))
	for i, n := range stored {
		errs[i] = results[n.TransactionID]
	}
	return errs
}

// Run does, on a schedule, what is due for calls on which consent expired, which no
// event reports: tasks that run under it are stopped. A call that cannot be reconciled,
// or about which the service hangs, uses no other one's time, and the next run finds it
// again. The order is another one at every run, so that even with hundreds that hang
// the others have their turn.
func (s *Service) Run(ctx context.Context) error {
	expired, err := s.Expiries.ExpiredConsent(ctx, s.Now())
	rand.Shuffle(len(expired), func(i, j int) { expired[i], expired[j] = expired[j], expired[i] })
	errs := timeshare.Each(ctx, len(expired), callsAtOnce, func(ctx context.Context, i int) error {
		x := expired[i]
		if err := s.Calls.Reconcile(ctx, Trigger{Event: x.Event, TransactionID: x.TransactionID, CallID: x.CallID}); err != nil {
			return err
		}
		return s.Expiries.EndExpiry(ctx, x)
	})
	return errors.Join(append(errs, err)...)
}
