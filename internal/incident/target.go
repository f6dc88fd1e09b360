package incident

import (
	"cmp"
	"slices"
	"strings"
)

// The targets of causes: what has to be repaired or raised. They are stored and
// sent, so none is ever renamed.
const (
	TargetRoleTrust         = "role-trust"          // the trust policy of the resource access role
	TargetPassRole          = "pass-role"           // the permission to pass a role to another service
	TargetServiceLinkedRole = "service-linked-role" // through which a Voice Connector creates pipelines
	TargetAccount           = "account"             // a Region or a service that is not enabled in it
	TargetMediaPipelines    = "media-pipelines"     // the API that creates pipelines and starts tasks

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

// targetOf returns what a text of a class says has to be repaired: the action
// that IAM refused goes before the code, and the code before other words. A
// class with one remedy, whatever the target, has none.
func targetOf(class Class, code Code, t text) string {
	switch class {
	case KeyUnusable:
		return TargetKMS
	case Unknown, NoAudio, IncompatibleMedia, RecordingLength, CreationRefused:
		return ""
	case Permissions:
		return cmp.Or(t.refused(), code.Target, t.service())
	case MissingResource:
		if t.says("service-linked role") {
			return TargetServiceLinkedRole
		}
	}
	return cmp.Or(code.Target, t.service())
}

// refused returns the target of a refusal, of which the text names the action or
// the role.
func (t text) refused() string {
	service, _, _ := strings.Cut(t.action, ":")
	target := actionTargets[service]
	switch {
	case service == "kms": // also where a service-linked role lacks it: the key's policy refuses
		return target
	case t.serviceLinked:
		return TargetServiceLinkedRole
	case t.action == "iam:passrole":
		return TargetPassRole
	case t.action != "":
		return target
	}
	if slices.ContainsFunc([]string{"assume", "assuming", "assumed", "assumerole", "trust"}, t.says) {
		return TargetRoleTrust
	}
	return ""
}

// service returns the one service that the text names. KMS goes before others, because a
// key is always used by another service; of any other two, none is known to be the cause.
func (t text) service() string {
	named := map[string]bool{}
	for w := range strings.FieldsSeq(t.words) {
		if target := serviceWords[w]; target != "" {
			named[target] = true
		}
	}
	for name, target := range operations {
		if t.says(name + " operation") {
			named[target] = true
		}
	}
	if named[TargetKinesis] && t.says("kinesis video") {
		delete(named, TargetKinesis)
		named[TargetKinesisVideo] = true
	}
	if named[TargetKMS] {
		return TargetKMS
	}
	if len(named) > 1 {
		return ""
	}
	for target := range named {
		return target
	}
	return ""
}

// services are the services of AWS that a text may name: by the first part of IAM's
// actions, which is a name of the service as well, and by words: other names of it, those
// of the clients in error texts, of the operations that call analytics calls, and of the
// resources that no other service here has.
var services = []struct{ target, action, words string }{
	{TargetMediaPipelines, "chime", `chimesdkmediapipelines pipelines createmediainsightspipeline
		startspeakersearchtask startvoicetoneanalysistask`},
	{TargetKinesis, "kinesis", "amazonkinesis putrecord putrecords"},
	{TargetKinesisVideo, "kinesisvideo", `amazonkinesisvideo kvs kinesisvideomedia amazonkinesisvideomedia
		kinesisvideoarchivedmedia amazonkinesisvideoarchivedmedia getdataendpoint getmedia listfragments
		getmediaforfragmentlist`},
	{TargetKMS, "kms", "awskms generatedatakey decrypt encrypt"},
	{TargetLambda, "lambda", "awslambda function"},
	{TargetS3, "s3", "amazons3 bucket putobject uploadpart createmultipartupload completemultipartupload"},
	{TargetSNS, "sns", "amazonsns topic"},
	{TargetSQS, "sqs", "amazonsqs simplequeueservice sendmessage queue"},
	{TargetTranscribe, "transcribe", `amazontranscribe transcribestreaming amazontranscribestreaming
		startstreamtranscription startcallanalyticsstreamtranscription`},
}

// operations are those whose names are words that texts use otherwise, too.
var operations = map[string]string{"publish": TargetSNS, "invoke": TargetLambda}

// actionTargets and serviceWords have the target of each first part of an action, and of
// each word that names a service.
var actionTargets, serviceWords = func() (actions, words map[string]string) {
	actions, words = map[string]string{"sts": TargetRoleTrust, "iam": ""}, map[string]string{}
	for _, s := range services {
		actions[s.action], words[s.action] = s.target, s.target
		for word := range strings.FieldsSeq(s.words) {
			words[word] = s.target
		}
	}
	return actions, words
}()
