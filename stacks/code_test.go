package stacks_test

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/stacks"
)

// Functions are static binaries for Lambda's architecture, and the same bytes wherever
// they are built. Otherwise every deployment would change every function.
func TestBuildIsStaticAndReproducible(t *testing.T) {
	need.Tool(t, "node") // on which the CDK runs
	for architecture, want := range map[string]struct {
		goarch  string
		machine elf.Machine
	}{"arm64": {"arm64", elf.EM_AARCH64}, "x86_64": {"amd64", elf.EM_X86_64}} {
		t.Run(architecture, func(t *testing.T) {
			t.Setenv("GOARCH", "riscv64") // the variables of the deployer's shell do not matter
			t.Setenv("CGO_ENABLED", "1")
			built, again := build(t, architecture), build(t, architecture)
			info, err := buildinfo.ReadFile(built)
			if err != nil {
				t.Fatal(err)
			}
			settings := map[string]string{}
			for _, s := range info.Settings {
				settings[s.Key] = s.Value
			}
			got := map[string]string{}
			for _, key := range []string{"GOOS", "GOARCH", "CGO_ENABLED", "-tags", "-trimpath", "vcs.revision"} {
				got[key] = settings[key]
			}
			if diff := cmp.Diff(map[string]string{
				"GOOS": "linux", "GOARCH": want.goarch, "CGO_ENABLED": "0",
				"-tags": "lambda.norpc", "-trimpath": "true", "vcs.revision": "",
			}, got); diff != "" {
				t.Errorf("how it was built: want (-), got (+):\n%s", diff)
			}
			binary, err := elf.Open(built)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { binary.Close() })
			libraries, err := binary.ImportedLibraries()
			if err != nil || len(libraries) > 0 || binary.Section(".interp") != nil {
				t.Errorf("got the libraries %v (%v), want a static binary", libraries, err)
			}
			if binary.Machine != want.machine {
				t.Errorf("got a binary for %s, want %s", binary.Machine, want.machine)
			}
			if id := binary.Section(".note.go.buildid"); binary.Section(".symtab") != nil || id != nil && id.Size > 16 {
				t.Error("got symbols or a build id, want neither")
			}
			if read(t, built) != read(t, again) {
				t.Error("built in another folder, it has other bytes")
			}
		})
	}
}

// build builds a function of a module of its own, and returns the binary's path.
func build(t *testing.T, architecture string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "functions", "status"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": "module github.com/chimewatch/chimewatch\n\ngo 1.26\n",
		// The package net has parts in C where that is allowed.
		"functions/status/main.go": "package main\n\nimport _ \"net\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stacks.Build(root)("status", architecture)
	return filepath.Join(root, "bin", "lambda", architecture, "status", "bootstrap")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
