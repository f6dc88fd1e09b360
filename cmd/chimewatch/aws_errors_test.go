package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// refusal is an error of AWS, with the code of each protocol.
type refusal struct {
	name   string
	status int
	// cloudFormation is the code in the query protocol, which SNS uses, too; json is that of the others. Both are
	// empty for an answer without a code.
	cloudFormation, json string
	class                apperr.Class
	fix                  string
}

var refusals = []refusal{
	{"expired", 403, "ExpiredToken", "ExpiredTokenException", apperr.Invalid, "renew them"},
	{"denied", 403, "AccessDenied", "AccessDeniedException", apperr.Internal,
		"to these credentials, or use --profile with others"},
	{"unknown key", 403, "InvalidClientTokenId", "UnrecognizedClientException", apperr.Invalid, "check the access key"},
	{"wrong secret", 403, "SignatureDoesNotMatch", "InvalidSignatureException", apperr.Invalid, "check the access key"},
	{"no token", 403, "MissingAuthenticationToken", "MissingAuthenticationTokenException", apperr.Invalid,
		"check the access key"},
	{"Region not enabled", 403, "OptInRequired", "OptInRequired", apperr.Invalid, "check the access key"},
	{"throttled", 400, "Throttling", "ThrottlingException", apperr.Throttled, "wait a little"},
	{"failed", 500, "InternalFailure", "InternalServerError", apperr.Unavailable, "try again"},
	{"failed with an unknown code", 503, "Odd", "Odd", apperr.Unavailable, "try again"},
	{"failed without a code", 502, "", "", apperr.Unavailable, "try again"},
	{"denied without a code", 403, "", "", apperr.Internal, "use --profile with others"},
	{"throttled without a code", 429, "", "", apperr.Throttled, "wait a little"},
}

// refusing returns the URL of a server that answers every request with a refusal; with stack, except CloudFormation's.
func refusing(t *testing.T, r refusal, stack bool) string {
	t.Helper()
	f := &fakeAWS{outputs: map[string]string{"TableName": "t", "FailureTopicArn": "arn:aws:sns:us-east-1:111122223333:f",
		"RuleDeadLettersUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/q"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if body, _ := io.ReadAll(req.Body); stack && strings.Contains(string(body), "DescribeStacks") {
			f.answerDescribeStacks(w, string(body))
			return
		}
		code := r.cloudFormation
		format := "<ErrorResponse><Error><Code>%s</Code><Message>said by the service</Message></Error></ErrorResponse>"
		if req.Header.Get("X-Amz-Target") != "" {
			code, format = r.json, `{"__type":%q,"message":"said by the service"}`
		}
		w.WriteHeader(r.status)
		if code == "" {
			io.WriteString(w, "<html>no</html>")
			return
		}
		fmt.Fprintf(w, format, code)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// asking has a command line of each kind.
var asking = [][]string{
	{"calls", "list"}, {"calls", "show", "x"}, {"incidents", "list"}, {"incidents", "show", "g.1"}, {"alerts", "list"},
	{"consent", "list"}, {"consent", "show", "x"},
	{"consent", "grant", "--transaction", "x", "--by", "me", "--scope", "both"},
	{"dead-letters", "list"}, {"topics", "list"}, {"send", "paused"},
}

// checkAdvice checks class and fix of an error in JSON, and that it does not mention the name of the table, which is
// not the cause.
func checkAdvice(t *testing.T, args []string, endpoint string, class apperr.Class, fix string) {
	t.Helper()
	got := execute(nil, "", append(args, "-o", "json", "--region", "us-east-1", "--endpoint-url", endpoint)...)
	lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
	var said struct{ Error errorReport }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err != nil {
		t.Errorf("%v: got exit code %d and %q, want an error in JSON", args, got.code, got.stderr)
		return
	}
	if got.code != exitFailed || said.Error.Class != class || !strings.Contains(said.Error.Fix, fix) {
		t.Errorf("%v: got exit code %d and %+v, want 1, class %s and %q", args, got.code, said.Error, class, fix)
	}
	if strings.Contains(got.stderr, "--table") {
		t.Errorf("%v: got %q, want no word of --table", args, got.stderr)
	}
}

// Every command that calls AWS says what to do about an error, for each service that may return it.
func TestEveryCommandExplainsAWSErrors(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			for _, stack := range []bool{false, true} {
				endpoint := refusing(t, r, stack)
				for _, args := range asking {
					checkAdvice(t, args, endpoint, r.class, r.fix)
				}
			}
			endpoint := refusing(t, r, false)
			checkAdvice(t, []string{"calls", "list", "--table=t"}, endpoint, r.class, r.fix)
		})
	}
	t.Run("no network", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		for _, args := range asking {
			checkAdvice(t, args, "http://"+listener.Addr().String(), apperr.Unavailable, "check the network")
		}
	})
}

// The usual mistake is another Region or another profile, so the error names where the stack was looked for.
func TestMissingStackNamesAccountRegionAndProfile(t *testing.T) {
	profiles := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profiles, []byte("[profile ops]\nregion = eu-central-1\naws_access_key_id = AKIDOPS\n"+
		"aws_secret_access_key = s\naws_account_id = 111122223333\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"variables", map[string]string{"AWS_REGION": "us-west-2"}, nil,
			"in us-west-2 (with the keys of AWS_ACCESS_KEY_ID) at "},
		{"account of variables", map[string]string{"AWS_REGION": "us-west-2", "AWS_ACCOUNT_ID": "444455556666"}, nil,
			"in account 444455556666, us-west-2 (with the keys of AWS_ACCESS_KEY_ID) at "},
		{"profile flag", nil, []string{"--profile", "ops"}, "in account 111122223333, eu-central-1 (profile ops) at "},
		{"keys before the variable", map[string]string{"AWS_PROFILE": "ops"}, nil,
			"in eu-central-1 (with the keys of AWS_ACCESS_KEY_ID, not those of profile ops) at "},
		{"profile variable", map[string]string{"AWS_PROFILE": "ops", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
			[]string{"--region", "us-east-1"}, "in account 111122223333, us-east-1 (profile ops) at "},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFakeAWS(t)
			t.Setenv("AWS_CONFIG_FILE", profiles)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			for _, args := range asking[:len(asking)-1] {
				if args[1] == "grant" { // needs no stack
					continue
				}
				got := execute(nil, "", append(append(args, "--stack=None", "--endpoint-url="+f.URL), test.args...)...)
				if got.code != exitFailed || !strings.HasPrefix(got.stderr, "chimewatch: stack None: ") ||
					!strings.Contains(got.stderr, "there is no such stack "+test.want+f.URL) ||
					!strings.Contains(got.stderr, "(check --region and --profile; name the deployed stack with --stack") {
					t.Errorf("%v: got exit code %d and %q, want 1 and a missing stack %s", args, got.code, got.stderr, test.want)
				}
			}
		})
	}
}
