package dynamo

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/incident"
)

// lease is how long a claim keeps others from sending; longer than a publish
// with all its retries takes.
const lease = 15 * time.Second

// Notification is one that was sent, or is being sent while SentAt is zero.
type Notification struct {
	ID      string
	Kind    string
	Subject string
	// Calls is how many calls it is about, zero where it does not count.
	Calls int
	// Severity and Reasons are those of the incident that it says, the latter by
	// their ids; empty where it is about none.
	Severity incident.Severity
	Reasons  []string
	// Tally is what else has to be known of what it is about; see Untold.
	Tally  string
	SentAt time.Time
}

// Once does send once for each id under a partition, however often and by
// however many processes it is called: the first claims it, the others wait
// until it is sent, or until the claim's lease has run out, and then claim it
// themselves. A process that dies between send and the record of it makes a
// later one send again, with the same id. owner names the invocation, so that
// its own retry need not wait.
func (s *Store) Once(ctx context.Context, partition Partition, n Notification, owner string, send func(context.Context) error) error {
	for {
		sent, err := s.TryOnce(ctx, partition, n, owner, send)
		if err != nil || !sent.SentAt.IsZero() {
			return err
		}
		select {
		case <-ctx.Done():
			return apperr.Wrap(ctx.Err(), apperr.Conflict, "notification "+n.ID, "is being sent by another invocation", "it is tried again")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// TryOnce is Once, but does not wait for another that has the claim: SentAt of
// what it gives is zero then. Otherwise it gives the notification as it was
// sent, which may have been before and with other words than n has.
func (s *Store) TryOnce(ctx context.Context, partition Partition, n Notification, owner string, send func(context.Context) error) (Notification, error) {
	claimed, sent, err := s.claim(ctx, partition, n, owner)
	if err != nil || !claimed {
		return sent, err
	}
	if err := send(ctx); err != nil {
		return Notification{}, err
	}
	n.SentAt = s.now()
	// What was sent is this, whoever has claimed it since. It expires also when the
	// claim is gone, as the call was erased meanwhile.
	up := newUpdate()
	up.put(attrNoticeSent, moment(n.SentAt))
	up.put(attrNoticeSubject, text(n.Subject))
	up.put(attrNoticeCalls, number(n.Calls))
	if n.Severity != "" {
		up.put(attrNoticeSeverity, text(string(n.Severity)))
	}
	if len(n.Reasons) > 0 {
		up.put(attrNoticeReasons, set(n.Reasons))
	}
	if n.Tally != "" {
		up.put(attrNoticeTally, text(n.Tally))
	}
	s.expireBy(up, n.SentAt)
	up.remove(attrNoticeLease)
	up.remove(attrNoticeOwner)
	if _, err := s.updateIf(ctx, noticeKey(partition, n.ID), up, "cannot record that the notification was sent"); err != nil {
		return Notification{}, err
	}
	return n, nil
}

// Partition is where a notification is kept.
type Partition string

// PartitionOfIncident is the partition of the notifications about a group's
// incidents.
func PartitionOfIncident(g incident.Group) Partition { return Partition(incidentPK + g.ID()) }

func (s *Store) claim(ctx context.Context, partition Partition, n Notification, owner string) (claimed bool, sent Notification, err error) {
	now := s.now()
	millis := func(t time.Time) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.UnixMilli(), 10)}
	}
	up := newUpdate()
	up.put(attrNoticeOwner, text(owner))
	up.put(attrNoticeLease, millis(now.Add(lease)))
	up.put(attrNoticeID, text(n.ID))
	up.put(attrNoticeKind, text(n.Kind))
	up.put(attrNoticeSubject, text(n.Subject))
	if n.Calls > 0 {
		up.put(attrNoticeCalls, number(n.Calls))
	}
	s.expireBy(up, now)
	up.absent(attrNoticeSent)
	up.require("(attribute_not_exists(" + attrNoticeLease + ") OR " + attrNoticeLease + " < " + up.value(millis(now)) +
		" OR " + attrNoticeOwner + " = " + up.value(text(owner)) + ")")
	claimed, err = s.updateIf(ctx, noticeKey(partition, n.ID), up, "cannot claim the notification")
	if err != nil || claimed {
		return claimed, sent, err
	}
	it, err := s.get(ctx, noticeKey(partition, n.ID))
	return false, notificationIn(it), err
}

func noticeKey(partition Partition, id string) item { return key(string(partition), noticeSK+id) }

func notificationIn(it item) Notification {
	return Notification{
		ID: textIn(it, attrNoticeID), Kind: textIn(it, attrNoticeKind), Subject: textIn(it, attrNoticeSubject),
		Calls: numberIn(it, attrNoticeCalls), Severity: incident.Severity(textIn(it, attrNoticeSeverity)),
		Reasons: setIn(it, attrNoticeReasons), Tally: textIn(it, attrNoticeTally), SentAt: timeIn(it, attrNoticeSent),
	}
}
