// Package lazyregexp compiles regular expressions when they are first used: a function
// starts with every package that it imports, and uses few of their expressions.
package lazyregexp

import (
	"regexp"
	"sync"
)

// New returns a function that returns the compiled expression. It panics on its first
// call where the expression is wrong. It is safe for concurrent use.
func New(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// Matcher returns a function that reports whether a text contains a match.
func Matcher(expr string) func(string) bool {
	compiled := New(expr)
	return func(s string) bool { return compiled().MatchString(s) }
}
