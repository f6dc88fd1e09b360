package notify_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// webhookScript receives each body for a topic; SNS's certificate is the public key.
const webhookScript = `
import { receive, NotFromTopic } from "GUIDE/webhook.mjs";
const results = [];
for (const body of input.bodies) {
  const fetched = [];
  globalThis.fetch = async (url) => {
    fetched.push(url);
    return { ok: !url.includes("gone"), status: 404, text: async () => input.key };
  };
  const result = { fetched };
  try {
    result.notification = await receive(body, input.topic);
  } catch (e) {
    result.error = e.message;
    result.refused = e instanceof NotFromTopic;
  }
  results.push(result);
}
console.log(JSON.stringify(results));`

func TestGuideVerifiesRequests(t *testing.T) {
	const (
		topicARN    = "arn:aws:sns:us-east-1:111122223333:failures"
		host        = "sns.us-east-1.amazonaws.com"
		certificate = "https://" + host + "/cert.pem"
		confirm     = "https://" + host + "/?Action=ConfirmSubscription&Token=t"
	)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	// signed makes a message as SNS signs it (developer guide, "Verifying the signature of
	// an Amazon SNS message"), and then changes it.
	signed := func(version string, fields, changes map[string]string) string {
		var text strings.Builder
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			text.WriteString(name + "\n" + fields[name] + "\n")
		}
		hash, digest := crypto.SHA256, sha256.Sum256([]byte(text.String()))
		sum := digest[:]
		if version == "1" {
			old := sha1.Sum([]byte(text.String()))
			hash, sum = crypto.SHA1, old[:]
		}
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, hash, sum)
		if err != nil {
			t.Fatal(err)
		}
		message := maps.Clone(fields)
		message["SignatureVersion"], message["SigningCertURL"] = version, certificate
		message["Signature"] = base64.StdEncoding.EncodeToString(signature)
		maps.Copy(message, changes)
		return marshalled(t, message)
	}
	notification := map[string]string{
		"Type": "Notification", "MessageId": "m", "TopicArn": topicARN, "Timestamp": "2026-03-09T15:20:27.000Z",
		"Subject": "s", "Message": `{"id":"incident/x"}`,
	}
	withoutSubject := maps.Clone(notification)
	delete(withoutSubject, "Subject")
	confirmation := map[string]string{
		"Type": "SubscriptionConfirmation", "MessageId": "m", "TopicArn": topicARN,
		"Timestamp": "2026-03-09T15:20:27.000Z", "Token": "t", "SubscribeURL": confirm,
		"Message": "You have chosen to subscribe",
	}
	certified := func(url string) string {
		return signed("2", notification, map[string]string{"SigningCertURL": url})
	}
	type received struct {
		Notification map[string]string
		Error        string
		Refused      bool
		Fetched      []string
	}
	note := map[string]string{"id": "incident/x"}
	tests := []struct {
		name, body string
		want       received
	}{
		{"signed", signed("2", notification, nil), received{Notification: note, Fetched: []string{certificate}}},
		{"signed the old way", signed("1", notification, nil), received{Notification: note, Fetched: []string{certificate}}},
		{"without a subject", signed("2", withoutSubject, nil),
			received{Notification: note, Fetched: []string{certificate}}},
		{"to be confirmed", signed("2", confirmation, nil), received{Fetched: []string{certificate, confirm}}},
		{"changed", signed("2", notification, map[string]string{"Message": `{"id":"forged"}`}),
			received{Error: "the signature is not valid", Refused: true, Fetched: []string{certificate}}},
		{"of another topic", signed("2", notification, map[string]string{"TopicArn": "arn:other"}),
			received{Error: "a message of the topic arn:other", Refused: true, Fetched: []string{}}},
		{"with a certificate from elsewhere", certified("https://" + host + ".example.com/cert.pem"),
			received{Error: host + ".example.com is not SNS", Refused: true, Fetched: []string{}}},
		{"with a certificate by http", certified("http://" + host + "/cert.pem"),
			received{Error: host + " is not SNS", Refused: true, Fetched: []string{}}},
		{"of no type that is known", signed("2", notification, map[string]string{"Type": "Other"}),
			received{Error: "not a message of SNS", Refused: true, Fetched: []string{}}},
		{"while the certificate cannot be fetched", certified("https://" + host + "/gone.pem"),
			received{Error: "SNS answered 404", Fetched: []string{"https://" + host + "/gone.pem"}}},
	}
	var bodies []string
	for _, tt := range tests {
		bodies = append(bodies, tt.body)
	}
	var got []received
	node(t, webhookScript, map[string]any{"bodies": bodies, "topic": topicARN, "key": public}, &got)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, got[i]); diff != "" {
				t.Errorf("received (-want +got):\n%s", diff)
			}
		})
	}
}
