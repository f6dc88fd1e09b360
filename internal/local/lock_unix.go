//go:build unix

package local

import (
	"os"
	"syscall"
)

// tryLock locks the file for this process; false when another one has it.
func tryLock(file *os.File) bool {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
