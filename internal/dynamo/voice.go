package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/voicetask"
)

// createdLayout is ISO 8601 in UTC with milliseconds, as the sample writes it.
const createdLayout = "2006-01-02T15:04:05.000Z"

// RecordVoice stores notifications, in as few requests as possible, and returns an error or nil
// for each of them, in their order. One that cannot be stored leaves the others alone. It is
// idempotent: the items are the same, byte for byte.
//
// A notification that a call is ready for tasks, and one that a call is over,
// is also entered in the ledger of the call.
func (s *Store) RecordVoice(ctx context.Context, notes []chime.VoiceNotification) []error {
	errs := make([]error, len(notes))
	var items []item
	owners := map[string][]int{} // by key: which notes need the item
	for i, n := range notes {
		own, err := s.voiceItems(n)
		if err != nil {
			errs[i] = err
			continue
		}
		for _, it := range own {
			k := itemKey(it)
			if owners[k] == nil {
				items = append(items, it)
			} else { // a batch may name a key once only, and the last one wins
				items[slices.IndexFunc(items, func(other item) bool { return itemKey(other) == k })] = it
			}
			owners[k] = append(owners[k], i)
		}
	}
	for k, err := range s.putEach(ctx, items) {
		for _, i := range owners[k] {
			errs[i] = err
		}
	}
	return errs
}

// voiceItems returns all items of a notification.
func (s *Store) voiceItems(n chime.VoiceNotification) ([]item, error) {
	pk, sk := voicePK(n), keyID(n.ID)
	if strings.ContainsRune(pk+sk, utf8.RuneError) {
		// Other invalid bytes would make the same key, and one would replace the other.
		sk += "#" + chime.HashLetters(n.Raw)
	}
	it := key(pk, sk)
	it[attrBody], it[attrCreated] = text(string(n.Raw)), text(n.Time.UTC().Format(createdLayout))
	it[attrFirst] = moment(n.Time)
	size := len(n.Raw)
	if !utf8.Valid(n.Raw) {
		size *= 2
		it[attrBody] = text(strings.ToValidUTF8(string(n.Raw), string(utf8.RuneError)))
		it[attrRaw] = &types.AttributeValueMemberB{Value: n.Raw}
	}
	if size > maxBody {
		return nil, apperr.New(apperr.Invalid, "notification "+sk,
			fmt.Sprintf("has %d bytes, more than an item has room for (%d; invalid UTF-8 needs it twice)", len(n.Raw), maxBody),
			"it is kept whole in the dead-letter queue")
	}
	refs := voiceRefs(n.TransactionID, n.PipelineID, n.CallID)
	for i, attr := range []string{attrState, attrTime} {
		if i < len(refs) {
			it[attr] = text(refs[i])
		}
	}
	put(it, attrExpiry, s.expiry(n.Time))
	if e, is := voicetask.EntryOf(n); is {
		entries, err := s.entryItems(e)
		return append(entries, it), err
	}
	return []item{it}, nil
}

// voicePK is the partition key that the developer guide's sample makes, which
// says None where an id is absent. The sample has no key for an id that is too long.
func voicePK(n chime.VoiceNotification) string {
	name, id := "taskId", n.TaskID
	if n.Analytics == chime.AnalyticsReady || n.Analytics == chime.AnalyticsUnknown {
		name, id = "transactionId", n.TransactionID
	}
	if id == "" {
		id = "None"
	}
	return name + "#" + keyID(id) + "#notificationType#" + string(n.By) + "#analyticsType#" + string(n.Analytics)
}

// voiceRefs returns the index partitions by which a notification is found, the best first. There
// are two indexes, so the third one is left out: who has a transaction and a pipeline needs no
// callId, which is no identity.
func voiceRefs(transactionID, pipelineID, callID string) []string {
	var refs []string
	for _, ref := range [][2]string{
		{voiceByTransaction, transactionID}, {voiceByPipeline, pipelineID}, {voiceByCall, callID},
	} {
		if ref[1] != "" {
			refs = append(refs, ref[0]+keyID(ref[1]))
		}
	}
	return refs
}

// VoiceOf returns the notifications of a call, oldest first: those that name its transaction, its
// pipeline, which may be empty, or its callId. It reads indexes, which follow the table within
// moments.
func (s *Store) VoiceOf(ctx context.Context, c chime.CallFields, pipelineID string) ([]chime.VoiceNotification, error) {
	var keys []item
	for _, ref := range voiceRefs(c.TransactionID, pipelineID, c.CallID) {
		found, err := s.voiceKeys(ctx, ref)
		if err != nil {
			return nil, err
		}
		keys = append(keys, found...)
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	var notes []chime.VoiceNotification
	for _, it := range items {
		n := readVoice(it)
		if n.TransactionID == "" || c.TransactionID == "" || n.TransactionID == c.TransactionID {
			notes = append(notes, n) // else another call has the same callId
		}
	}
	slices.SortFunc(notes, func(a, b chime.VoiceNotification) int {
		if order := a.Time.Compare(b.Time); order != 0 {
			return order
		}
		return strings.Compare(a.ID+string(a.By), b.ID+string(b.By))
	})
	return notes, nil
}

// voiceKeys returns the keys of the notifications that voiceItems has indexed by ref.
func (s *Store) voiceKeys(ctx context.Context, ref string) ([]item, error) {
	keys, err := s.all(ctx, query{index: byState, pk: ref})
	if err != nil || strings.HasPrefix(ref, voiceByTransaction) { // which always comes first
		return keys, err
	}
	more, err := s.all(ctx, query{index: byTime, pk: ref})
	return append(keys, more...), err
}

// readVoice makes the notification of its item. One whose body cannot be read, because
// another version or another program wrote it, has what its keys say, and hides no other.
func readVoice(it item) chime.VoiceNotification {
	body := []byte(textIn(it, attrBody))
	if raw, ok := it[attrRaw].(*types.AttributeValueMemberB); ok {
		body = raw.Value
	}
	name, id, source, analytics := readVoicePK(textIn(it, attrPK))
	n, err := chime.ParseStoredVoice(body, source)
	if err == nil {
		return n
	}
	at, err := time.Parse(createdLayout, textIn(it, attrCreated))
	if err != nil {
		at = timeIn(it, attrFirst)
	}
	n = chime.VoiceNotification{
		Event: &chime.Event{ID: textIn(it, attrSK), Time: at.UTC(), Raw: body}, By: source, Analytics: analytics,
	}
	switch {
	case id == "None":
	case name == "taskId":
		n.TaskID = id
	default:
		n.TransactionID = id
	}
	return n
}

// readVoicePK is the reverse of voicePK.
func readVoicePK(pk string) (name, id string, source chime.VoiceSource, analytics chime.Analytics) {
	name, rest, _ := strings.Cut(pk, "#")
	id, rest, _ = strings.Cut(rest, "#notificationType#")
	by, of, found := strings.Cut(rest, "#analyticsType#")
	if !found {
		of = string(chime.AnalyticsUnknown)
	}
	return name, id, chime.VoiceSource(by), chime.Analytics(of)
}
