package dynamo

import (
	"context"
	"errors"
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
	up.put(attrNotificationSent, moment(n.SentAt))
	up.put(attrNotificationSubject, text(n.Subject))
	up.put(attrNotificationCalls, number(n.Calls))
	up.put(attrNotificationSeverity, textOrNil(n.Severity))
	up.put(attrNotificationReasons, set(n.Reasons))
	up.put(attrNotificationTally, textOrNil(n.Tally))
	up.put(attrExpiry, s.expiry(n.SentAt))
	up.remove(attrNotificationLease)
	up.remove(attrNotificationOwner)
	err = s.updateIf(ctx, notificationKey(partition, n.ID), up, "cannot record that the notification was sent")
	if err != nil {
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
	millis := func(t time.Time) types.AttributeValue { return number(int(t.UnixMilli())) }
	up := &update{}
	up.put(attrNotificationOwner, text(owner))
	up.put(attrNotificationLease, millis(now.Add(lease)))
	up.put(attrNotificationID, text(n.ID))
	up.put(attrNotificationKind, text(n.Kind))
	up.put(attrNotificationSubject, text(n.Subject))
	up.put(attrNotificationCalls, numberOrNil(n.Calls))
	up.put(attrExpiry, s.expiry(now))
	up.absent(attrNotificationSent)
	up.require("(attribute_not_exists(" + attrNotificationLease + ") OR " +
		attrNotificationLease + " < " + up.value(millis(now)) + " OR " +
		attrNotificationOwner + " = " + up.value(text(owner)) + ")")
	err = s.updateIf(ctx, notificationKey(partition, n.ID), up, "cannot claim the notification")
	if !errors.Is(err, retry.ErrChanged) {
		return err == nil, sent, err
	}
	it, err := s.get(ctx, notificationKey(partition, n.ID))
	return false, notificationIn(it), err
}

func notificationKey(partition Partition, id string) item {
	return key(string(partition), notificationSK+id)
}

func notificationIn(it item) notify.Notification {
	return notify.Notification{
		ID:       textIn(it, attrNotificationID),
		Kind:     textIn(it, attrNotificationKind),
		Subject:  textIn(it, attrNotificationSubject),
		Calls:    numberIn(it, attrNotificationCalls),
		Severity: incident.Severity(textIn(it, attrNotificationSeverity)),
		Reasons:  setIn(it, attrNotificationReasons),
		Tally:    textIn(it, attrNotificationTally),
		SentAt:   timeIn(it, attrNotificationSent),
	}
}
