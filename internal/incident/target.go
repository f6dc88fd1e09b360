package incident

import "strings"

// The targets of causes: what has to be repaired or raised. They are stored and
// sent, so none is ever renamed.
const (
	// TargetRoleTrust is the trust policy of the resource access role.
	TargetRoleTrust = "role-trust"
	// TargetPassRole is the permission to pass a role to another service.
	TargetPassRole = "pass-role"
	// TargetServiceLinkedRole is the role that a Voice Connector creates
	// pipelines through.
	TargetServiceLinkedRole = "service-linked-role"
	// TargetAccount is the account itself: a Region or a service that is not
	// enabled in it.
	TargetAccount = "account"
	// TargetMediaPipelines is the API that creates pipelines and starts tasks.
	TargetMediaPipelines = "media-pipelines"

	// The services that call analytics calls on the customer's behalf.
	TargetKinesis      = "kinesis"
	TargetKinesisVideo = "kinesisvideo"
	TargetKMS          = "kms"
	TargetLambda       = "lambda"
	TargetS3           = "s3"
	TargetSNS          = "sns"
	TargetSQS          = "sqs"
	TargetTranscribe   = "transcribe"
)

// Targets returns all targets that a cause may have, besides none.
func Targets() []string {
	return []string{
		TargetRoleTrust, TargetPassRole, TargetServiceLinkedRole, TargetAccount, TargetMediaPipelines,
		TargetKinesis, TargetKinesisVideo, TargetKMS, TargetLambda, TargetS3, TargetSNS, TargetSQS,
		TargetTranscribe,
	}
}

// targetOf returns what a text of a class says has to be repaired: the action
// that IAM refused goes before the code, and the code before other words. A
// class with one remedy, whatever the target, has none.
func targetOf(class Class, code Code, t text) string {
	switch class {
	case KeyUnusable:
		return TargetKMS
	case Unknown, NoAudio, IncompatibleMedia, RecordingLength, CreationRefused:
		return ""
	}
	if class == Permissions {
		if target := t.refused(); target != "" {
			return target
		}
	}
	if class == MissingResource && t.says("service-linked role") {
		return TargetServiceLinkedRole
	}
	if code.Class == class && code.Target != "" {
		return code.Target
	}
	return t.service()
}

// refused returns the target of a refusal, of which the text names the action or
// the role.
func (t text) refused() string {
	target := actionTargets[t.actionService]
	switch {
	case t.actionService == "kms": // also where a service-linked role lacks it: the key's policy refuses
		return target
	case t.serviceLinked:
		return TargetServiceLinkedRole
	case t.action == "iam:passrole":
		return TargetPassRole
	case t.action != "":
		return target
	}
	for _, w := range []string{"assume", "assuming", "assumed", "assumerole", "trust"} {
		if t.says(w) {
			return TargetRoleTrust
		}
	}
	return ""
}

// service returns the one service that the text names. KMS goes before others,
// because a key is always used by another service; of any other two, none is
// known to be the cause.
func (t text) service() string {
	named := map[string]bool{}
	before := ""
	for w := range strings.FieldsSeq(t.words) {
		if target := serviceWords[w]; target != "" {
			named[target] = true
		}
		if target := operations[before]; target != "" && w == "operation" {
			named[target] = true
		}
		before = w
	}
	if named[TargetKinesis] && t.says("kinesis video") {
		delete(named, TargetKinesis)
		named[TargetKinesisVideo] = true
	}
	if named[TargetKMS] {
		return TargetKMS
	}
	if len(named) == 1 {
		for target := range named {
			return target
		}
	}
	return ""
}

// serviceWords are the words that name a service: its own names, those of the
// clients in error texts, of the operations that call analytics calls, and of
// the resources that no other service here has.
var serviceWords = map[string]string{
	"chime": TargetMediaPipelines, "chimesdkmediapipelines": TargetMediaPipelines,
	"pipelines":                   TargetMediaPipelines,
	"createmediainsightspipeline": TargetMediaPipelines, "startspeakersearchtask": TargetMediaPipelines,
	"startvoicetoneanalysistask": TargetMediaPipelines,

	"kinesis": TargetKinesis, "amazonkinesis": TargetKinesis, "putrecord": TargetKinesis,
	"putrecords": TargetKinesis,

	"kinesisvideo": TargetKinesisVideo, "amazonkinesisvideo": TargetKinesisVideo, "kvs": TargetKinesisVideo,
	"kinesisvideomedia": TargetKinesisVideo, "amazonkinesisvideomedia": TargetKinesisVideo,
	"kinesisvideoarchivedmedia": TargetKinesisVideo, "amazonkinesisvideoarchivedmedia": TargetKinesisVideo,
	"getdataendpoint": TargetKinesisVideo, "getmedia": TargetKinesisVideo, "listfragments": TargetKinesisVideo,
	"getmediaforfragmentlist": TargetKinesisVideo,

	"kms": TargetKMS, "awskms": TargetKMS, "generatedatakey": TargetKMS, "decrypt": TargetKMS, "encrypt": TargetKMS,

	"lambda": TargetLambda, "awslambda": TargetLambda, "function": TargetLambda,

	"s3": TargetS3, "amazons3": TargetS3, "bucket": TargetS3, "putobject": TargetS3, "uploadpart": TargetS3,
	"createmultipartupload": TargetS3, "completemultipartupload": TargetS3,

	"sns": TargetSNS, "amazonsns": TargetSNS, "topic": TargetSNS,

	"sqs": TargetSQS, "amazonsqs": TargetSQS, "simplequeueservice": TargetSQS, "sendmessage": TargetSQS,
	"queue": TargetSQS,

	"transcribe": TargetTranscribe, "amazontranscribe": TargetTranscribe, "transcribestreaming": TargetTranscribe,
	"amazontranscribestreaming": TargetTranscribe, "startstreamtranscription": TargetTranscribe,
	"startcallanalyticsstreamtranscription": TargetTranscribe,
}

// operations are those whose names are words that texts use otherwise, too.
var operations = map[string]string{"publish": TargetSNS, "invoke": TargetLambda}

// actionTargets are the first parts of IAM's actions.
var actionTargets = map[string]string{
	"sts": TargetRoleTrust, "iam": "", "chime": TargetMediaPipelines, "kinesis": TargetKinesis,
	"kinesisvideo": TargetKinesisVideo,
	"kms":          TargetKMS, "lambda": TargetLambda, "s3": TargetS3, "sns": TargetSNS, "sqs": TargetSQS,
	"transcribe": TargetTranscribe,
}
