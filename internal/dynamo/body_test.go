package dynamo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// What an older version packed can be unpacked as long as the dictionary is the same.
func TestPackDictionaryStaysTheSame(t *testing.T) {
	sum := sha256.Sum256(dynamo.PackDictionary)
	const want = "2d39b106cf18ffa7a558aafba8e398ccfc7596cef33c557fa12bdd9f54033192"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("got a dictionary with the hash %s, want %s: add a format instead", got, want)
	}
}
