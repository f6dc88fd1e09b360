package local

import (
	"errors"
	"strings"
	"syscall"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// explain returns the error that says what to do where the disk of the folder is the
// cause, and err itself where it is not. Node.js and LevelDB say the cause in words only.
func (f *folder) explain(err error) error {
	if err == nil {
		return nil
	}
	says := func(words ...string) bool {
		text := strings.ToLower(err.Error())
		for _, one := range words {
			if strings.Contains(text, one) {
				return true
			}
		}
		return false
	}
	where, other := "folder "+f.dir, ", or choose another folder with --local-dir"
	switch {
	case errors.Is(err, syscall.ENOSPC) || says("no space left on device", "enospc"):
		return apperr.Wrap(syscall.ENOSPC, apperr.Unavailable, where, "the disk of "+f.dir+" is full",
			"free some of it"+other)
	case errors.Is(err, syscall.EDQUOT) || says("disk quota exceeded", "edquot"):
		return apperr.Wrap(syscall.EDQUOT, apperr.Unavailable, where, "the disk of "+f.dir+" has no room left for you",
			"free some of your quota"+other)
	case errors.Is(err, syscall.EFBIG) || says("file too large", "efbig", "file size limit exceeded"):
		return apperr.Wrap(syscall.EFBIG, apperr.Unavailable, where, "a file of "+f.dir+" may not grow further",
			"raise the limit with ulimit -f unlimited"+other)
	}
	return err
}

// isReadOnly reports whether a file cannot be written because its file system is read-only.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
