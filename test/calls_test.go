package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
)

// recorder forwards the requests of one function to AWS, and records which actions of IAM
// they are, on which index of the table.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	called map[string]bool
}

// published stores the messages that functions published.
type published struct {
	mu       sync.Mutex
	messages []string
}

func (p *published) add(form url.Values) {
	if form.Get("Action") != "Publish" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, form.Get("Subject")+"\n"+form.Get("Message"))
}

func (p *published) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

func newRecorder(t *testing.T, to string, messages *published) *recorder {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{called: map[string]bool{}}
	pipelines, voice := chimesdk.NewPipelines(), chimesdk.NewVoice() // the stand-in for AWS does not know them
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		r.mu.Lock()
		r.called[action(request, body)] = true
		r.mu.Unlock()
		if form, err := url.ParseQuery(string(body)); err == nil {
			messages.add(form)
		}
		switch {
		case strings.HasPrefix(request.URL.Path, chimesdk.Path):
			pipelines.ServeHTTP(w, request)
			return
		case strings.HasPrefix(request.URL.Path, chimesdk.VoicePath):
			voice.ServeHTTP(w, request)
			return
		}
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

// action returns the action that a request needs, as cfn.Template.Permissions returns it:
// without the resource, except an index of the table.
func action(r *http.Request, body []byte) string {
	service, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if ok && strings.HasPrefix(service, "DynamoDB_") {
		var input struct{ IndexName string }
		if json.Unmarshal(body, &input) == nil && input.IndexName != "" {
			return "dynamodb:" + operation + " on " + input.IndexName
		}
		return "dynamodb:" + operation
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return "sns:" + form.Get("Action")
	}
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, chimesdk.Path+"/") {
		return "chime:GetMediaPipeline"
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // voice-connectors, id, tasks, task
	if len(parts) < 3 || "/"+parts[0] != chimesdk.VoicePath {
		return fmt.Sprintf("%s %s", r.Method, r.URL.Path)
	}
	task := map[string]string{
		"speaker-search-tasks": "SpeakerSearchTask", "voice-tone-analysis-tasks": "VoiceToneAnalysisTask",
	}[parts[2]]
	switch {
	case r.Method == http.MethodGet:
		return "chime:Get" + task
	case len(parts) == 3:
		return "chime:Start" + task
	}
	return "chime:Stop" + task
}

// uncalled are granted for events that no example has: a task that cannot be stopped, and
// one that another function starts or stops than in the examples.
var uncalled = []string{
	"chime:GetSpeakerSearchTask", "chime:StartSpeakerSearchTask", "chime:StopSpeakerSearchTask",
	"chime:GetVoiceToneAnalysisTask", "chime:StartVoiceToneAnalysisTask", "chime:StopVoiceToneAnalysisTask",
}

// check compares what a function called with what its role grants: nothing more may
// be called, and nothing that was not called may be granted.
func (r *recorder) check(t *testing.T, function string, permissions []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var granted []string
	for _, permission := range permissions {
		action, resource, _ := strings.Cut(permission, " on ")
		if _, index, ok := strings.Cut(resource, "/index/"); ok {
			action += " on " + index
		}
		granted = append(granted, action)
	}
	for called := range r.called {
		if !slices.Contains(granted, called) {
			t.Errorf("%s: called %s, which its role does not grant", function, called)
		}
	}
	for _, one := range granted {
		service, _, _ := strings.Cut(one, ":")
		recorded := slices.Contains([]string{"dynamodb", "sns", "chime"}, service)
		if recorded && !r.called[one] && !slices.Contains(uncalled, one) {
			t.Errorf("%s: its role grants %s, which it did not call", function, one)
		}
	}
}
