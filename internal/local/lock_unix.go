//go:build unix

package local

import (
	"os"
	"syscall"
)

// tryLock locks the file for this process, alone or shared with others that only read;
// false when another one has it.
func tryLock(file *os.File, shared bool) bool {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	return syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB) == nil
}
