package test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/app"
	"github.com/chimewatch/chimewatch/internal/lambdafn"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// ways are the events whose AWS calls are counted. play sends what comes before with
// handle, and then the event itself with observe.
var ways = []struct {
	name  string
	calls int
	play  func(*wayWorld)
}{
	{"state change: the first of a pipeline", 4, func(w *wayWorld) {
		w.observe("status", w.created(1))
	}},
	{"state change: a later one, in order", 2, func(w *wayWorld) {
		w.handle("status", w.created(1))
		w.observe("status", w.inProgress(1, 0))
	}},
	{"failure that opens an incident", 14, func(w *wayWorld) {
		w.handle("status", w.created(1), w.inProgress(1, 0))
		w.observe("failures", w.failed(1))
	}},
	{"thousandth failure of an open incident", 5, func(w *wayWorld) {
		w.handle("failures", w.failed(1))
		w.sideBySide("failures", 2, 999, w.failed)
		w.handle("status", w.created(1000), w.inProgress(1000, 0))
		w.observe("failures", w.failed(1000))
	}},
	{"rule match that is sent", 9, func(w *wayWorld) {
		w.handle("status", w.created(1))
		w.observe("alerts", w.match(1, "first"))
	}},
	{"rule match that is held back", 3, func(w *wayWorld) {
		w.handle("status", w.created(1))
		w.handle("alerts", w.match(1, "first"))
		w.observe("alerts", w.match(1, "second"))
	}},
	{"voice notification, no task turned on", 1, func(w *wayWorld) {
		w.env["CHIMEWATCH_VOICE_TASKS"] = ""
		w.observe("voice", w.ready(1))
	}},
	{"voice notification: ready, without consent", 5, func(w *wayWorld) {
		w.observe("voice", w.ready(1))
	}},
	{"voice notification: ready, with consent: two tasks start", 16, func(w *wayWorld) {
		w.handle("consent", w.grant(1))
		w.observe("voice", w.ready(1))
	}},
	{"voice notification: the result of a task", 3, func(w *wayWorld) {
		w.handle("consent", w.grant(1))
		w.handle("voice", w.ready(1))
		w.observe("voice", w.result(1, w.voice.Tasks()[0].ID))
	}},
	{"consent granted before the call is ready", 4, func(w *wayWorld) {
		w.observe("consent", w.grant(1))
	}},
	{"consent granted when the call is ready: two tasks start", 16, func(w *wayWorld) {
		w.handle("voice", w.ready(1))
		w.observe("consent", w.grant(1))
	}},
	{"scheduled check, nothing due, one open pipeline", 20, func(w *wayWorld) {
		w.handle("status", w.created(1), w.inProgress(1, 0))
		w.observe("watch", w.schedule())
	}},
	{"scheduled check, one of two open pipelines has stopped unnoticed", 25, func(w *wayWorld) {
		w.handle("status", w.created(1), w.inProgress(1, 0), w.inProgress(2, 3*time.Hour))
		stale := w.pipelineOf(w.inProgress(2, 3*time.Hour))
		w.pipelines.Set(chimesdk.Pipeline{ID: stale[strings.LastIndex(stale, "/")+1:], ARN: stale, Status: "Stopped"})
		w.observe("watch", w.schedule())
	}},
}

// Every kind of event makes the AWS calls that docs/ARCHITECTURE.md lists, and no more.
func TestEventWays(t *testing.T) {
	need.Processes(t)
	documented := documentedWays(t)
	server := startWayServer(t)
	var names []string
	for _, way := range ways {
		names = append(names, way.name)
		t.Run(way.name, func(t *testing.T) {
			w := newWayWorld(t, server)
			way.play(w)
			order := w.calls.order(strings.HasPrefix(way.name, "scheduled"))
			if got := len(w.calls.all); got != way.calls {
				t.Errorf("got %d AWS calls, want %d: %s", got, way.calls, order)
			}
			want := fmt.Sprintf("%d | %s", way.calls, order)
			if got := documented[way.name]; got != want {
				t.Errorf("docs/ARCHITECTURE.md has the row\n| %s | %s |\nwant\n| %[1]s | %[3]s |", way.name, got, want)
			}
			t.Logf("at most %d frames; %d packages: %s; %d functions", w.calls.frames,
				len(w.calls.packages), strings.Join(slices.Sorted(maps.Keys(w.calls.packages)), " "), len(w.calls.functions))
		})
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("events (-want +got in docs/ARCHITECTURE.md):\n%s", diff)
	}
}

// documentedWays reads the table of docs/ARCHITECTURE.md: by event, the other two
// cells of its row.
func documentedWays(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## The way of each event\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \| (\d+ \| .+) \|$`).FindAllStringSubmatch(section, -1) {
		rows[row[1]] = row[2]
	}
	return rows
}

// builds are the functions' own handlers.
var builds = map[string]func(lambdafn.Env) (lambdafn.Handler, error){
	"status": app.Status, "failures": app.Failures, "alerts": app.Alerts,
	"voice": app.Voice, "consent": app.Consent, "watch": app.Watch,
}
