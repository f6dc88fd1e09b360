package local

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// explain returns an error with a remedy where the disk of the folder is the cause of
// err, and err itself where it is not. Node.js and LevelDB report the cause as text only.
func (f *folder) explain(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	is := func(code error, texts ...string) bool {
		return errors.Is(err, code) ||
			slices.ContainsFunc(texts, func(one string) bool { return strings.Contains(text, one) })
	}
	where, other := "folder "+f.dir, ", or choose another folder with --local-dir"
	switch {
	case is(syscall.ENOSPC, "no space left on device", "enospc"):
		return apperr.Wrap(syscall.ENOSPC, apperr.Unavailable, where, "the disk of "+f.dir+" is full",
			"free some of it"+other)
	case is(syscall.EDQUOT, "disk quota exceeded", "edquot"):
		return apperr.Wrap(syscall.EDQUOT, apperr.Unavailable, where, "the disk of "+f.dir+" has no room left for you",
			"free some of your quota"+other)
	case is(syscall.EFBIG, "file too large", "efbig", "file size limit exceeded"):
		return apperr.Wrap(syscall.EFBIG, apperr.Unavailable, where, "a file in "+f.dir+" may not grow further",
			"raise the limit with ulimit -f unlimited"+other)
	}
	return err
}

// isReadOnly reports whether a file cannot be written because its file system is read-only.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
