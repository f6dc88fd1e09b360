package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
		{"flag over variable", withOutput, map[string]string{"CHIMEWATCH_TABLE": "from-variable"},
			[]string{"--table", "from-flag"}, "from-flag"},
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
			if got.code != exitFailed || !strings.Contains(got.stderr, want) ||
				!strings.Contains(got.stderr, "check --table (or CHIMEWATCH_TABLE)") {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
			}
		})
	}
}

func TestTableNameNotFound(t *testing.T) {
	f := newFakeAWS(t)
	got := execute(nil, "", "calls", "list", "--region", "us-east-1", "--endpoint-url", f.URL)
	want := result{exitFailed, "", "chimewatch: stack Chimewatch: the table is not known, as it has no output TableName " +
		"(use --table NAME, set CHIMEWATCH_TABLE, or name the deployed stack with --stack)\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
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

// Flags, variables and profiles determine the credentials and the Region of a request.
func TestCredentialsAndRegion(t *testing.T) {
	profiles := filepath.Join(t.TempDir(), "config")
	ops := "[profile ops]\nregion = eu-central-1\naws_access_key_id = AKIDOPS\naws_secret_access_key = s\n"
	if err := os.WriteFile(profiles, []byte(ops), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		want string // in the signature's scope
	}{
		{"region flag", nil, []string{"--region", "us-west-2"}, "AKIDEXAMPLE/*/us-west-2/events"},
		{"region variable", map[string]string{"AWS_REGION": "us-west-2"}, nil, "AKIDEXAMPLE/*/us-west-2/events"},
		{"region flag wins", map[string]string{"AWS_REGION": "us-west-2"}, []string{"--region", "us-east-1"},
			"AKIDEXAMPLE/*/us-east-1/events"},
		{"profile flag wins over keys", nil, []string{"--profile", "ops"}, "AKIDOPS/*/eu-central-1/events"},
		{"profile variable sets the region", map[string]string{"AWS_PROFILE": "ops"}, nil,
			"AKIDEXAMPLE/*/eu-central-1/events"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			t.Setenv("AWS_CONFIG_FILE", profiles)
			t.Setenv("AWS_ENDPOINT_URL", f.URL)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			got := execute(nil, "", append([]string{"send", "paused"}, test.args...)...)
			if got.code != exitDone || len(f.authorization) != 1 {
				t.Fatalf("got exit code %d, %q and %d requests, want 0 and one", got.code, got.stderr, len(f.authorization))
			}
			key, scope, _ := strings.Cut(test.want, "/*/")
			if header := f.authorization[0]; !strings.Contains(header, "Credential="+key+"/") ||
				!strings.Contains(header, "/"+scope+"/") {
				t.Errorf("got the header %q, want %q in it", header, test.want)
			}
		})
	}
}

func TestEndpointFlagWins(t *testing.T) {
	for _, variable := range []string{
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EVENTBRIDGE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	} {
		t.Run(variable, func(t *testing.T) {
			f := newFakeAWS(t)
			value := "http://127.0.0.1:9"
			if strings.HasPrefix(variable, "AWS_IGNORE") {
				value = "true"
			}
			t.Setenv(variable, value)
			if got := sendTo(f, "paused"); got.code != exitDone || len(f.entries) != 1 {
				t.Errorf("got exit code %d, %q and %d events, want the event at the flag's endpoint", got.code, got.stderr,
					len(f.entries))
			}
		})
	}
}

func TestAWSErrorsAreExplained(t *testing.T) {
	fails := func(code, message string) string { return fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message) }
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"access denied", http.StatusBadRequest,
			fails("AccessDeniedException", "User: arn:aws:iam::111122223333:user/x is not authorized"),
			"chimewatch: events:PutEvents: permission is denied: User: arn:aws:iam::111122223333:user/x is not authorized " +
				"(allow events:PutEvents to these credentials, or use --profile with others)\n"},
		{"expired", http.StatusBadRequest,
			fails("ExpiredTokenException", "The security token included in the request is expired"),
			"(renew them, for instance with \"aws sso login\")\n"},
		{"wrong keys", http.StatusBadRequest,
			fails("UnrecognizedClientException", "The security token included in the request is invalid."),
			"the credentials are refused: The security token included in the request is invalid. (check the access key"},
		{"no bus", http.StatusBadRequest, fails("ResourceNotFoundException", "Event bus x does not exist."),
			"there is no such thing in this account and Region: Event bus x does not exist. (check the name, --region and " +
				"--profile)\n"},
		{"throttled", http.StatusBadRequest, fails("ThrottlingException", "Rate exceeded"),
			"(wait a little and try again)\n"},
		{"failed", http.StatusInternalServerError, fails("InternalFailure", "Oh."),
			"events:PutEvents: the service failed: Oh. (try again)\n"},
		{"unheard of", http.StatusBadRequest, fails("OddException", "odd"),
			"events:PutEvents: the service answered OddException: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			f.status, f.body = test.status, test.body
			got := sendTo(f, "paused")
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("got exit code %d and %q, want 1 and one line with %q", got.code, got.stderr, test.want)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	f := newFakeAWS(t)
	f.Close()
	got := sendTo(f, "paused")
	if want := `for the local stack start "chimewatch local"`; got.code != exitFailed ||
		!strings.Contains(got.stderr, want) {
		t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, want)
	}
}

func TestWithoutCredentials(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no keys", []string{"--region", "us-east-1"}, "chimewatch: AWS credentials: there are none that can be used"},
		{"no such profile", []string{"--profile", "nobody"},
			`chimewatch: AWS profile "nobody": it is not in the AWS configuration files (use --profile with one that`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "")
			got := execute(nil, "", append([]string{"send", "paused"}, test.args...)...)
			if got.code != exitFailed || !strings.HasPrefix(got.stderr, test.want) {
				t.Errorf("got exit code %d and %q, want 1 and %q", got.code, got.stderr, test.want)
			}
		})
	}
}
