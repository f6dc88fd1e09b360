//go:build unix

package test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/chimewatch/chimewatch/internal/local"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// TestReadmeCommandsWork runs the commands that the README shows for a stack that serves,
// with another address and folder, one after the other.
func TestReadmeCommandsWork(t *testing.T) {
	t.Parallel()
	need.Tool(t, "aws")
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), "any AWS client works against its one address:\n\n```\n$ ")
	block, _, ends := strings.Cut(after, "\n```")
	commands := strings.Split(block, "\n$ ")
	if !found || !ends || len(commands) < 4 || !strings.HasPrefix(commands[0], "export ") {
		t.Fatalf("got the commands %q, want an export and three others", commands)
	}
	s := startLocal(t, t.TempDir())
	here := strings.NewReplacer("http://localhost:4100", strings.Replace(s.endpoint, "127.0.0.1", "localhost", 1),
		"bin/chimewatch", binaries.Command(t), "--local", "--local --local-dir "+s.dir)
	var shown string
	for _, line := range commands[1:] {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", commands[0]+"\n"+here.Replace(line))
		cmd.Env = append(command(t).Env, "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), `"FailedEntryCount": 1`) {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		s.drained(t)
		shown += string(out)
	}
	for _, want := range []string{"missing permissions", "01234567-89ab-4cde-8f01-23456789abcd", `"ScannedCount"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("got %s, want %q in it", shown, want)
		}
	}
}

// TestCommandWorksWithAnEndpointOnly sets only the variable for the address of AWS that all
// AWS clients read: the command finds everything else as in an account.
func TestCommandWorksWithAnEndpointOnly(t *testing.T) {
	t.Parallel()
	s := startLocal(t, t.TempDir())
	run := func(args ...string) string {
		t.Helper()
		cmd := command(t, args...)
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+s.endpoint, "AWS_DEFAULT_REGION=us-east-1",
			"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("chimewatch %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("send", "permanent-failure")
	s.drained(t)
	if got := run("calls", "list"); !strings.Contains(got, "390c229b-3f88-4f5b-8169-99dfd9e1652c") {
		t.Errorf("calls list: got %s, want the call", got)
	}
	if got := run("incidents", "list"); !strings.Contains(got, "permissions") {
		t.Errorf("incidents list: got %s, want the incident", got)
	}
	if got := run("dead-letters", "list", "-o", "json"); strings.TrimSpace(got) != "[]" {
		t.Errorf("dead-letters list: got %s, want none", got)
	}
	refused := command(t, "calls", "list", "--stack", "Other")
	refused.Env = append(refused.Env, "AWS_ENDPOINT_URL="+s.endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	if out, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(out), "Other does not exist") {
		t.Errorf("another stack: got %v and %s, want that it does not exist", err, out)
	}
}

// TestLocalStackHasTheOutputsOfTheTemplate compares the names of the local stack's outputs
// with those of the deployed one.
func TestLocalStackHasTheOutputsOfTheTemplate(t *testing.T) {
	s := startStack(t, local.Options{})
	client := cloudformation.New(cloudformation.Options{
		BaseEndpoint: aws.String(s.Endpoint()), Region: local.Region,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	answer, err := client.DescribeStacks(t.Context(),
		&cloudformation.DescribeStacksInput{StackName: aws.String(local.StackName)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range answer.Stacks[0].Outputs {
		if aws.ToString(o.OutputValue) == "" {
			t.Errorf("output %s: got no value", aws.ToString(o.OutputKey))
		}
		got = append(got, aws.ToString(o.OutputKey))
	}
	// Only a deployed stack has ARNs of targets and roles.
	elsewhere := regexp.MustCompile(`^Voice.*(Arn|Name|Statements)$`)
	for name := range assembled(t, "everything").Outputs {
		if !slices.Contains(got, name) && !elsewhere.MatchString(name) {
			t.Errorf("got the outputs %v, want %s among them", got, name)
		}
	}
}
