package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/config"
)

// How often things are done.
const (
	starts      = 21
	invocations = 3000
)

// processes measures the functions against the baseline, in turns: how long they need until
// they ask for work, their memory, and their processor time for each state change.
func processes(dir string, functions []string) error {
	cloud, err := serveInstantly()
	if err != nil {
		return err
	}
	defer cloud.Close()
	names := append([]string{"baseline"}, functions...)
	times := map[string][]float64{}
	for range starts {
		for _, name := range names {
			p, err := startProcess(filepath.Join(dir, name), cloud.address)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			times[name] = append(times[name], float64(p.ready.Microseconds())/1000)
			p.stop()
		}
	}
	base := median(times["baseline"])
	fmt.Printf("%-52s %10.2f            ms\n", "start of the baseline to its first poll", base)
	for _, name := range functions {
		line("start of "+name+", times the baseline's", "", median(times[name])/base, 1.5)
	}
	perEvent := map[string]float64{}
	for _, name := range []string{"baseline", "status"} {
		p, err := startProcess(filepath.Join(dir, name), cloud.address)
		if err != nil {
			return err
		}
		before, err := p.cpu()
		if err != nil {
			return err
		}
		if err := p.invoke(eventOf("two-elements-recording"), invocations); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		perEvent[name] = float64((after - before).Microseconds()) / invocations
		peak, err := p.peakMemory()
		if err != nil {
			return err
		}
		line(fmt.Sprintf("peak memory of %s after %d invocations", name, invocations), "MiB", peak, 40)
		p.stop()
	}
	fmt.Printf("%-52s %10.2f            µs\n", "processor time of the baseline's one PutItem", perEvent["baseline"])
	line("of a state change in order, times that", "", perEvent["status"]/perEvent["baseline"], 2.5)
	return nil
}

// instant is a stand-in for AWS that answers every request at once, as a table that knows
// every item already.
type instant struct {
	*http.Server
	address string
}

func serveInstantly() (*instant, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &instant{&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "UpdateItem") {
			_, _ = io.WriteString(w, `{"Attributes":{"i":{"S":"{}"}}}`)
			return
		}
		_, _ = io.WriteString(w, "{}")
	})}, listener.Addr().String()}
	go func() { _ = s.Serve(listener) }() // ends with Close
	return s, nil
}

// process is a function under a Lambda Runtime API of its own.
type process struct {
	cmd    *exec.Cmd
	api    *http.Server
	ready  time.Duration // from its start to its first poll
	work   chan []byte
	done   chan error
	stderr bytes.Buffer
}

func startProcess(binary, cloud string) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{work: make(chan []byte), done: make(chan error, 1)}
	polled := make(chan time.Time, 1)
	p.api = &http.Server{Handler: p.runtimeAPI(polled)}
	go func() { _ = p.api.Serve(listener) }() // ends with stop
	p.cmd = exec.Command(binary)
	p.cmd.Stderr = &p.stderr
	p.cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(), "AWS_ENDPOINT_URL=http://" + cloud,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_EC2_METADATA_DISABLED=true",
		"TABLE=t", config.EnvTable + "=t", config.EnvRetentionDays + "=90",
		config.EnvFailureTopicARN + "=arn:aws:sns:us-east-1:123456789012:f",
		config.EnvAlertTopicARN + "=arn:aws:sns:us-east-1:123456789012:a",
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	select {
	case at := <-polled:
		p.ready = at.Sub(began)
		return p, nil
	case <-time.After(30 * time.Second):
		p.stop()
		return nil, fmt.Errorf("it does not ask for work: %s", p.stderr.String())
	}
}

// runtimeAPI sends payloads one by one and receives the answers.
func (p *process) runtimeAPI(polled chan<- time.Time) http.Handler {
	first := true
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/next"):
			if first {
				first = false
				polled <- time.Now()
			}
			select {
			case payload := <-p.work:
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
				_, _ = w.Write(payload)
			case <-r.Context().Done():
			}
		case strings.HasSuffix(r.URL.Path, "/response"):
			w.WriteHeader(http.StatusAccepted)
			p.done <- nil
		default:
			var said struct{ ErrorMessage string }
			_ = json.NewDecoder(r.Body).Decode(&said)
			w.WriteHeader(http.StatusAccepted)
			p.done <- fmt.Errorf("it failed: %s", said.ErrorMessage)
		}
	})
}

func (p *process) invoke(payload []byte, times int) error {
	for range times {
		p.work <- payload
		if err := <-p.done; err != nil {
			return err
		}
	}
	return nil
}

// stop ends the process; how it ends does not matter.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.api.Close()
}

// ticks is how many parts of a second /proc counts processor time in.
const ticks = 100

// cpu returns the processor time of the process so far.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	total := 0
	for _, field := range fields[11:13] { // user and system time
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return time.Duration(total) * time.Second / ticks, nil
}

// peakMemory returns the most memory that the process had, in MiB.
func (p *process) peakMemory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for row := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(row, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("the system does not report the peak memory")
}
