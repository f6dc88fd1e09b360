package dynamo

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/retry"
	"github.com/chimewatch/chimewatch/internal/rulematch"
)

// lease is for how long a claim keeps others from sending: longer than a publish with all its
// retries.
const lease = 15 * time.Second

// TryOnce calls send once for each id of a notification in a partition, however often and by
// however many processes it is called: the first claims the id, and while its lease lasts, SentAt
// of what the others get is zero; afterwards one of them can claim it. When a process dies between
// send and the record of it, a later one sends again, with the same id. owner names the
// invocation, so that its own retry has the claim. TryOnce returns the notification as it was
// sent, which may have been before and with another text than n has.
func (s *Store) TryOnce(
	ctx context.Context, partition Partition, n notify.Notification, owner string, send func(context.Context) error,
) (notify.Notification, error) {
	claimed, sent, err := s.claim(ctx, partition, n, owner)
	if err != nil || !claimed {
		return sent, err
	}
	if err := send(ctx); err != nil {
		return notify.Notification{}, err
	}
	n.SentAt = s.now()
	// This is what was sent, whoever has claimed it since. It has an expiry even where the claim
	// is gone because the call was erased meanwhile.
	up := &update{}
	up.put(attrNoticeSent, moment(n.SentAt))
	up.put(attrNoticeSubject, text(n.Subject))
	up.put(attrNoticeCalls, number(n.Calls))
	up.put(attrNoticeSeverity, textOrNil(n.Severity))
	up.put(attrNoticeReasons, set(n.Reasons))
	up.put(attrNoticeTally, textOrNil(n.Tally))
	up.put(attrExpiry, s.expiry(n.SentAt))
	up.remove(attrNoticeLease)
	up.remove(attrNoticeOwner)
	if err := s.updateIf(ctx, noticeKey(partition, n.ID), up, "cannot record that the notification was sent"); err != nil {
		return notify.Notification{}, err
	}
	return n, nil
}

// TryOnceForIncident implements notify.IncidentOutbox.
func (s *Store) TryOnceForIncident(ctx context.Context, g incident.Group, n notify.Notification, owner string,
	send func(context.Context) error,
) (notify.Notification, error) {
	return s.TryOnce(ctx, PartitionOfIncident(g), n, owner, send)
}

// TryOnceForMatch implements notify.MatchOutbox.
func (s *Store) TryOnceForMatch(ctx context.Context, k rulematch.Key, n notify.Notification, owner string,
	send func(context.Context) error,
) (notify.Notification, error) {
	return s.TryOnce(ctx, PartitionOfMatches(k), n, owner, send)
}

// Partition is where a notification is kept.
type Partition string

// PartitionOfIncident is the partition of the notifications about a group's
// incidents.
func PartitionOfIncident(g incident.Group) Partition { return Partition(incidentPK + g.ID()) }

// claim claims a notification. Where another has, it returns what is there.
func (s *Store) claim(ctx context.Context, partition Partition, n notify.Notification, owner string) (
	claimed bool, sent notify.Notification, err error,
) {
	now := s.now()
	millis := func(t time.Time) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.UnixMilli(), 10)}
	}
	up := &update{}
	up.put(attrNoticeOwner, text(owner))
	up.put(attrNoticeLease, millis(now.Add(lease)))
	up.put(attrNoticeID, text(n.ID))
	up.put(attrNoticeKind, text(n.Kind))
	up.put(attrNoticeSubject, text(n.Subject))
	up.put(attrNoticeCalls, numberOrNil(n.Calls))
	up.put(attrExpiry, s.expiry(now))
	up.absent(attrNoticeSent)
	up.require("(attribute_not_exists(" + attrNoticeLease + ") OR " + attrNoticeLease + " < " + up.value(millis(now)) +
		" OR " + attrNoticeOwner + " = " + up.value(text(owner)) + ")")
	err = s.updateIf(ctx, noticeKey(partition, n.ID), up, "cannot claim the notification")
	if !errors.Is(err, retry.ErrChanged) {
		return err == nil, sent, err
	}
	it, err := s.get(ctx, noticeKey(partition, n.ID))
	return false, notificationIn(it), err
}

func noticeKey(partition Partition, id string) item { return key(string(partition), noticeSK+id) }

func notificationIn(it item) notify.Notification {
	return notify.Notification{
		ID: textIn(it, attrNoticeID), Kind: textIn(it, attrNoticeKind), Subject: textIn(it, attrNoticeSubject),
		Calls: numberIn(it, attrNoticeCalls), Severity: incident.Severity(textIn(it, attrNoticeSeverity)),
		Reasons: setIn(it, attrNoticeReasons), Tally: textIn(it, attrNoticeTally), SentAt: timeIn(it, attrNoticeSent),
	}
}
