package childprocess

import (
	"os/exec"
	"syscall"
)

// detach puts the child into its own process group, away from the terminal's
// signals, and has the kernel kill it when this process is gone.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
