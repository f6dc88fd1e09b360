package test

import (
	"os"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/need"
	"github.com/chimewatch/chimewatch/test/binaries"
)

func TestMain(m *testing.M) { os.Exit(binaries.Run(m)) }

// functionBinaries returns the folder with NAME/bootstrap for every function.
func functionBinaries(t *testing.T) string {
	t.Helper()
	return binaries.Functions(t, binaries.All...)
}

// needNode skips a test where the table's server cannot run, with the reason.
func needNode(t *testing.T) {
	t.Helper()
	need.Dynalite(t)
}
