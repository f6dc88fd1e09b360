package functionspec_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
	"github.com/chimewatch/chimewatch/internal/eventrule"
	"github.com/chimewatch/chimewatch/internal/functionspec"
)

func TestEveryFolderIsAFunction(t *testing.T) {
	folders, err := filepath.Glob("../../functions/*")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, folder := range folders {
		want = append(want, filepath.Base(folder))
	}
	for _, f := range functionspec.All() {
		got = append(got, f.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want the folders of functions/: %v", got, want)
	}
}

// A scheduled run ends before the next one begins; Lambda runs no function for more than 15
// minutes.
func TestTimeouts(t *testing.T) {
	var scheduled []string
	limit := 15 * time.Minute
	for _, s := range eventrule.Schedules() {
		scheduled, limit = append(scheduled, s.Function), min(limit, s.Every)
	}
	for _, f := range functionspec.All() {
		if f.Scheduled != slices.Contains(scheduled, f.Name) {
			t.Errorf("%s: scheduled is %t, and the schedules are for %v", f.Name, f.Scheduled, scheduled)
		}
		if f.Timeout < 10*time.Second || f.Scheduled && f.Timeout >= limit {
			t.Errorf("%s: got a timeout of %v, want it shorter than %v", f.Name, f.Timeout, limit)
		}
	}
}

// A function that publishes reads how to render notifications.
func TestSettingsFitTheWork(t *testing.T) {
	for _, f := range functionspec.All() {
		publishes := f.NotifiesFailures || f.Reads(config.Routing)
		if !f.Reads(config.Storage) || f.Reads(config.Notifications) != publishes || f.Reads(config.Watching) != publishes {
			t.Errorf("%s: publishes is %t, and it reads %v", f.Name, publishes, f.Groups)
		}
		if f.StopsTasks && !f.Reads(config.Voice) {
			t.Errorf("%s: stops voice tasks, and reads %v", f.Name, f.Groups)
		}
	}
}
