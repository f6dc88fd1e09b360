//go:build unix && !linux

package childprocess

import (
	"os/exec"
	"syscall"
)

// detach puts the child into its own process group, away from the terminal's
// signals. It ends with this process because it watches its standard input, or
// because it loses the server that it asks for work.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
