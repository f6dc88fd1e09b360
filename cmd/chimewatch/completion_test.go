package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComplete(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"ca", "calls"},
		{"calls ", "list show erase erasures"},
		{"calls s", "show"},
		{"-o json calls s", "show"},
		{"--profile calls incidents l", "list"},
		{"--output=json calls sh", "show"},
		{"calls list --status F", "Failed"},
		{"calls list --status = Cr", "Created CreateFailed"},
		{"calls list -o =", "table json jsonl csv"},
		{"calls list --output j", "json jsonl"},
		{"calls list --fu", "--full-numbers"},
		{"calls list --full-numbers --prof", "--profile"},
		{"calls show --ev", "--events"},
		{"local --no-p", "--no-play"},
		{"completion ", "bash zsh fish"},
		{"completi", "completion"},
		{"complete", ""},
		{"nothing such ", "calls"},
		{"calls show --table ", ""},
	} {
		got := execute(map[string]string{"CHIMEWATCH_OUTPUT": "csv"}, "",
			append([]string{"complete", "--"}, strings.Split(test.line, " ")...)...)
		found := strings.Fields(got.stdout)
		if test.line == "nothing such " {
			found = found[:min(1, len(found))]
		}
		diff := cmp.Diff(strings.Fields(test.want), found)
		if got.code != exitDone || got.stderr != "" || diff != "" && len(found)+len(test.want) > 0 {
			t.Errorf("%q: got exit code %d and %q; words (-want +got):\n%s", test.line, got.code, got.stderr, diff)
		}
	}
}

// Every command and flag that the help names can be completed.
func TestCompleteOffersWhatTheHelpNames(t *testing.T) {
	for line := range strings.Lines(execute(nil, "", "--help").stdout) {
		command := strings.Split(strings.TrimSpace(line), "  ")[0]
		if !strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "   ") || strings.HasPrefix(command, "-") {
			continue
		}
		words := strings.Fields(command)
		got := execute(nil, "", append([]string{"complete", "--"}, words...)...)
		if !slices.Contains(strings.Fields(got.stdout), words[len(words)-1]) {
			t.Errorf("%s: got %q, want the command", command, got.stdout)
		}
		for _, word := range strings.Fields(execute(nil, "", append(words, "--help")...).stdout) {
			flag, _, _ := strings.Cut(word, "=")
			if !strings.HasPrefix(flag, "--") || strings.ContainsAny(flag, ".,)[\"") ||
				word != flag && !strings.Contains(word, "=") {
				continue
			}
			got := execute(nil, "", append(append([]string{"complete", "--"}, words...), flag)...)
			if flag != "--help" && !slices.Contains(strings.Fields(got.stdout), flag) {
				t.Errorf("%s %s: got %q, want the flag", command, flag, got.stdout)
			}
		}
	}
}

// The script works in bash, if the machine has it.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	dir := t.TempDir()
	stand := "#!/bin/sh\nprintf '%s\\n' \"$*\"\n"
	if err := os.WriteFile(filepath.Join(dir, "chimewatch"), []byte(stand), 0o755); err != nil {
		t.Fatal(err)
	}
	script := execute(nil, "", "completion", "bash").stdout + `
COMP_WORDS=(` + filepath.Join(dir, "chimewatch") + ` calls list --status "")
COMP_CWORD=4
_chimewatch "${COMP_WORDS[0]}"
printf '%s\n' "${COMPREPLY[@]}"`
	out, err := exec.CommandContext(t.Context(), bash, "-c", script).CombinedOutput()
	if want := "complete -- calls list --status \n"; err != nil || string(out) != want {
		t.Errorf("got %q and error %v, want %q", out, err, want)
	}
}

// The three ways to print the help of a command have the same output.
func TestHelpCommand(t *testing.T) {
	for _, command := range []string{"", "calls list", "send", "calls"} {
		words := strings.Fields(command)
		got, want := execute(nil, "", append([]string{"help"}, words...)...), execute(nil, "", append(words, "--help")...)
		if got != want || want.stdout == "" {
			t.Errorf("%q: got %+v, want %+v", command, got, want)
		}
	}
}

func TestVersionFlag(t *testing.T) {
	if got, want := execute(nil, "", "--version"), execute(nil, "", "version"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStackOfTheEnvironment(t *testing.T) {
	f := newFakeAWS(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "stack FromVariable:"},
		{[]string{"--stack", "FromFlag"}, "stack FromFlag:"},
	} {
		args := append([]string{"calls", "list", "--region", "us-east-1", "--endpoint-url", f.URL}, test.args...)
		got := execute(map[string]string{"CHIMEWATCH_STACK": "FromVariable"}, "", args...)
		if !strings.Contains(got.stderr, test.want) {
			t.Errorf("%v: got %q, want an error of %q", args, got.stderr, test.want)
		}
	}
}
