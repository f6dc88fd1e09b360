package notify_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/incident"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
)

// node runs a script that reads JSON from the standard input and prints JSON, and
// decodes what it prints. GUIDE in the script stands for the address of
// docs/notify.
func node(t *testing.T, script string, input, output any) {
	t.Helper()
	path := need.Tool(t, "node")
	folder := t.TempDir() // a copy, so that Go's cache of tests knows what this one depends on
	if err := os.CopyFS(folder, os.DirFS("../../docs/notify")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "run.mjs")
	script = `import { readFileSync } from "node:fs"; const input = JSON.parse(readFileSync(0)); ` +
		strings.ReplaceAll(script, "GUIDE", "file://"+filepath.ToSlash(folder))
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, file)
	cmd.Stdin = bytes.NewReader(text)
	cmd.Env = []string{"ROUTING_KEY=r-key", "ALERTS_URL=https://alerts.example.com/v2/alerts", "API_KEY=a-key"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if err := json.Unmarshal(printed, output); err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
}

// lambdaScript invokes a function of docs/notify once for each message, as SNS does,
// and prints the requests that it makes. Then it invokes it once where the other side
// refuses, and that has to fail, so that Lambda tries again.
const lambdaScript = `
import { handler } from "GUIDE/FILE";
const requests = [];
globalThis.fetch = async (url, options) => {
  requests.push({ url, authorization: options.headers.Authorization, body: JSON.parse(options.body) });
  return { ok: true };
};
for (const message of input) {
  await handler({ Records: [{ Sns: { Message: message } }] });
}
globalThis.fetch = async () => ({ ok: false, status: 429, text: async () => "slow down" });
const failed = await handler({ Records: [{ Sns: { Message: input[0] } }] }).then(() => "", (e) => e.message);
console.log(JSON.stringify({ requests, failed }));`

type lambdaResult struct {
	Requests []struct {
		URL, Authorization string
		Body               map[string]any
	}
	Failed string
}

// machineForms returns the machine form of every notification, with what it says.
func machineForms(t *testing.T) (texts []string, forms []machineForm) {
	t.Helper()
	all := goldens()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name == "test-alarm" {
			continue
		}
		m := all[name].Message(notify.Options{RunbookURL: "https://example.com/RUNBOOK.md"})
		var form machineForm
		if err := json.Unmarshal([]byte(m.Data), &form); err != nil {
			t.Fatal(err)
		}
		texts, forms = append(texts, m.Data), append(forms, form)
	}
	return texts, forms
}

// machineForm is what pagers need of the machine form.
type machineForm struct {
	ID, Severity, Title string
	Incident            *struct{ ID, Stage string }
}

// key is what groups the messages about one thing, and over whether it has ended.
func (f machineForm) key() (key string, over bool) {
	if f.Incident == nil {
		return f.ID, false
	}
	return f.Incident.ID, f.Incident.Stage == string(incident.Closing)
}

func TestGuideForwardsToPagerDuty(t *testing.T) {
	texts, forms := machineForms(t)
	var got lambdaResult
	node(t, strings.ReplaceAll(lambdaScript, "FILE", "pagerduty.mjs"), texts, &got)
	if len(got.Requests) != len(forms) || !strings.Contains(got.Failed, "429: slow down") {
		t.Fatalf("got %d requests and the failure %q, want %d and one that is refused",
			len(got.Requests), got.Failed, len(forms))
	}
	severities := map[string]string{
		"critical": "critical", "high": "error", "medium": "warning", "low": "info", "over": "info",
	}
	for i, form := range forms {
		event := got.Requests[i].Body
		key, over := form.key()
		action := "trigger"
		if over {
			action = "resolve"
		}
		want := map[string]any{"routing_key": "r-key", "event_action": action, "dedup_key": key}
		payload, _ := event["payload"].(map[string]any)
		for name, value := range want {
			if event[name] != value {
				t.Errorf("%s: got the %s %v, want %v", form.ID, name, event[name], value)
			}
		}
		if payload["severity"] != severities[form.Severity] || payload["summary"] != form.Title || payload["source"] == "" {
			t.Errorf("%s: got the payload %v, want the severity of %s, the title and a source",
				form.ID, payload, form.Severity)
		}
		// Events API v2: 255 characters of the key, 1,024 of the summary.
		if len(key) > 255 || len(form.Title) > 1024 || got.Requests[i].URL != "https://events.pagerduty.com/v2/enqueue" {
			t.Errorf("%s: got the request %+v", form.ID, got.Requests[i])
		}
	}
}

func TestGuideForwardsToOpsgenie(t *testing.T) {
	texts, forms := machineForms(t)
	var got lambdaResult
	node(t, strings.ReplaceAll(lambdaScript, "FILE", "opsgenie.mjs"), texts, &got)
	if len(got.Requests) != len(forms) || !strings.Contains(got.Failed, "429: slow down") {
		t.Fatalf("got %d requests and the failure %q, want %d and one that is refused",
			len(got.Requests), got.Failed, len(forms))
	}
	const alerts = "https://alerts.example.com/v2/alerts"
	for i, form := range forms {
		request := got.Requests[i]
		key, over := form.key()
		if request.Authorization != "GenieKey a-key" {
			t.Errorf("%s: got the authorization %q", form.ID, request.Authorization)
		}
		if over {
			if want := alerts + "/" + key + "/close?identifierType=alias"; request.URL != want {
				t.Errorf("%s: got a request to %s, want %s", form.ID, request.URL, want)
			}
			continue
		}
		message, _ := request.Body["message"].(string)
		if request.URL != alerts || request.Body["alias"] != key || len([]rune(message)) > 130 ||
			!strings.HasPrefix(form.Title, message) {
			t.Errorf("%s: got %+v, want an alert with the alias %s and at most 130 characters of the title",
				form.ID, request, key)
		}
	}
}

// transformerScript runs PagerDuty's custom event transformer with each body.
const transformerScript = `
import vm from "node:vm";
const code = readFileSync(new URL("GUIDE/pagerduty-transformer.js"), "utf8");
const events = input.map((rawBody) => {
  let emitted;
  const PD = { Trigger: "trigger", Resolve: "resolve", inputRequest: { rawBody } };
  PD.emitGenericEvents = (list) => { emitted = list; };
  vm.runInNewContext(code, { PD });
  return emitted;
});
console.log(JSON.stringify(events));`

// The transformer makes the same of the card as of the machine form, and shows how to
// confirm the subscription.
func TestGuideTransformsForPagerDuty(t *testing.T) {
	texts, forms := machineForms(t)
	var bodies []string
	envelope := func(kind, message string) string {
		return marshalled(t, map[string]string{
			"Type": kind, "TopicArn": "arn:topic", "Message": message, "SubscribeURL": "https://sns.example/confirm",
		})
	}
	all := goldens()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name != "test-alarm" {
			bodies = append(bodies, envelope("Notification", all[name].Message(notify.Options{}).Card))
		}
	}
	for _, text := range texts {
		bodies = append(bodies, envelope("Notification", text))
	}
	bodies = append(bodies, envelope("SubscriptionConfirmation", "You have chosen to subscribe"))
	var got [][]struct {
		EventType   string `json:"event_type"`
		IncidentKey string `json:"incident_key"`
		Description string `json:"description"`
	}
	node(t, transformerScript, bodies, &got)
	for i, event := range got[:len(got)-1] {
		form := forms[i%len(forms)]
		key, over := form.key()
		action := "trigger"
		if over {
			action = "resolve"
		}
		if len(event) != 1 || event[0].EventType != action || event[0].IncidentKey != key || event[0].Description == "" {
			t.Errorf("%s: got %+v, want one event that is %s of %s", form.ID, event, action, key)
		}
	}
	last := got[len(got)-1]
	if len(last) != 1 || last[0].EventType != "trigger" ||
		!strings.Contains(last[0].Description, "https://sns.example/confirm") {
		t.Errorf("got %+v, want the address that confirms", last)
	}
}

func marshalled(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
