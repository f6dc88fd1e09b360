//go:build unix

package flows_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/telemetry"
)

// answering answers every request to DynamoDB at once, so that the benchmark measures the
// function's own work: unwrapping, parsing, encoding, signing.
type answering struct{ requests int }

func (a *answering) Do(*http.Request) (*http.Response, error) {
	a.requests++
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(`{}`)),
	}, nil
}

// BenchmarkVoice measures the processor time and the requests for each record, in
// invocations of one record and of a batch of 25.
func BenchmarkVoice(b *testing.B) {
	silenceLog(b)
	for _, size := range []int{1, 25} {
		b.Run(fmt.Sprintf("records=%d", size), func(b *testing.B) {
			web := &answering{}
			db := dynamodb.New(dynamodb.Options{
				Region: region, HTTPClient: web, DisableValidateResponseChecksum: true,
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
				}),
			})
			metrics := telemetry.NewMetrics(io.Discard, telemetry.LocalStack, "voice")
			handle := voiceHandler(dynamo.New(db, "calls", dynamo.Options{}), nil, metrics)
			bodies := map[int][]byte{}
			for i := range size {
				bodies[i] = searchResult(i, "t")
			}
			payload := voiceSources[0].payload(bodies)
			began := processorTime(b)
			for b.Loop() {
				reply, err := lambdafn.Handle(b.Context(), payload, handle)
				if err != nil || string(reply) != `{"batchItemFailures":[]}` {
					b.Fatalf("got %s and %v", reply, err)
				}
			}
			records := float64(b.N * size)
			b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/records, "cpu-ns/record")
			b.ReportMetric(float64(web.requests)/records, "requests/record")
		})
	}
}

// processorTime returns the processor time of this process so far.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
