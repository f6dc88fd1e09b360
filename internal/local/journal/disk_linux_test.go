package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// A full disk is an error that names the file, and costs nothing of what was there: the
// line that had no room is not there in part.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(dir, "j.jsonl")
	j, _, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	put := 0
	for ; err == nil && put < 100; put++ {
		err = j.Put(strings.Repeat("i", put+1), strings.Repeat("x", 10_000))
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v after %d values, want no space and the file's name", err, put)
	}
	held, err := journal.Read(path)
	if err != nil || len(held) != put-1 {
		t.Errorf("got %d values and error %v, want the %d that were put", len(held), err, put-1)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.HasSuffix(string(text), "\n") {
		t.Errorf("got a part of a line at the end (%v), want whole lines only", err)
	}
	// What fits is still put, and can be read.
	if err := j.Put("small", 1); err != nil {
		t.Error(err)
	}
	if held, err := journal.Read(path); err != nil || len(held) != put {
		t.Errorf("got %d values and error %v, want %d", len(held), err, put)
	}
	if err := j.Remove("i"); err != nil {
		t.Error(err)
	}
}
