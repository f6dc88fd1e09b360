package chime

import (
	"crypto/sha256"
	"regexp"
	"strings"
)

// ShortID returns an id of up to maxBytes bytes as it is, and for a longer one a text of
// 45 bytes that is the same whenever the id is: a hash of it, in letters only, so that no
// part of it looks like a phone number. RehearsalPrefix stays before it, and does not
// count.
func ShortID(id string, maxBytes int) string {
	plain := strings.TrimPrefix(id, RehearsalPrefix)
	if len(plain) <= maxBytes {
		return id
	}
	return strings.TrimSuffix(id, plain) + "long-" + HashLetters([]byte(plain)) // with RehearsalPrefix, if it has it
}

// HashLetters returns 40 letters that are the same whenever the bytes are.
func HashLetters(of []byte) string {
	sum := sha256.Sum256(of)
	var b strings.Builder
	for _, c := range sum[:20] {
		b.WriteByte('a' + c>>4)
		b.WriteByte('a' + c&15)
	}
	return b.String()
}

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// plainUUID returns a UUID in lower case, as RFC 9562 section 4 has it written; it
// reads the same in any case. Another id is returned as it is: of ids in general,
// those that differ in case are different ones. The forms in braces and as a URN are
// not looked for: neither can stand in an ARN.
func plainUUID(id string) string {
	if uuid.MatchString(id) {
		return strings.ToLower(id)
	}
	return id
}

// inAnyCase finds the pipeline's part of an ARN in another case than the service's.
var inAnyCase = regexp.MustCompile("(?i)" + pipelineResource)

// SplitPipelineARN returns what a pipeline's ARN has before the id, and the id, a UUID
// in lower case. The ARN may be of any partition. A text that is no ARN is its own id.
func SplitPipelineARN(arn string) (before, id string) {
	at := strings.Index(arn, pipelineResource)
	if at < 0 {
		if found := inAnyCase.FindStringIndex(arn); found != nil {
			at = found[0]
		}
	}
	if at >= 0 && len(arn) > at+len(pipelineResource) {
		return arn[:at] + pipelineResource, plainUUID(arn[at+len(pipelineResource):])
	}
	return "", plainUUID(arn)
}
