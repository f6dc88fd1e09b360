package dynamo

import (
	"strings"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// maxID is how many bytes of an id become part of a key, so that every key is within
// what DynamoDB accepts: 1,024 bytes of a sort key, 2,048 of a partition key. It is the
// same as that of a pipeline's id, which State.ID is.
const maxID = pipeline.MaxIDLength

// keyID returns an id as keys have it: as it is, or, where it is too long, as
// chime.ShortID makes it, so that the whole id leads to the same key. What keyID made
// it returns as it is.
func keyID(id string) string { return chime.ShortID(id, maxID) }

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
