package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/schemas"
)

// fakeAWS stands in for topics, and for the table as far as one query of what was put
// needs it. It records what is written and published.
type fakeAWS struct {
	mu        sync.Mutex
	writes    []string // DynamoDB requests that are no reads
	items     []map[string]map[string]any
	queries   int
	published []url.Values
}

func (c *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."); ok {
		answer := c.table(operation, body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(answer)))
		_, _ = w.Write(answer)
		return
	}
	form, _ := url.ParseQuery(string(body))
	c.published = append(c.published, form)
	_, _ = io.WriteString(w,
		"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>")
}

func (c *fakeAWS) table(operation string, body []byte) []byte {
	var request struct {
		Item                      map[string]map[string]any
		ExpressionAttributeValues map[string]map[string]any
	}
	_ = json.Unmarshal(body, &request)
	if operation == "PutItem" {
		c.items = append(c.items, request.Item)
	}
	if operation != "Query" {
		if operation != "GetItem" {
			c.writes = append(c.writes, string(body))
		}
		return []byte("{}")
	}
	c.queries++
	found := []map[string]map[string]any{}
	for _, item := range c.items {
		inPartition, begins := false, false
		for _, value := range request.ExpressionAttributeValues {
			text, _ := value["S"].(string)
			sortKey, _ := item["SK"]["S"].(string)
			inPartition = inPartition || item["PK"]["S"] == text
			begins = begins || strings.HasPrefix(sortKey, text)
		}
		if inPartition && begins {
			found = append(found, item)
		}
	}
	answer, _ := json.Marshal(map[string]any{"Items": found, "Count": len(found)})
	return answer
}

// newEnv returns what functions are made from, with a fakeAWS as AWS; metrics are written
// to the buffer.
func newEnv(t *testing.T, getenv func(string) string) (lambdafn.Env, *fakeAWS, *bytes.Buffer) {
	t.Helper()
	c, metrics := &fakeAWS{}, &bytes.Buffer{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return lambdafn.Env{
		AWS: aws.Config{
			Region: "us-east-1", BaseEndpoint: &server.URL,
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		},
		Metrics: telemetry.NewMetrics(metrics, "stack", "function"), Getenv: getenv,
	}, c, metrics
}

// A rule match is stored for as long as the deployer chose, and published to the topic of
// its route, rendered as the deployer chose.
func TestAlertsFollowTheConfiguration(t *testing.T) {
	const escalations = "arn:aws:sns:us-east-1:111122223333:escalations"
	event, err := schemas.Lookup("rule-keyword-utterance")
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		Time   time.Time
		Detail struct {
			RuleName string `json:"ruleName"`
		}
	}
	if err := json.Unmarshal(event.Body, &head); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		changes map[string]string
		topic   string
		days    int
	}{
		{"the default", nil, environment["CHIMEWATCH_ALERT_TOPIC_ARN"], 90},
		{"with routes", map[string]string{
			"CHIMEWATCH_RETENTION_DAYS": "7", "CHIMEWATCH_FULL_NUMBERS": "true",
			"CHIMEWATCH_ROUTES": fmt.Sprintf(`[{"rule": %q, "topic": %q}]`, head.Detail.RuleName, escalations),
		}, escalations, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, c, metrics := newEnv(t, with(tt.changes))
			handle, err := app.Alerts(env)
			if err != nil {
				t.Fatal(err)
			}
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-7"})
			if _, err := lambdafn.Handle(ctx, event.Body, handle); err != nil {
				t.Fatal(err)
			}
			if len(c.published) != 1 || c.published[0].Get("TopicArn") != tt.topic {
				t.Fatalf("got %v published, want one message to %s", c.published, tt.topic)
			}
			message := c.published[0].Get("Message")
			if full := tt.changes["CHIMEWATCH_FULL_NUMBERS"] == "true"; full != strings.Contains(message, "2065550112") {
				t.Errorf("got the message %s, want the numbers whole: %t", message, full)
			}
			if len(c.writes) == 0 {
				t.Fatal("got nothing written, want the match")
			}
			expiry := fmt.Sprintf(`{"N":"%d"}`, head.Time.AddDate(0, 0, tt.days).Unix())
			if !strings.Contains(c.writes[0], expiry) || !strings.Contains(c.writes[0], `"TableName":"calls"`) {
				t.Errorf("got %s written, want the expiry %s in the table calls", c.writes[0], expiry)
			}
			if all := strings.Join(c.writes, "\n"); !strings.Contains(all, "r-7") {
				t.Errorf("got %s written, want the invocation to own what it sends", all)
			}
			if err := env.Metrics.Flush(); err != nil || metrics.Len() == 0 {
				t.Errorf("got the metrics %q and %v, want what was counted", metrics, err)
			}
		})
	}
}

// Where nothing is due, the schedule only reads.
func TestWatchReadsTheTable(t *testing.T) {
	env, c, _ := newEnv(t, with(map[string]string{
		"CHIMEWATCH_FAILURE_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:failures",
	}))
	handle, err := app.Watch(env)
	if err != nil {
		t.Fatal(err)
	}
	event := []byte(`{"id":"s-1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)
	if _, err := lambdafn.Handle(t.Context(), event, handle); err != nil {
		t.Error(err)
	}
	if len(c.published)+len(c.writes) > 0 || c.queries == 0 {
		t.Errorf("got %v and %v of an empty table after %d queries, want nothing", c.published, c.writes, c.queries)
	}
}
