package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/apperr"
	localsns "github.com/chimewatch/chimewatch/internal/local/sns"
	"github.com/chimewatch/chimewatch/internal/notify"
)

const arn = "arn:aws:sns:us-east-1:123456789012:failures"

// serve returns a real SNS client on a local topic, and the topic.
func serve(t *testing.T) (*sns.Client, *localsns.Service) {
	t.Helper()
	service := localsns.NewService(func(localsns.Message) {}, arn)
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	return sns.New(sns.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}), service
}

func sampleMessage() notify.Message {
	return notify.Message{
		ID: "incident/k.1/opening", Kind: notify.IncidentUpdate,
		Subject: "Calls are not recorded", Body: "Calls are not recorded.\nAccess denied.\n",
		SMS: "Calls are not recorded", Card: `{"version":"1.0"}`, Data: `{"version":"1"}`,
		Attributes: map[string]string{"severity": "critical", "region": "us-east-1"},
	}
}

// Every subscriber receives the rendering for its protocol, and filters find the id
// besides the message's own attributes.
func TestPublishSendsEveryRendering(t *testing.T) {
	client, service := serve(t)
	m := sampleMessage()
	own := maps.Clone(m.Attributes)
	if err := notify.NewTopic(client, arn).Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	var bodies map[string]string
	if err := json.Unmarshal([]byte(m.Structure()), &bodies); err != nil {
		t.Fatal(err)
	}
	got := service.Messages()
	if len(got) != 1 {
		t.Fatalf("got %d messages, want 1", len(got))
	}
	if got[0].TopicARN != arn || got[0].Subject != m.Subject || got[0].Body != bodies["default"] {
		t.Errorf("got %+v, want the subject %q and the body %q on %s", got[0], m.Subject, bodies["default"], arn)
	}
	if diff := cmp.Diff(bodies, got[0].Bodies); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	if bodies["sms"] != m.SMS || bodies["email"] != m.Body || bodies["https"] == "" {
		t.Errorf("got the renderings %v, want one for telephone, e-mail and chat", bodies)
	}
	want := map[string]string{"id": m.ID, "severity": "critical", "region": "us-east-1"}
	if diff := cmp.Diff(want, got[0].Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(own, m.Attributes); diff != "" {
		t.Errorf("Publish changed the message's own attributes (-want +got):\n%s", diff)
	}
}

// An error is one to try again after, names the topic, and keeps the cause.
func TestPublishReturnsItsError(t *testing.T) {
	client, service := serve(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	const unknown = "arn:aws:sns:us-east-1:123456789012:gone"
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		arn   string
		cause func(error) bool
	}{
		{"no such topic", t.Context(), unknown, func(err error) bool { return strings.Contains(err.Error(), "NotFound") }},
		{"no time left", ended, arn, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := notify.NewTopic(client, tt.arn).Publish(tt.ctx, sampleMessage())
			if apperr.ClassOf(err) != apperr.Unavailable || !tt.cause(err) ||
				!strings.HasPrefix(err.Error(), "topic "+tt.arn+": cannot be published to: ") ||
				!strings.HasSuffix(err.Error(), " use its key)") {
				t.Errorf("got %v of class %q, want one of class %q with its cause that names %s",
					err, apperr.ClassOf(err), apperr.Unavailable, tt.arn)
			}
		})
	}
	if got := service.Messages(); len(got) != 0 {
		t.Errorf("got %d messages published, want none", len(got))
	}
}
