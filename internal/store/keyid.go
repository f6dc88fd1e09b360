package store

import (
	"crypto/sha256"
	"strings"
)

// keyID returns an id as it stands in a key: as it is, or where it has more than maxID
// bytes, a text of 45 bytes that is the same whenever the id is: a hash of it, in
// letters only, so that no part of it looks like a phone number. The item has the whole
// id in an attribute.
func keyID(id string) string {
	if len(id) <= maxID {
		return id
	}
	return "long-" + hashText([]byte(id))
}

// hashText returns 40 letters that are the same whenever the bytes are.
func hashText(of []byte) string {
	sum := sha256.Sum256(of)
	var b strings.Builder
	for _, c := range sum[:20] {
		b.WriteByte('a' + c>>4)
		b.WriteByte('a' + c&15)
	}
	return b.String()
}
