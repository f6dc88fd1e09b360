package stacks

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesis"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// newStream makes the stream with its mapping, and the bucket for records that could not be handled. It is a
// bucket because every other destination receives the position of the record in the stream, and not its bytes
// (Lambda developer guide, "Retain discarded batch records for a Kinesis Data Streams event source").
func (v *VoiceIngest) newStream(scope constructs.Construct, named func(string) *string) {
	v.Stream = awskinesis.NewStream(scope, named("Stream"), &awskinesis.StreamProps{
		StreamMode: awskinesis.StreamMode_ON_DEMAND, Encryption: awskinesis.StreamEncryption_KMS, EncryptionKey: v.Key,
		RetentionPeriod: awscdk.Duration_Hours(jsii.Number(24)),
		// It stores the records of one day at most, and costs money for every hour: it is deleted with its source.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	acknowledge(v.Stream, "The service's policy grants only keys with its tag, which AWS's own key cannot have.",
		"AwsSolutions-KDS3")
	v.newFailureBucket(scope, named)
	v.allowStream()
	var filters []any
	for _, pattern := range eventrule.VoiceStreamFilters() {
		text, err := json.Marshal(pattern)
		if err != nil {
			panic(err) // patterns are data of this program
		}
		filters = append(filters, &awslambda.CfnEventSourceMapping_FilterProperty{Pattern: jsii.String(string(text))})
	}
	v.mapping = awslambda.NewCfnEventSourceMapping(scope, named("StreamMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName: v.props.Function.FunctionName(), EventSourceArn: v.Stream.StreamArn(),
		StartingPosition: jsii.String("TRIM_HORIZON"), BatchSize: jsii.Number(voiceBatch),
		BisectBatchOnFunctionError: jsii.Bool(true), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		MaximumRetryAttempts: jsii.Number(voiceRetries), MaximumRecordAgeInSeconds: jsii.Number(voiceMaxAge),
		// A configuration has one stream for everything: the filters leave transcripts out.
		FilterCriteria: &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{Filters: filters},
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: v.Failures.BucketArn()},
		},
		MetricsConfig: &awslambda.CfnEventSourceMapping_MetricsConfigProperty{Metrics: jsii.Strings("EventCount")},
	})
}

// newFailureBucket makes the bucket for records that were not handled, and another one for its access log. Objects
// expire with the calls.
func (v *VoiceIngest) newFailureBucket(scope constructs.Construct, named func(string) *string) {
	logs := v.newBucket(scope, named("StreamFailuresLog"),
		&awss3.BucketProps{Encryption: awss3.BucketEncryption_S3_MANAGED})
	v.Failures = v.newBucket(scope, named("StreamFailures"), &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: v.Key, BucketKeyEnabled: jsii.Bool(true),
		ServerAccessLogsBucket: logs,
	})
	acknowledge(logs, "S3 cannot write access logs to a bucket with a customer key. They contain no personal data.",
		hipaaAndNIST("S3DefaultEncryptionKMS")...)
}

func (v *VoiceIngest) newBucket(scope constructs.Construct, id *string, props *awss3.BucketProps) awss3.Bucket {
	props.BlockPublicAccess, props.EnforceSSL = awss3.BlockPublicAccess_BLOCK_ALL(), jsii.Bool(true)
	props.RemovalPolicy = removal(v.props.Retain)
	if !v.props.Retain {
		props.AutoDeleteObjects = jsii.Bool(true) // CloudFormation deletes empty buckets only
	}
	if days := v.props.RetentionDays; days > 0 {
		props.LifecycleRules = &[]*awss3.LifecycleRule{{Expiration: awscdk.Duration_Days(&days)}}
	}
	bucket := awss3.NewBucket(scope, id, props)
	acknowledge(bucket, "Old versions and copies would keep personal data for longer than retentionDays; "+
		"the records themselves are copies.", hipaaAndNIST("S3BucketReplicationEnabled", "S3BucketVersioningEnabled")...)
	return bucket
}

// allowStream lets Lambda read the stream for the function, and write what was not handled. The CDK's own mapping
// would let it read and delete there as well.
func (v *VoiceIngest) allowStream() {
	v.allow("ReadVoiceStream", v.Stream.StreamArn(), "kinesis:DescribeStream", "kinesis:DescribeStreamSummary",
		"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards")
	v.allow("FindStreamFailures", v.Failures.BucketArn(), "s3:ListBucket")
	bucket := awscdk.Stack_Of(v.Failures).GetLogicalId(v.Failures.Node().DefaultChild().(awscdk.CfnElement))
	write := statement("KeepStreamFailures", v.Failures.ArnForObjects(jsii.String("*")), "s3:PutObject")
	write.wildcard, write.reason = "<"+*bucket+".Arn>/*", "Lambda chooses the names of the objects that it writes."
	allow(v.props.Function.Role(), write)
	v.allow("EncryptStreamFailures", v.Key.KeyArn(), "kms:GenerateDataKey")
}
