package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableName(t *testing.T) {
	withOutput := map[string]string{"FailureTopicArn": "arn:x", "TableName": "from-stack"}
	for _, test := range []struct {
		name    string
		outputs map[string]string
		env     map[string]string
		args    []string
		want    string
	}{
		{"stack's output", withOutput, nil, nil, "from-stack"},
		{"variable", withOutput, map[string]string{"CHIMEWATCH_TABLE": "from-variable"}, nil, "from-variable"},
		{"flag", withOutput, nil, []string{"--table", "from-flag"}, "from-flag"},
		{"flag over variable", withOutput, map[string]string{"CHIMEWATCH_TABLE": "from-variable"}, []string{"--table", "from-flag"}, "from-flag"},
		{"flag without a stack", nil, nil, []string{"--table", "from-flag", "--stack", "None"}, "from-flag"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			f.outputs = test.outputs
			args := append([]string{"calls", "show", "x", "--region", "us-east-1", "--endpoint-url", f.URL}, test.args...)
			got := execute(test.env, "", args...)
			for _, table := range f.tables {
				if table != test.want {
					t.Errorf("got table %s, want %s", table, test.want)
				}
			}
			if len(f.tables) == 0 {
				t.Errorf("got %q and no request to a table, want one to %s", got.stderr, test.want)
			}
			want := "there is no such table in this account and Region"
			if got.code != exitFailed || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "check --table (or CHIMEWATCH_TABLE)") {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
			}
		})
	}
}

func TestTableNameNotFound(t *testing.T) {
	const threeWays = " (use --table NAME, set CHIMEWATCH_TABLE, or name the deployed stack with --stack)\n"
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no stack", []string{"--stack", "None"},
			"chimewatch: stack None: the table is not known, and cannot be found from the stack: the service refuses the request: Stack with id None does not exist" + threeWays},
		{"no output", nil, "chimewatch: stack Chimewatch: the table is not known, and the stack has no output TableName" + threeWays},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			got := execute(nil, "", append([]string{"calls", "list", "--region", "us-east-1", "--endpoint-url", f.URL}, test.args...)...)
			if diff := cmp.Diff(result{exitFailed, "", test.want}, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLocalWithoutAStack(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{{"calls", "list"}, {"calls", "show", "x"}, {"send", "created"}} {
		got := execute(nil, "", append(args, "--local", "--local-dir", dir)...)
		if want := "(start one with: chimewatch local)\n"; got.code != exitFailed || !strings.HasSuffix(got.stderr, want) {
			t.Errorf("%v: got exit code %d and %q, want 1 and %q", args, got.code, got.stderr, want)
		}
	}
}
