package chime_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// isShortened reports whether ShortID made an id of a longer one.
func isShortened(id string) bool {
	hash, ok := strings.CutPrefix(strings.TrimPrefix(id, chime.RehearsalPrefix), "long-")
	return ok && len(hash) == 40 && strings.Trim(hash, "abcdefghijklmnop") == ""
}

func TestShortID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(45, 300).Draw(t, "most")
		id := strings.Repeat(rapid.StringMatching(`[0-9a-z+é-]{1,9}`).Draw(t, "part"), rapid.IntRange(1, 60).Draw(t, "times"))
		prefix := rapid.SampledFrom([]string{"", chime.RehearsalPrefix}).Draw(t, "prefix")
		got := chime.ShortID(prefix+id, most)
		rest, kept := strings.CutPrefix(got, prefix)
		switch {
		case len(id) <= most && got != prefix+id:
			t.Fatalf("%d bytes: got %q, want it as it is", len(id), got)
		case !kept || len(rest) > most:
			t.Fatalf("got %q of %d bytes, want it to begin with %q and have at most %d more", got, len(got), prefix, most)
		case len(id) > most && (!isShortened(got) || redact.Text(got) != got):
			t.Fatalf("got %q, want it to say that it stands for another and to hold no number", got)
		case chime.ShortID(got, most) != got:
			t.Fatalf("got %q of itself", chime.ShortID(got, most))
		case len(id) > most && chime.ShortID(prefix+id+"x", most) == got:
			t.Fatal("got the same of another id")
		}
	})
}

func TestSplitPipelineARN(t *testing.T) {
	const id = "0c3b5c0e-7f3a-4f0e-9c1d-2b7a5d1e8f90"
	upper := strings.ToUpper(id)
	for _, tt := range []struct{ arn, before, id string }{
		{"arn:aws:chime:us-east-1:111122223333:media-pipeline/" + id, "arn:aws:chime:us-east-1:111122223333:media-pipeline/",
			id},
		{"arn:aws:chime:us-east-1:111122223333:media-pipeline/" + upper,
			"arn:aws:chime:us-east-1:111122223333:media-pipeline/", id},
		{"ARN:AWS:CHIME:US-EAST-1:111122223333:MEDIA-PIPELINE/" + upper,
			"ARN:AWS:CHIME:US-EAST-1:111122223333:media-pipeline/", id},
		{"arn:aws-cn:chime:cn-north-1:111122223333:media-pipeline/" + id,
			"arn:aws-cn:chime:cn-north-1:111122223333:media-pipeline/", id},
		{"arn:aws-us-gov:chime:us-gov-west-1:111122223333:media-pipeline/" + id,
			"arn:aws-us-gov:chime:us-gov-west-1:111122223333:media-pipeline/", id},
		{upper, "", id},
		{"Case-Counts", "", "Case-Counts"},
		{"arn:aws:chime:us-east-1:111122223333:media-pipeline/", "", "arn:aws:chime:us-east-1:111122223333:media-pipeline/"},
	} {
		if before, got := chime.SplitPipelineARN(tt.arn); before != tt.before || got != tt.id {
			t.Errorf("%s: got %q and %q, want %q and %q", tt.arn, before, got, tt.before, tt.id)
		}
	}
}

// An account is twelve digits, however it is written.
func TestAccount(t *testing.T) {
	for form, want := range map[string]string{
		`"111122223333"`: "111122223333", `111122223333`: "111122223333", `1.11122223333e11`: "111122223333",
		`111122223333.0`: "111122223333",
		`11122223333`:    "011122223333", `"11122223333"`: "011122223333", `"1111-2222-3333"`: "111122223333",
		`"an account"`: "an account", `null`: "", `{}`: "",
	} {
		raw := fmt.Appendf(nil, `{"id":"e","detail-type":"x","time":"2026-03-11T08:15:04Z","account":%s}`, form)
		if got := parsed(t, raw).Account; got != want {
			t.Errorf("%s: got %q, want %q", form, got, want)
		}
	}
}

// An event id that is too long for a key is kept short, and still is its own.
func TestLongEventID(t *testing.T) {
	id := func(n int, source string) string {
		return parsed(t,
			fmt.Appendf(nil, `{"id":%q,"detail-type":"x","source":%q,"time":"2026-03-11T08:15:04Z"}`, strings.Repeat("i", n),
				source)).ID
	}
	if got := id(256, "aws.chime"); got != strings.Repeat("i", 256) {
		t.Errorf("got %q, want 256 bytes as they are", got)
	}
	long, longer, rehearsed := id(257, "aws.chime"), id(100_000, "aws.chime"), id(257, chime.RehearsalSource)
	if !isShortened(long) || !isShortened(longer) || long == longer || rehearsed != chime.RehearsalPrefix+long {
		t.Errorf("got %q, %q and %q", long, longer, rehearsed)
	}
}

func TestAsUnknown(t *testing.T) {
	const pipelineARN = "arn:aws:chime:us-east-1:111122223333:media-pipeline/p"
	raw := func(kind, detail string) []byte {
		return fmt.Appendf(nil, `{"id":"e","detail-type":%q,"source":"aws.chime","time":"2026-03-11T08:15:04Z","detail":%s}`,
			kind, detail)
	}
	const failing = `{"eventType":"chime:MediaInsightsPermanentFailure","failureReason":"x","mediaInsightsPipelineArn":"` +
		pipelineARN + `","transactionId":"t",` +
		`"mediaInsightsPipelineElementStatuses":[{"type":"S3RecordingSink","status":"Failed"}]}`
	for _, kind := range []string{chime.DetailCallInsightsState, chime.DetailCallInsightsRules,
		chime.DetailStreamingStatus, "Chime Novelty"} {
		ev, ok := chime.AsUnknown(parsed(t, raw(kind, failing)))
		if !ok {
			t.Fatalf("%s: got nothing", kind)
		}
		sc := ev.StateChange
		if sc.EventType != kind || sc.PipelineARN != pipelineARN || sc.TransactionID != "t" || len(sc.Elements) != 0 ||
			sc.FailureReason != "" || len(sc.Metadata) != 3 || ev.ID != "e" {
			t.Errorf("%s: got %+v, want its ids, and all else as metadata", kind, sc)
		}
	}
	for _, detail := range []string{`null`, `[]`, `"x"`, `{}`, `{"mediaInsightsPipelineArn":7}`} {
		if ev, ok := chime.AsUnknown(parsed(t, raw("Chime Novelty", detail))); !ok || ev.StateChange.PipelineARN != "" {
			t.Errorf("%s: got %+v, %v, want an event that names nothing", detail, ev, ok)
		}
	}
	rehearsed := strings.Replace(string(raw("Chime Novelty", failing)), `"aws.chime"`, `"`+chime.RehearsalSource+`"`, 1)
	if ev, _ := chime.AsUnknown(parsed(t, []byte(rehearsed))); ev.StateChange.TransactionID != "rehearsal-t" ||
		!strings.HasSuffix(ev.StateChange.PipelineARN, "/rehearsal-p") {
		t.Errorf("rehearsed: got %+v, want ids of a rehearsal", ev.StateChange)
	}
	if _, ok := chime.AsUnknown(parsed(t, raw(chime.DetailStateChange, failing))); ok {
		t.Error("a state change is no unknown event")
	}
}
