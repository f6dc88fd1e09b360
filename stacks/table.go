package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// recoveryDays is how far back the table can be restored at most: as far as
// DynamoDB can.
const recoveryDays = 35

// newTable makes the table that internal/dynamo defines, or takes the one of an
// earlier stack.
func (w *watchtower) newTable() awsdynamodb.ITable {
	if w.chosen.TableName != "" {
		return awsdynamodb.Table_FromTableName(w.stack, jsii.String("Table"), jsii.String(w.chosen.TableName))
	}
	definition := dynamo.Definition()
	key := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	table := awsdynamodb.NewTable(w.stack, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:        key(definition.PartitionKey),
		SortKey:             key(definition.SortKey),
		TimeToLiveAttribute: jsii.String(definition.TTLAttribute),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: jsii.Bool(true), RecoveryPeriodInDays: jsii.Number(w.atMost(recoveryDays)),
		},
		DeletionProtection: jsii.Bool(w.chosen.Retain),
		RemovalPolicy:      w.removal(),
	})
	for _, index := range definition.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(index.Name), PartitionKey: key(index.PartitionKey), SortKey: key(index.SortKey),
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return table
}
