package trytimeout_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/chimewatch/chimewatch/internal/trytimeout"
)

// table answers as serve says, and counts the requests.
func table(t *testing.T, serve http.HandlerFunc) (cfg aws.Config, tries func() int) {
	t.Helper()
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // only then it is noticed that the client leaves
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
		},
	}, func() int { return int(n.Load()) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func list(ctx context.Context, cfg aws.Config) error {
	_, err := dynamodb.NewFromConfig(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
	return err
}

// slow is an HTTP client of a type that the SDK does not know.
type slow struct{}

func (slow) Do(r *http.Request) (*http.Response, error) { return http.DefaultClient.Do(r) }

func TestTriesThatHangAreTriedAgain(t *testing.T) {
	for name, client := range map[string]aws.HTTPClient{"the SDK's HTTP client": nil, "another HTTP client": slow{}} {
		t.Run(name, func(t *testing.T) {
			cfg, tries := table(t, hang)
			cfg.HTTPClient = client
			trytimeout.Add(&cfg, 300*time.Millisecond)
			trytimeout.Add(&cfg, time.Hour) // the first one stays
			err := list(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), "no answer within 300ms") {
				t.Errorf("got %v, want no answer in time", err)
			}
			if got := tries(); got != 3 {
				t.Errorf("got %d tries, want 3", got)
			}
		})
	}
}

func TestOneTryThatHangs(t *testing.T) {
	first := atomic.Bool{}
	cfg, tries := table(t, func(w http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			hang(w, r)
		}
		_, _ = io.WriteString(w, `{"TableNames":[]}`)
	})
	trytimeout.Add(&cfg, 200*time.Millisecond)
	if err := list(t.Context(), cfg); err != nil || tries() != 2 {
		t.Errorf("got %v after %d tries, want the second one to succeed", err, tries())
	}
}

// When the caller's time is up, nothing is tried again.
func TestDeadlineOfTheCaller(t *testing.T) {
	cfg, tries := table(t, hang)
	trytimeout.Add(&cfg, time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := list(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) || tries() != 1 {
		t.Errorf("got %v after %d tries, want the caller's deadline after one", err, tries())
	}
}

// Two configurations that come of one do not share what is added to each.
func TestAddChangesNoOtherConfiguration(t *testing.T) {
	cfg, tries := table(t, hang)
	cfg.APIOptions = append(cfg.APIOptions, nil)[:0:1]
	bounded, other := cfg, cfg
	trytimeout.Add(&bounded, 300*time.Millisecond)
	trytimeout.Add(&other, time.Hour)
	if err := list(t.Context(), bounded); err == nil || tries() != 3 {
		t.Errorf("got %v after %d tries, want three that end", err, tries())
	}
}
