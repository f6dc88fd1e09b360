package incident_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/pipeline"
)

// neutral are words of errors that say nothing about a cause.
var neutral = []string{"", "The request failed.", "See the documentation",
	"the call analytics pipeline could not go on", "Try again later."}

// wrapper draws the text that a client, a service or a log makes of an error code.
// It names services, operations, request ids and ARNs of its own.
func wrapper(t *rapid.T, code string) string {
	one := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	message := one("message", neutral...)
	service := one("service", "S3", "Kinesis", "Kinesis Video", "Transcribe Streaming", "SNS", "SQS", "Lambda", "KMS",
		"AmazonS3")
	operation := one("operation", "PutObject", "PutRecord", "GetMedia", "StartStreamTranscription", "Publish",
		"SendMessage", "Invoke", "Decrypt")
	id := one("id", "7cbd6c92-768d-43f6-9f0d-c8dbcee6d1d5", "W6QK0XXX", "AccessDenied", "slowdown", "NoSuchBucket=")
	arn := one("arn", "arn:aws:s3:::access-denied-logs/x", "arn:aws:iam::111122223333:role/ThrottlingException",
		"arn:aws:kinesis:us-east-1:111122223333:stream/NoSuchBucket")
	status := one("status", "400", "403", "404", "429", "500")
	return rapid.SampledFrom([]func() string{
		func() string { return code },
		func() string { return code + ": " + message },
		func() string { return "[" + code + "] " + message },
		func() string { return message + " (" + code + ")" },
		func() string { return "Error code: " + code + "; resource: " + arn },
		func() string { return "error '" + code + "' from " + service },
		func() string { return `"` + code + `"` },
		func() string { return "com.amazonaws.coral.service#" + code },
		func() string { return "software.amazon.awssdk.services.model." + code + ": " + message },
		func() string {
			return fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", code, operation, message)
		},
		func() string {
			return fmt.Sprintf("An error occurred (%s) when calling the %s operation (reached max retries: 4): %s %s",
				code, operation, message, arn)
		},
		func() string {
			return fmt.Sprintf("operation error %s: %s, https response error StatusCode: %s, RequestID: %s, "+
				"HostID: %s, api error %s: %s",
				service, operation, status, id, id, code, message)
		},
		func() string {
			return fmt.Sprintf("%s (Service: %s; Status Code: %s; Error Code: %s; Request ID: %s; S3 Extended "+
				"Request ID: %s; Proxy: null)",
				message, service, status, code, id, id)
		},
		func() string { return fmt.Sprintf(`{"__type":"com.amazonaws.coral#%s","message":"%s"}`, code, message) },
		func() string { return fmt.Sprintf(`{"code":"%s","resource":"%s","requestId":"%s"}`, code, arn, id) },
		func() string {
			return fmt.Sprintf(`{"statusCode":%s,"body":"{\"Error\":{\"Code\":\"%s\",\"BucketName\":\"deleted\"}}"}`,
				status, code)
		},
		func() string {
			return fmt.Sprintf(`{'Error': {'Code': '%s', 'Message': '%s', 'Queue': 'quota'}}`, code, message)
		},
		func() string {
			return fmt.Sprintf("<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>%s</Message><Key>not "+
				"found</Key><Resource>/deleted</Resource>"+
				"<RequestId>%s</RequestId></Error>", code, message, id)
		},
		func() string {
			return fmt.Sprintf(`<ErrorResponse `+
				`xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>%s</Code></Error>`+
				`<RequestId>%s</RequestId></ErrorResponse>`, code, id)
		},
		// A wrapper that has a code itself, which says less.
		func() string { return "BadRequestException: " + message + " Caused by: " + code },
		func() string { return code + ": " + message + " (InternalFailure)" },
	}).Draw(t, "form")()
}

// otherwise draws another way to write a text: other letters, other white space.
func otherwise(t *rapid.T, text string) string {
	text = rapid.SampledFrom([]func(string) string{
		func(s string) string { return s }, strings.ToUpper, strings.ToLower,
	}).Draw(t, "letters")(text)
	return strings.ReplaceAll(text, " ", rapid.SampledFrom([]string{" ", "  ", "\n", "\t ", "\u00a0"}).Draw(t, "space"))
}

// The class of a code does not depend on what a client or a log writes around it.
func TestClassOfCodeInAnyForm(t *testing.T) {
	var known []errorCode
	for _, e := range errorCodes(t) {
		if e.code != "" && e.text == "" && e.want.Class != incident.Unknown {
			known = append(known, e)
		}
	}
	generic := map[string]bool{}
	for _, c := range incident.Codes() {
		generic[strings.TrimSuffix(strings.TrimSuffix(c.Name, "Exception"), "Error")] = c.Generic
	}
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(known).Draw(t, "code")
		text := otherwise(t, wrapper(t, e.code))
		got := incident.CauseOfText(text)
		bare := strings.TrimSuffix(strings.TrimSuffix(e.code, "Exception"), "Error")
		if generic[bare] && (strings.Contains(strings.ToLower(text), "badrequest") ||
			strings.Contains(strings.ToLower(text), "internalfailure")) {
			return // two codes of which none says more
		}
		if got.Class != e.want.Class {
			t.Fatalf("%q: got %v, want %v", text, got, e.want)
		}
		if e.want.Target != "" && got.Target != e.want.Target {
			t.Fatalf("%q: got target %q, want %q", text, got.Target, e.want.Target)
		}
	})
}

// decoy draws a text about a thing whose name is a code or a word of a class.
func decoy(t *rapid.T) string {
	codes := rapid.SampledFrom(incident.Codes())
	code := rapid.Map(codes, func(c incident.Code) string { return c.Name })
	ended := rapid.Map(codes, func(c incident.Code) string { return c.Name + "Exception" })
	role := rapid.Map(codes, func(c incident.Code) string { return c.Name + "ExceptionRole" })
	words := rapid.Map(rapid.SampledFrom(incident.Phrases()), func(p incident.Phrase) string {
		return strings.ReplaceAll(strings.ReplaceAll(p.Phrase, "'", ""), " ", "-") + "-logs"
	})
	// Without quotation marks or an address, a name that is a code to the letter is one.
	form := rapid.SampledFrom([]string{"bucket %s", "the role %s", "stream %s under account", "%s", "(%s)"})
	name := rapid.OneOf(role, words)
	if rapid.Bool().Draw(t, "marked") {
		form = rapid.SampledFrom([]string{
			"arn:aws:iam::111122223333:role/%s", "arn:aws:s3:::%s/recordings",
			"(arn:aws:sqs:us-east-1:111122223333:%s)",
			"https://example.com/%s?x=1", "s3://%s/x", `"%s"`, "'%s'", "`%s`", "bucket '%s'", `"bucketName": "%s"`,
			`<Resource>/%s</Resource>`, `<BucketName>%s</BucketName>`, "Request ID: %s", "RequestId=%s",
			"/%s/recordings", "/%s",
			"%s.s3.amazonaws.com", "logs.%s", "queue named '%s'", "topic '%s of access denied'",
		})
		name = rapid.OneOf(code, ended, role, words)
	}
	return fmt.Sprintf(form.Draw(t, "thing"), name.Draw(t, "name"))
}

// What things are named says nothing about the cause.
func TestNamesDoNotDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		thing := decoy(t)
		text := otherwise(t, "The pipeline could not write to "+thing+" at once")
		if got := incident.CauseOfText(text); got != (incident.Cause{Class: incident.Unknown}) {
			t.Fatalf("%q: got %v, want unknown", text, got)
		}
		text = otherwise(t, "ThrottledClientException: could not write to "+thing+" at once")
		want := incident.Cause{Class: incident.Throttled, Target: incident.TargetMediaPipelines}
		if got := incident.CauseOfText(text); got != want {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}

// A code of a table goes before the words of any phrase, unless it is generic:
// then the words say more.
func TestCodesBeforeWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(incident.Codes()).Draw(t, "code")
		phrase := rapid.SampledFrom(incident.Phrases()).Draw(t, "phrase")
		ended := code.Name
		if !strings.HasSuffix(ended, "Exception") && !strings.HasSuffix(ended, "Error") {
			ended += "Exception"
		}
		want := code.Class
		if code.Generic {
			want = phrase.Class
		}
		text := otherwise(t, rapid.SampledFrom([]string{ended + ": " + phrase.Phrase, phrase.Phrase + " (" + ended +
			")"}).Draw(t, "order"))
		if got := incident.CauseOfText(text).Class; got != want {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
	})
}

// Of two codes, one that says what has to be repaired goes before one that does
// not, and that before a generic one; of two alike, the later one, which is the
// cause of the other.
func TestMoreSpecificCodeWins(t *testing.T) {
	rank := func(c incident.Code) int {
		switch {
		case c.Generic:
			return 0
		case c.Target == "":
			return 1
		}
		return 2
	}
	rapid.Check(t, func(t *rapid.T) {
		outer := rapid.SampledFrom(incident.Codes()).Draw(t, "outer")
		inner := rapid.SampledFrom(incident.Codes()).Draw(t, "inner")
		want := inner
		if rank(outer) > rank(inner) {
			want = outer
		}
		text := fmt.Sprintf("%sException: Caused by: %sException: x", strings.TrimSuffix(outer.Name, "Exception"),
			strings.TrimSuffix(inner.Name, "Exception"))
		if got := incident.CauseOfText(text).Class; got != want.Class {
			t.Fatalf("%q: got %s, want %s", text, got, want.Class)
		}
	})
}

// No text makes the classifier panic, and every answer is a class and a target of
// the lists.
func TestAnyTextHasACause(t *testing.T) {
	known := map[string]bool{"": true}
	for _, c := range incident.Classes() {
		known[string(c)] = true
	}
	for _, target := range incident.Targets() {
		known[target] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		st := pipeline.State{
			Status: rapid.SampledFrom([]pipeline.Status{pipeline.Failed, pipeline.CreateFailed}).Draw(t, "status"),
			Failure: &pipeline.Failure{
				Reason:         rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>{}"':=/#.a-z_ ]*`)).Draw(t, "reason"),
				HTTPStatusCode: rapid.StringMatching(`[1-6]?[0-9]{0,2}`).Draw(t, "code"),
			},
			Elements: []chime.Element{{Status: chime.StatusFailed, StatusDetail: rapid.String().Draw(t, "detail")}},
		}
		got := incident.CauseOfState(st)
		if got.Class == "" || !known[string(got.Class)] || !known[got.Target] {
			t.Fatalf("got %v", got)
		}
		if again := incident.CauseOfState(st); again != got {
			t.Fatalf("got %v, and then %v", got, again)
		}
	})
}
