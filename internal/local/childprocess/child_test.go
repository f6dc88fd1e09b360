package childprocess_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/childprocess"
)

// TestMain lets the test binary play three further parts: a parent that starts
// a child and sleeps, a child that ends when its input closes, and one that
// never ends by itself.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD_TEST_PART") {
	case "parent":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "CHILD_TEST_PART="+os.Getenv("CHILD_TEST_CHILD"))
		p, err := childprocess.Start(cmd)
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(strconv.Itoa(p.Pid()) + "\n")
		time.Sleep(time.Minute)
	case "reader":
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
	case "sleeper":
		time.Sleep(time.Minute)
	default:
		os.Exit(m.Run())
	}
}

func part(name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CHILD_TEST_PART="+name)
	return cmd
}

func TestStop(t *testing.T) {
	for _, tc := range []struct {
		name  string
		part  string
		clean bool
	}{
		{"a child that watches its input ends by itself", "reader", true},
		{"a child that does not is killed", "sleeper", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := childprocess.Start(part(tc.part))
			if err != nil {
				t.Fatal(err)
			}
			grace := 10 * time.Second
			if !tc.clean {
				grace = 50 * time.Millisecond
			}
			err = p.Stop(grace)
			if got := err == nil; got != tc.clean {
				t.Errorf("ended cleanly: got %v (%v), want %v", got, err, tc.clean)
			}
		})
	}
}

func TestOutputIsReadBeforeDone(t *testing.T) {
	var out bytes.Buffer
	cmd := exec.Command("go", "env", "GOOS")
	cmd.Stdout = &out
	p, err := childprocess.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() != nil || strings.TrimSpace(out.String()) == "" {
		t.Errorf("got output %q and error %v, want the system's name", out.String(), p.Err())
	}
}

func TestStartOfMissingProgram(t *testing.T) {
	if _, err := childprocess.Start(exec.Command("./no-such-program")); err == nil {
		t.Error("got no error, want one for a program that is not there")
	}
}
