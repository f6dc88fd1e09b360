package sns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/local/journal"
	localsns "github.com/chimewatch/chimewatch/internal/local/sns"
)

// member is an entry of a message of the structure json.
type member struct{ key, value string }

// A message of the structure json is refused where an entry is there twice or default is
// not a string. Any other has a body for each entry that is a string.
func TestMessageStructure(t *testing.T) {
	client, service := serve(t, nil)
	quoted := func(s string) string { text, _ := json.Marshal(s); return string(text) }
	value := rapid.OneOf(
		rapid.Map(rapid.StringMatching(`[ -~ä✓]{0,12}`), quoted),
		rapid.SampledFrom([]string{"1", "true", "null", `{"default":"inner"}`, `["a"]`}),
	)
	entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) member {
		return member{rapid.SampledFrom([]string{"default", "default", "email", "sms", "https", "ns:o", ""}).Draw(t, "key"),
			value.Draw(t, "value")}
	}), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		members := entries.Draw(t, "entries")
		want, twice, parts := map[string]string{}, false, []string{}
		seen := map[string]bool{}
		for _, m := range members {
			parts = append(parts, quoted(m.key)+":"+m.value)
			twice, seen[m.key] = twice || seen[m.key], true
			var text string
			if strings.HasPrefix(m.value, `"`) && json.Unmarshal([]byte(m.value), &text) == nil {
				want[m.key] = text
			}
		}
		_, valid := want["default"]
		before := len(service.Messages())
		_, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(arn),
			MessageStructure: aws.String("json"),
			Message:          aws.String("{" + strings.Join(parts, ", ") + "}")})
		published := service.Messages()[before:]
		if !valid || twice {
			var refused *types.InvalidParameterException
			if !errors.As(err, &refused) || len(published) != 0 {
				t.Fatalf("got %v and %d messages, want it refused", err, len(published))
			}
			return
		}
		if err != nil || len(published) != 1 {
			t.Fatalf("got %v and %d messages, want it published", err, len(published))
		}
		if diff := cmp.Diff(want, published[0].Bodies); diff != "" || published[0].Body != want["default"] {
			t.Fatalf("default %q, bodies (-want +got):\n%s", published[0].Body, diff)
		}
	})
}

func TestMessageStructureThatIsNotAnObject(t *testing.T) {
	client, _ := serve(t, nil)
	for _, text := range []string{`[]`, `"default"`, `{"default":"x"`, `{"default":"x"} y`, `{default:"x"}`, `null`, ` `} {
		_, err := client.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(arn),
			MessageStructure: aws.String("json"), Message: aws.String(text)})
		var refused *types.InvalidParameterException
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want an InvalidParameterException", text, err)
		}
	}
}

// What was published is still there after the process was killed: the last 10,000 messages.
func TestRecordOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.jsonl")
	open := func() (*sns.Client, *localsns.Service) {
		t.Helper()
		client, service := serve(t, nil)
		j, entries, err := journal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := service.Open(j, entries, func(err error) { t.Error(err) }); err != nil {
			t.Fatal(err)
		}
		return client, service
	}
	publish := func(client *sns.Client, from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if _, err := client.Publish(t.Context(), &sns.PublishInput{
				TopicArn: aws.String(arn), Message: aws.String(fmt.Sprint(i)), Subject: aws.String("<s>"),
				MessageAttributes: map[string]types.MessageAttributeValue{"k": {DataType: aws.String("String"),
					StringValue: aws.String("v")}},
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	client, first := open()
	publish(client, 0, 20)
	client, second := open() // the first is not closed
	if diff := cmp.Diff(first.Messages(), second.Messages()); diff != "" {
		t.Errorf("after a kill (-want +got):\n%s", diff)
	}
	publish(client, 20, 12_000)
	_, third := open()
	messages := third.Messages()
	if n := len(messages); n != 10_000 || messages[n-1].Body != "11999" || len(second.Messages()) != 12_000 {
		t.Errorf("got %d messages, the last %q, and %d before; want the last 10000 of 12000", n, messages[n-1].Body,
			len(second.Messages()))
	}
	if diff := cmp.Diff(second.Messages()[2000:], messages); diff != "" {
		t.Error("the messages on disk are not the last ones in memory")
	}
}
