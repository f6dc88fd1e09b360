package local_test

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/chimewatch/chimewatch/internal/local"
)

// smallDisk mounts a file system of that size, or skips the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	needTable(t)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func wantFull(t *testing.T, err error, dir string) {
	t.Helper()
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the disk of "+dir+" is full") ||
		strings.Contains(err.Error(), "npm") {
		t.Errorf("got %v, want it to say that the disk of %s is full and nothing else", err, dir)
	}
}

func TestStartOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, "600k")
	began := time.Now()
	_, err := local.Start(t.Context(), options(t, dir))
	wantFull(t, err, dir)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to find out", took)
	}
}

// A disk that fills up while the stack runs is noticed: by the table's server, which dies
// of it, or by the queues, whose clients are refused what cannot be kept.
func TestDiskFillsUp(t *testing.T) {
	dir := smallDisk(t, "3m")
	s, err := local.Start(t.Context(), options(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(awsConfig(s), func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
	queue, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(local.FunctionQueue)})
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	var sendErr error
	for ; sendErr == nil && accepted < 100; accepted++ {
		_, sendErr = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl,
			MessageBody: aws.String(strings.Repeat("x", 100_000))})
	}
	accepted--
	if sendErr == nil || !strings.Contains(sendErr.Error(), "no space left on device") {
		t.Errorf("send: got %v, want the disk's error", sendErr)
	}
	select {
	case <-s.Failed():
	case <-time.After(10 * time.Second):
		t.Fatal("the stack has not noticed")
	}
	wantFull(t, s.Failure(), dir)
	if err := s.Close(); err != nil {
		t.Errorf("close: got %v, want none", err)
	}
	// What was accepted is there.
	messages, err := local.OpenMessages(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	cfg := awsConfig(s)
	cfg.BaseEndpoint = aws.String(messages.Endpoint())
	out, err := sqs.NewFromConfig(cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages"},
	})
	if err != nil || out.Attributes["ApproximateNumberOfMessages"] != strconv.Itoa(accepted) {
		t.Errorf("got %v and error %v, want %d messages", out, err, accepted)
	}
}

// A folder that cannot be written to can be read, and by many at once.
func TestReadOnlyFolder(t *testing.T) {
	dir := smallDisk(t, "16m")
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	lastRun(t, dir)
	if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("it cannot be made read-only: %v", err)
	}
	first, err := local.OpenTable(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !first.ReadOnly() {
		t.Error("got a table that can be written, want a copy")
	}
	if items, dead := left(t, dir); items != matchItems || dead != 1 { // besides the first
		t.Errorf("got %d items and %d dead letters, want %d and 1", items, dead, matchItems)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if names := namesIn(t, temp); strings.Contains(names, "chimewatch-table-") {
		t.Errorf("got %s, want the copies removed", names)
	}
}
