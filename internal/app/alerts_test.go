package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/telemetry"
	"github.com/chimewatch/chimewatch/schemas"
)

// cloud stands in for topics, and for the table as far as one query of what was put needs it. It keeps what is written
// and published.
type cloud struct {
	mu        sync.Mutex
	writes    []string // DynamoDB requests that are no reads
	items     []map[string]map[string]any
	queries   int
	published []url.Values
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

func (c *cloud) table(operation string, body []byte) []byte {
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

// serve makes every AWS client of a function call the cloud.
func serve(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id",
		"AWS_SECRET_ACCESS_KEY":     "secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return c
}

// A rule match is stored for as long as the deployer chose, and published to the topic of its route in the words that
// he chose.
func TestAlertsAreWhatTheDeployerChose(t *testing.T) {
	const escalations = "arn:aws:sns:us-east-1:111122223333:escalations"
	event := example(t, "rule-keyword-utterance")
	var head struct {
		Time   time.Time
		Detail struct {
			RuleName string `json:"ruleName"`
		}
	}
	if err := json.Unmarshal(event, &head); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		changes map[string]string
		topic   string
		days    int
	}{
		{"as it comes", nil, environment["CHIMEWATCH_ALERT_TOPIC_ARN"], 90},
		{"with routes", map[string]string{"CHIMEWATCH_RETENTION_DAYS": "7", "CHIMEWATCH_FULL_NUMBERS": "true",
			"CHIMEWATCH_ROUTES": fmt.Sprintf(`[{"rule": %q, "topic": %q}]`, head.Detail.RuleName, escalations)}, escalations,
			7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t)
			lines := output(t, func() {
				f, err := lambdafn.New(t.Context(), "alerts", with(tt.changes), app.Alerts)
				if err != nil {
					t.Fatal(err)
				}
				ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-7"})
				if _, err := f.Invoke(ctx, event); err != nil {
					t.Fatal(err)
				}
			})
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
			counted := false
			for _, line := range lines {
				counted = counted || line["_aws"] != nil
			}
			if !counted {
				t.Errorf("got the output %v, want what was counted", lines)
			}
		})
	}
}

// Where nothing is due, the schedule only reads.
func TestWatchReadsTheTable(t *testing.T) {
	c := serve(t)
	output(t, func() {
		f, err := lambdafn.New(t.Context(), "watch", with(map[string]string{"CHIMEWATCH_FAILURE_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:failures"}), app.Watch)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Invoke(t.Context(),
			[]byte(`{"id":"s-1","detail-type":"Scheduled Event","source":"aws.events","detail":{}}`)); err != nil {
			t.Error(err)
		}
	})
	if len(c.published)+len(c.writes) > 0 || c.queries == 0 {
		t.Errorf("got %v and %v of an empty table after %d queries, want nothing", c.published, c.writes, c.queries)
	}
}

// output catches what a function writes to the standard output, where Lambda
// takes logs and metrics from.
func output(t *testing.T, run func()) []map[string]any {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout, logger := os.Stdout, slog.Default()
	os.Stdout = file
	slog.SetDefault(telemetry.NewLogger(file, "status"))
	defer func() { os.Stdout = stdout; slog.SetDefault(logger) }()
	run()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for line := range bytes.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}
