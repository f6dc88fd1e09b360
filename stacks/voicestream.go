package stacks

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskinesis"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/eventrule"
)

// newVoiceStream makes the stream with its mapping, and the bucket for what could
// not be handled. A bucket, because every other destination gets the position of
// what failed in the stream, and not its bytes (Lambda developer guide, "Retain
// discarded batch records for a Kinesis Data Streams event source").
func (w *watchtower) newVoiceStream(f awslambda.Function) error {
	w.voice.stream = awskinesis.NewStream(w.stack, jsii.String("VoiceStream"), &awskinesis.StreamProps{
		StreamMode: awskinesis.StreamMode_ON_DEMAND, Encryption: awskinesis.StreamEncryption_KMS, EncryptionKey: w.voice.key,
		RetentionPeriod: awscdk.Duration_Hours(jsii.Number(24)),
		// It holds a day of records at most, and costs money for every hour: it goes
		// with its source.
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	acknowledge(w.voice.stream, "AwsSolutions-KDS3",
		"The service's policy grants only keys with its tag, which AWS's own key cannot have.")
	w.voice.failures = w.newFailureBucket()
	w.allowStream(f)
	var filters []any
	for _, pattern := range eventrule.VoiceStreamFilters() {
		text, err := json.Marshal(pattern)
		if err != nil {
			return err
		}
		filters = append(filters, &awslambda.CfnEventSourceMapping_FilterProperty{Pattern: jsii.String(string(text))})
	}
	props := &awslambda.CfnEventSourceMappingProps{
		FunctionName: f.FunctionName(), EventSourceArn: w.voice.stream.StreamArn(),
		StartingPosition: jsii.String("TRIM_HORIZON"), BatchSize: jsii.Number(voiceBatch),
		BisectBatchOnFunctionError: jsii.Bool(true), FunctionResponseTypes: jsii.Strings("ReportBatchItemFailures"),
		MaximumRetryAttempts: jsii.Number(voiceRetries), MaximumRecordAgeInSeconds: jsii.Number(voiceMaxAge),
		// A configuration has one stream for everything: transcripts stay outside.
		FilterCriteria: &awslambda.CfnEventSourceMapping_FilterCriteriaProperty{Filters: filters},
		DestinationConfig: &awslambda.CfnEventSourceMapping_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventSourceMapping_OnFailureProperty{Destination: w.voice.failures.BucketArn()},
		},
		MetricsConfig: &awslambda.CfnEventSourceMapping_MetricsConfigProperty{Metrics: jsii.Strings("EventCount")},
	}
	w.voice.mapping = awslambda.NewCfnEventSourceMapping(w.stack, jsii.String("VoiceStreamMapping"), props)
	return nil
}

// newFailureBucket makes the bucket for records that were not handled, with another
// one for the log of who reads them. Objects expire with the calls.
func (w *watchtower) newFailureBucket() awss3.Bucket {
	logs := w.newBucket("VoiceStreamFailuresLog", &awss3.BucketProps{Encryption: awss3.BucketEncryption_S3_MANAGED})
	bucket := w.newBucket("VoiceStreamFailures", &awss3.BucketProps{
		Encryption: awss3.BucketEncryption_KMS, EncryptionKey: w.voice.key, BucketKeyEnabled: jsii.Bool(true),
		ServerAccessLogsBucket: logs,
	})
	for _, rule := range both("S3DefaultEncryptionKMS") {
		acknowledge(logs, rule, "S3 cannot write access logs to a bucket with a customer key. They hold no personal data.")
	}
	return bucket
}

func (w *watchtower) newBucket(id string, props *awss3.BucketProps) awss3.Bucket {
	props.BlockPublicAccess, props.EnforceSSL = awss3.BlockPublicAccess_BLOCK_ALL(), jsii.Bool(true)
	props.RemovalPolicy = w.removal()
	if !w.chosen.Retain {
		props.AutoDeleteObjects = jsii.Bool(true) // CloudFormation deletes empty buckets only
	}
	if days := w.chosen.RetentionDays; days > 0 {
		props.LifecycleRules = &[]*awss3.LifecycleRule{{Expiration: awscdk.Duration_Days(jsii.Number(days))}}
	}
	bucket := awss3.NewBucket(w.stack, jsii.String(id), props)
	for _, rule := range append(both("S3BucketReplicationEnabled"), both("S3BucketVersioningEnabled")...) {
		acknowledge(bucket, rule, "Old versions and copies would keep personal data for longer than retentionDays; "+
			"the records themselves are copies.")
	}
	return bucket
}

// allowStream lets Lambda read the stream for the function, and write what was not
// handled. The CDK's own mapping would let it read and delete there as well.
func (w *watchtower) allowStream(f awslambda.Function) {
	allow(f, "ReadVoiceStream", []string{"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
		"kinesis:GetShardIterator", "kinesis:ListShards"}, w.voice.stream.StreamArn())
	allow(f, "FindStreamFailures", []string{"s3:ListBucket"}, w.voice.failures.BucketArn())
	allow(f, "KeepStreamFailures", []string{"s3:PutObject"}, w.voice.failures.ArnForObjects(jsii.String("*")))
	allow(f, "EncryptStreamFailures", []string{"kms:GenerateDataKey"}, w.voice.key.KeyArn())
	bucket := w.stack.GetLogicalId(w.voice.failures.Node().DefaultChild().(awscdk.CfnElement))
	acknowledge(f.Role(), "AwsSolutions-IAM5", "Lambda chooses the names of the objects that it writes.",
		"Resource::<"+*bucket+".Arn>/*")
}

// allow adds a statement to the role of a function.
func allow(f awslambda.Function, sid string, actions []string, resources ...*string) {
	f.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &resources,
	}))
}
