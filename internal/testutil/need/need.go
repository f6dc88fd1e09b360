// Package need checks what a test needs of the machine. Where that is missing, the test is
// skipped with the reason; on CI (environment variable CI), where everything has to be
// installed, it fails. With -short, tests that start processes are skipped.
package need

import (
	"os"
	"os/exec"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/dynalite"
)

// Processes skips a test that starts other programs where -short is set.
func Processes(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts processes: run without -short")
	}
}

// Tool returns the path of a program that the test starts.
func Tool(t testing.TB, name string) string {
	t.Helper()
	Processes(t)
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

// Dynalite returns the folder from whose node_modules the table's server starts.
func Dynalite(t testing.TB) string {
	t.Helper()
	Tool(t, "node")
	modules, err := dynalite.FindModules(".")
	if err != nil {
		missing(t, err.Error())
	}
	return modules
}

// CDK makes sure that the CDK's command line is installed in the node_modules of the
// folder above the test's.
func CDK(t testing.TB) {
	t.Helper()
	Tool(t, "npx")
	if _, err := os.Stat("../node_modules/aws-cdk"); err != nil {
		missing(t, "aws-cdk is not installed: run npm ci")
	}
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
