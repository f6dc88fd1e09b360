package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/store"
)

// newTable makes the table that internal/store defines.
func (w *watchtower) newTable() awsdynamodb.Table {
	definition := store.Definition()
	key := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
	}
	removal := awscdk.RemovalPolicy_DESTROY
	if w.chosen.Retain {
		removal = awscdk.RemovalPolicy_RETAIN
	}
	table := awsdynamodb.NewTable(w.stack, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:                     key(definition.PartitionKey),
		SortKey:                          key(definition.SortKey),
		TimeToLiveAttribute:              jsii.String(definition.TTLAttribute),
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:                       awsdynamodb.TableEncryption_AWS_MANAGED,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		DeletionProtection:               jsii.Bool(w.chosen.Retain),
		RemovalPolicy:                    removal,
	})
	for _, index := range definition.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName: jsii.String(index.Name), PartitionKey: key(index.PartitionKey), SortKey: key(index.SortKey),
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return table
}
