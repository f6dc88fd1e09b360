package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/test/binaries"
)

// assembly is the stack as the real CDK command line synthesizes it, with functions
// for this machine, on which they will run.
type assembly struct {
	cfn.Template
	dir string
}

// contexts are the configurations that tests here work on. The others are tested on
// their templates, in package stacks.
var contexts = map[string][]string{
	"default": nil,
	"everything": {
		"voiceSources=lambda,sqs,sns,kinesis", "voiceTasks=speaker-search,voice-tone", "voiceAccessRole=true",
		"voiceProfileDomainArn=arn:aws:chime:us-east-1:123456789012:voice-profile-domain/" +
			"8b0c1d2e-0f3a-4c5b-9d6e-7f8091a2b3c4",
		"rehearsal=true",
		"failureEmails=ops@example.com", "alertEmails=team@example.com", "alarmEmails=ops@example.com",
		`routes=[{"rule": "escalation-*", "severity": "high", "topic": "arn:aws:sns:us-east-1:123456789012:supervisors"}]`,
	},
}

var (
	assembling sync.Mutex
	assemblies = map[string]assembly{}
)

// assembled returns the assembly of a configuration. Each is synthesized once.
func assembled(t *testing.T, name string) assembly {
	t.Helper()
	architecture, ok := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		t.Skip("the deployed functions run on Linux on amd64 or arm64 only")
	}
	need.CDK(t)
	assembling.Lock()
	defer assembling.Unlock()
	if made, ok := assemblies[name]; ok {
		return made
	}
	dir := filepath.Join(binaries.Folder(t), "cdk.out."+name)
	args := []string{
		"cdk", "synth", "--quiet", "--no-notices", "--output", dir, "--context", "chimewatch:architecture=" + architecture,
	}
	for _, choice := range contexts[name] {
		args = append(args, "--context", "chimewatch:"+choice)
	}
	cmd := exec.CommandContext(t.Context(), "npx", args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(),
		"AWS_REGION="+stackRegion, "AWS_DEFAULT_REGION="+stackRegion, "AWS_EC2_METADATA_DISABLED=true")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cdk synth: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "Chimewatch.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	made := assembly{cfn.Read(t, text), dir}
	assemblies[name] = made
	return made
}

// functionPath is where a function is in the construct tree.
func functionPath(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// assets returns the folder of each function's binary, by the function's name.
func (a assembly) assets(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(a.dir, "Chimewatch.assets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files map[string]struct {
			DisplayName string
			Source      struct{ Path string }
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range manifest.Files {
		if function, ok := strings.CutSuffix(file.DisplayName, "/Code"); ok {
			found[strings.ToLower(function[strings.LastIndexByte(function, '/')+1:])] = filepath.Join(a.dir, file.Source.Path)
		}
	}
	return found
}

// forMoto returns the folder of an assembly that moto can deploy: it expects the tags
// of a KMS key as the API of KMS spells them, not as CloudFormation does.
func (a assembly) forMoto(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cdk.out")
	if err := os.CopyFS(dir, os.DirFS(a.dir)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Chimewatch.template.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	for _, r := range template["Resources"].(map[string]any) {
		if cfn.At(r, "Type") != "AWS::KMS::Key" {
			continue
		}
		for _, tag := range cfn.Listed(cfn.At(r, "Properties", "Tags")) {
			tag.(map[string]any)["TagKey"], tag.(map[string]any)["TagValue"] = cfn.At(tag, "Key"), cfn.At(tag, "Value")
		}
	}
	if text, err = json.MarshalIndent(template, "", " "); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// cfn-lint finds no error in what is deployed.
func TestAssemblyPassesCfnLint(t *testing.T) {
	lint := need.Tool(t, "cfn-lint")
	for name := range contexts {
		a := assembled(t, name)
		cmd := exec.CommandContext(t.Context(), lint, "--non-zero-exit-code", "error", "--regions", stackRegion,
			"--template", filepath.Join(a.dir, "Chimewatch.template.json"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
