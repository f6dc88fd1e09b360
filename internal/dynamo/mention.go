package dynamo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// minMention is how long an id or a number must be to be looked for in free text: a shorter one
// may be there by chance.
const minMention = 7

// hidden replaces an id or a number in free text that was erased.
const hidden = "…"

// findMention returns where an id is a word in a text; -1 where it is not.
func findMention(text, id string) int {
	inWord := func(at int) bool {
		if at < 0 || at >= len(text) {
			return false
		}
		c := text[at]
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_'
	}
	for at := 0; len(id) >= minMention; at++ {
		next := strings.Index(text[at:], id)
		if next < 0 {
			break
		}
		if at += next; !inWord(at-1) && !inWord(at+len(id)) {
			return at
		}
	}
	return -1
}

// hideMentions replaces ids in a text.
func hideMentions(text string, ids []string) string {
	for _, id := range ids {
		for at := findMention(text, id); at >= 0; at = findMention(text, id) {
			text = text[:at] + hidden + text[at+len(id):]
		}
	}
	return text
}

// ids returns the ids that are the call's alone, the longest first, so that one
// that is part of another is looked for last.
func (f *finder) ids() []string {
	ids := slices.Concat(f.owned(pipelinePK), f.owned(transactionPK), f.owned(callPK))
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return ids
}

// mentionedIn reports whether a rule match mentions an id of the call.
func (f *finder) mentionedIn(it item) (bool, error) {
	body, err := unpack(it[attrMatchBody])
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(f.ids(), func(id string) bool {
		return findMention(string(body), id) >= 0
	}), nil
}

// numbers returns the call's phone numbers as they are in text: digits that belong together.
func (f *finder) numbers() (list []string) {
	for _, id := range slices.Sorted(maps.Keys(f.pipelines)) {
		for _, st := range f.pipelines[id].proven {
			for _, number := range []string{st.FromNumber, st.ToNumber} {
				list = append(list, strings.FieldsFunc(number, func(r rune) bool { return r < '0' || r > '9' })...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// reasonChange hides the mentions of the call in a reason of an incident, unless it has another by
// now. The reason is free text of the service, and the incident stays.
type reasonChange struct {
	incident item // its key
	up       *update
}

// reasonsThatMention finds the incidents that the call has joined whose reasons
// mention one of its ids or numbers.
func (f *finder) reasonsThatMention(ctx context.Context) error {
	hide := append(f.ids(), f.numbers()...)
	for _, id := range slices.Sorted(maps.Keys(f.incidents)) {
		k, ok := incidentKey(id)
		if !ok {
			continue
		}
		it, err := f.s.get(ctx, k)
		if err != nil {
			return err
		}
		texts := map[string]string{attrReason: textIn(it, attrReason)}
		if it[attrReasons] != nil {
			for _, r := range decodeIncident(it).Reasons {
				texts[attrReasons+"."+r.ID+"."+attrReasonText] = r.Text
			}
		}
		for _, path := range slices.Sorted(maps.Keys(texts)) {
			was := texts[path]
			if is := hideMentions(was, hide); is != was {
				up := &update{}
				up.is(path, text(was))
				up.put(path, text(is))
				f.reasons = append(f.reasons, reasonChange{k, up})
			}
		}
	}
	return nil
}
