//go:build unix

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/schemas"
)

// TestValidateAgreesWithTheBus compares the rules and functions that events validate names
// for every example with those that ran when it was sent.
func TestValidateAgreesWithTheBus(t *testing.T) {
	t.Parallel()
	s := startLocal(t, t.TempDir())
	files := []string{}
	dir := t.TempDir()
	for _, e := range schemas.Examples() {
		file := filepath.Join(dir, e.Name)
		if err := os.WriteFile(file, e.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	validated := chimewatch(t, append([]string{"events", "validate", "--output", "json"}, files...)...)
	var verdicts []struct {
		File             string
		Problems         []any
		Rules, Functions []string
	}
	decode(t, validated.stdout, &verdicts)
	if validated.code != 0 || len(verdicts) != len(files) {
		t.Fatalf("events validate: got exit code %d, %q and %d verdicts, want 0 and %d",
			validated.code, validated.stderr, len(verdicts), len(files))
	}
	client := busClient(s)
	before := s.drained(t)
	for i, e := range schemas.Examples() {
		var entry types.PutEventsRequestEntry
		if err := json.Unmarshal([]byte(strings.Trim(entryOf(t, e.Name, ""), "[]")), &entry); err != nil {
			t.Fatal(err)
		}
		out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
		if err != nil || out.FailedEntryCount != 0 {
			t.Fatalf("%s: got %+v and %v, want it accepted", e.Name, out, err)
		}
		after := s.drained(t)
		ranRules, ranFunctions := differences(before, after)
		verdict := verdicts[i]
		slices.Sort(verdict.Rules)
		slices.Sort(verdict.Functions)
		if len(verdict.Problems) > 0 || verdict.File != files[i] {
			t.Errorf("%s: got the verdict %+v, want no problems", e.Name, verdict)
		}
		if diff := cmp.Diff(ranRules, verdict.Rules); diff != "" {
			t.Errorf("%s: rules (-matched +validated):\n%s", e.Name, diff)
		}
		if ev, err := chime.Parse(e.Body); err == nil && ev.Voice != nil {
			ranFunctions = append(ranFunctions, "voice") // by its own sources, not from the bus
		}
		if diff := cmp.Diff(ranFunctions, verdict.Functions); diff != "" {
			t.Errorf("%s: functions (-ran +validated):\n%s", e.Name, diff)
		}
		before = after
	}
}

// differences returns the rules that matched and the functions that ran between two times,
// each as often as it did. It leaves out the watch, which runs by the clock.
func differences(before, after local.Status) (rules, functions []string) {
	rules, functions = []string{}, []string{}
	for _, name := range slices.Sorted(maps.Keys(after.Rules)) {
		rules = append(rules, slices.Repeat([]string{name}, after.Rules[name]-before.Rules[name])...)
	}
	for _, name := range slices.Sorted(maps.Keys(after.Functions)) {
		if name != "watch" {
			ran := after.Functions[name].Invocations - before.Functions[name].Invocations
			functions = append(functions, slices.Repeat([]string{name}, ran)...)
		}
	}
	return rules, functions
}

func busClient(s *localStack) *eventbridge.Client {
	return eventbridge.NewFromConfig(aws.Config{
		BaseEndpoint: aws.String(s.endpoint), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// TestPutEventsRefusesLikeEventBridge sends requests that EventBridge refuses. The codes are
// those of the API reference (PutEvents, PutEventsResultEntry).
func TestPutEventsRefusesLikeEventBridge(t *testing.T) {
	t.Parallel()
	s := startLocal(t, t.TempDir())
	client := busClient(s)
	entry := func(change func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
		e := types.PutEventsRequestEntry{Source: aws.String("test"), DetailType: aws.String("Any"), Detail: aws.String(`{}`)}
		change(&e)
		return e
	}
	keep := func(*types.PutEventsRequestEntry) {}
	const mebibyte = 1 << 20

	t.Run("an entry of several", func(t *testing.T) {
		type request = types.PutEventsRequestEntry
		for _, test := range []struct {
			name, code string
			change     func(*request)
		}{
			{"detail that is not JSON", "MalformedDetail", func(e *request) { e.Detail = aws.String(`{"a":`) }},
			{"detail that is no object", "MalformedDetail", func(e *request) { e.Detail = aws.String(`[]`) }},
			{"no detail", "InvalidArgument", func(e *request) { e.Detail = nil }},
			{"no source", "InvalidArgument", func(e *request) { e.Source = nil }},
			{"no detail type", "InvalidArgument", func(e *request) { e.DetailType = nil }},
			{"source of another service", "NotAuthorizedForSourceException",
				func(e *request) { e.Source = aws.String("aws.s3") }},
		} {
			out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{
				Entries: []request{entry(keep), entry(test.change), entry(keep)},
			})
			if err != nil || len(out.Entries) != 3 {
				t.Fatalf("%s: got %+v and %v, want an answer for each of the three", test.name, out, err)
			}
			refused := out.Entries[1]
			if out.FailedEntryCount != 1 || refused.EventId != nil || aws.ToString(refused.ErrorMessage) == "" ||
				out.Entries[0].EventId == nil || out.Entries[2].EventId == nil {
				t.Errorf("%s: got %d failed, want one, and the others accepted", test.name, out.FailedEntryCount)
			}
			if code := aws.ToString(refused.ErrorCode); code != test.code {
				t.Errorf("%s: got the code %s, want %s", test.name, code, test.code)
			}
		}
	})

	t.Run("the whole request", func(t *testing.T) {
		before := s.drained(t).Events
		for _, test := range []struct {
			name    string
			entries []types.PutEventsRequestEntry
		}{
			{"eleven entries", slices.Repeat([]types.PutEventsRequestEntry{entry(keep)}, 11)},
			{"more than a mebibyte", []types.PutEventsRequestEntry{entry(func(e *types.PutEventsRequestEntry) {
				e.Detail = aws.String(fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", mebibyte)))
			})}},
		} {
			_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: test.entries})
			var refusal smithy.APIError
			var response interface{ HTTPStatusCode() int }
			if !errors.As(err, &refusal) || refusal.ErrorCode() != "ValidationException" ||
				!errors.As(err, &response) || response.HTTPStatusCode() != http.StatusBadRequest {
				t.Errorf("%s: got %v, want a ValidationException with status 400", test.name, err)
			}
		}
		if after := s.drained(t).Events; after != before {
			t.Errorf("got %d events on the bus, want none of what was refused", after-before)
		}
	})

	t.Run("almost a mebibyte", func(t *testing.T) {
		long := strings.Repeat("a", mebibyte-4096)
		event := entryOf(t, "created", "")
		var e types.PutEventsRequestEntry
		if err := json.Unmarshal([]byte(strings.Trim(event, "[]")), &e); err != nil {
			t.Fatal(err)
		}
		e.Detail = aws.String(strings.Replace(*e.Detail, "{", `{"long":"`+long+`",`, 1))
		out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{e}})
		if err != nil || out.FailedEntryCount != 0 {
			t.Fatalf("got %+v and %v, want it accepted", out, err)
		}
		s.drained(t)
		metadata, _ := s.show(t, "7000e34a-8af3-4cdc-9efe-a55b725ded40")["metadata"].(map[string]any)
		if metadata["long"] != long {
			t.Errorf("got %d members of metadata, want the long one whole", len(metadata))
		}
	})
}
