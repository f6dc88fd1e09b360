package eventsource_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/local/eventsource"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// request sends a request to the stream as Kinesis.
func request(s *eventsource.Stream, contentType, operation, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Target", "Kinesis_20131202."+operation)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func records(n int) string {
	return `{"StreamName":"s","Records":[` + strings.TrimSuffix(strings.Repeat(`{"Data":"eA==","PartitionKey":"k"},`, n),
		",") + `]}`
}

// A request is refused as a whole, with the service's error, and puts nothing then.
func TestPutRecords(t *testing.T) {
	for _, tc := range []struct {
		name, operation, body string
		status                int
		text                  string
		put                   int
	}{
		{"one", "PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"k"}`, 200, `"ShardId":"shardId-000000000000"`,
			1},
		{"one by ARN", "PutRecord", `{"StreamARN":"arn:s","Data":"","PartitionKey":"k"}`, 200, `"SequenceNumber"`, 1},
		{"many", "PutRecords", records(500), 200, `"FailedRecordCount":0`, 500},
		{"none", "PutRecords", records(0), 400, `"ValidationException"`, 0},
		{"too many", "PutRecords", records(501), 400, `must have 1 to 500`, 0},
		{"no key", "PutRecord", `{"StreamName":"s","Data":"eA=="}`, 400, `"ValidationException"`, 0},
		{"a key that is too long", "PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"` + strings.Repeat("ä",
			257) + `"}`, 400, `has 257 characters`, 0},
		{"the second without data", "PutRecords",
			`{"StreamName":"s","Records":[{"Data":"eA==","PartitionKey":"k"},{"PartitionKey":"k"}]}`, 400,
			`records.2.member.data`, 0},
		{"a hash key that is none", "PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"k","ExplicitHashKey":"-1"}`,
			400, `"InvalidArgumentException"`, 0},
		{"data that is no base64", "PutRecord", `{"StreamName":"s","Data":"x","PartitionKey":"k"}`, 400,
			`"SerializationException"`, 0},
		{"too long", "PutRecord", `{"StreamName":"s","Data":"` + strings.Repeat("AAAA", 10<<20/3+1) + `","PartitionKey":"k"}`,
			400, `may have 10485760`, 0},
		{"no such stream", "PutRecords", `{"StreamName":"other","Records":[]}`, 400, `"ResourceNotFoundException"`, 0},
		{"name and ARN of two streams", "PutRecord",
			`{"StreamName":"s","StreamARN":"arn:other","Data":"eA==","PartitionKey":"k"}`, 400, `"ResourceNotFoundException"`,
			0},
		{"no stream", "PutRecord", `{"Data":"eA==","PartitionKey":"k"}`, 400, `"InvalidArgumentException"`, 0},
		{"an operation that is not there", "DescribeStream", `{}`, 400, `PutRecord, PutRecords`, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &eventsource.Stream{Name: "s", ARN: "arn:s", Filter: all}
			w := request(s, "application/x-amz-json-1.1", tc.operation, tc.body)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) || s.Backlog() != tc.put {
				t.Errorf("got status %d, %.300s and %d records; want %d, %s and %d", w.Code, w.Body, s.Backlog(), tc.status,
					tc.text, tc.put)
			}
		})
	}
}

// Records that the disk does not store fail one by one.
func TestPutRecordsFailOneByOne(t *testing.T) {
	s := &eventsource.Stream{Name: "s", Filter: all}
	j, _, err := journal.Open(filepath.Join(t.TempDir(), "s.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	if err := s.Open(j, nil, func(error) { failures++ }); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil { // nothing can be written any more
		t.Fatal(err)
	}
	w := request(s, "application/x-amz-json-1.1", "PutRecords", records(2))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"FailedRecordCount":2`) ||
		!strings.Contains(w.Body.String(), `"ErrorCode":"InternalFailure"`) {
		t.Errorf("got status %d and %s, want two failed records", w.Code, w.Body)
	}
	if s.Backlog() != 0 || failures != 2 {
		t.Errorf("got %d records and %d failures reported, want none and 2", s.Backlog(), failures)
	}
}

// Older SDKs for Java send CBOR. The answer is CBOR that says how to send JSON.
func TestCBORIsRefused(t *testing.T) {
	s := &eventsource.Stream{Name: "s"}
	w := request(s, "application/x-amz-cbor-1.1", "PutRecord", "\xa1\x6aStreamName\x61s")
	if w.Code != 400 || w.Header().Get("Content-Type") != "application/x-amz-cbor-1.1" ||
		w.Header().Get("X-Amzn-ErrorType") != "SerializationException" {
		t.Errorf("got status %d and the header %v, want an error in CBOR", w.Code, w.Header())
	}
	answer, err := cbor.Decode(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fields, _ := answer.(cbor.Map)
	if got := fields["__type"]; got != cbor.String("SerializationException") {
		t.Errorf("got the type %v, want SerializationException", got)
	}
	text := fmt.Sprint(fields["message"])
	for _, want := range []string{"PutRecord", "AWS_CBOR_DISABLE=true", "aws.cborEnabled=false"} {
		if !strings.Contains(text, want) {
			t.Errorf("got %q, want it to say %q", text, want)
		}
	}
}

// Records that were not done when the process was killed come again, in order; those that
// were done do not.
func TestStreamSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.jsonl")
	f := &function{}
	open := func() *eventsource.Stream {
		t.Helper()
		j, entries, err := journal.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s := &eventsource.Stream{
			Name: "s", Retry: eventsource.Retry{Times: 1, Delay: time.Microsecond}, OnFailure: func(eventsource.Record) {},
			Filter: func(data []byte) bool { return string(data) != "drop" },
		}
		if err := s.Open(j, entries, func(err error) { t.Error(err) }); err != nil {
			t.Fatal(err)
		}
		return s
	}
	run := func(s *eventsource.Stream, batches int) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.Invoke = f.until(batches, cancel)
		s.Run(ctx)
	}
	first := open()
	var numbers []string
	for _, text := range []string{"a", "bad", "drop", "c"} {
		number, err := first.Put("p", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, number)
	}
	run(first, 1) // it ends while the bad one waits for its next attempt
	second := open()
	if second.Backlog() != 2 {
		t.Errorf("got a backlog of %d, want the bad one and c", second.Backlog())
	}
	number, err := second.Put("p", []byte("d"))
	if err != nil || number <= numbers[len(numbers)-1] {
		t.Errorf("got sequence number %s after %s (%v), want it to rise", number, numbers, err)
	}
	run(second, 4)
	if diff := cmp.Diff([]string{"a bad c", "bad c d", "bad c d", "c d"}, f.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	third := open()
	if third.Backlog() != 0 {
		t.Errorf("got a backlog of %d in the end, want none", third.Backlog())
	}
	if again, err := third.Put("p", []byte("e")); err != nil || again <= number {
		t.Errorf("got sequence number %s after %s (%v), want it to rise also where nothing was left", again, number, err)
	}
}
