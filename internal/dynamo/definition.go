// Package dynamo keeps pipelines, their histories, rule matches and notifications
// in one DynamoDB table. It is the only package that knows keys and expressions.
package dynamo

// IndexDefinition describes one global secondary index. Both keys are strings
// and only keys are projected, so that an update of the item that leaves them
// alone costs the index nothing.
type IndexDefinition struct {
	Name         string
	PartitionKey string
	SortKey      string
}

// TableDefinition describes the one table, for whoever creates it: the CDK
// stack and the local stack. All keys are strings, billing is on demand.
type TableDefinition struct {
	PartitionKey string
	SortKey      string
	// TTLAttribute holds the expiry as a number of epoch seconds.
	TTLAttribute string
	Indexes      []IndexDefinition
}

// Definition returns the table that Store works on. A release may add one index at
// most: DynamoDB refuses an update of a table that creates two (UpdateTable in its
// API reference), and the deployment would fail.
func Definition() TableDefinition {
	return TableDefinition{
		PartitionKey: attrPK,
		SortKey:      attrSK,
		TTLAttribute: attrExpiry,
		Indexes: []IndexDefinition{
			{Name: byTime.name, PartitionKey: byTime.partition, SortKey: attrFirst},
			{Name: byState.name, PartitionKey: byState.partition, SortKey: attrFirst},
		},
	}
}
