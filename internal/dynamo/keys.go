package dynamo

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// keyID returns an id as keys have it: as it is, or, where it is too long, as
// chime.ShortID makes it, so that the whole id leads to the same key, and that every key is
// within the limits of DynamoDB: 1,024 bytes for a sort key, 2,048 for a partition key. What
// keyID made it returns as it is.
func keyID(id string) string { return chime.ShortID(id, pipeline.MaxIDLength) }

// transactionKey, callKey and pipelineKey return the partitions of what belongs to an
// id, which may be whole or as keyID made it.
func transactionKey(id string) string { return transactionPK + keyID(id) }
func callKey(id string) string        { return callPK + keyID(id) }
func pipelineKey(id string) string    { return pipelinePK + keyID(id) }

// callIn returns the id that transactionKey, or else callKey, made a partition of.
func callIn(pk string) (transactionID, callID string) {
	if id, ok := strings.CutPrefix(pk, transactionPK); ok {
		return id, ""
	}
	return "", strings.TrimPrefix(pk, callPK)
}

// maxRuleName is how many bytes the name of a rule may have: the sort key of a
// notification has it, and up to 400 bytes of a call's id.
const maxRuleName = 500

// callPartitions returns the partitions of a call: that of its transaction first.
func callPartitions(c chime.CallFields) []string {
	var list []string
	if c.TransactionID != "" {
		list = append(list, transactionKey(c.TransactionID))
	}
	if c.CallID != "" {
		list = append(list, callKey(c.CallID))
	}
	return list
}
