package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// kind is how the value of a setting is written as text.
type kind struct {
	// Allowed says which values are valid, to complete the sentence "set …".
	Allowed string
	// parse sets the value; where names the place of the text in the error, which is of
	// class Invalid. A refused value is not set.
	parse func(c *Stack, where, text string) error
	// format returns the value as parse reads it.
	format func(c Stack) string
}

// parsed is a kind whose parser makes its own errors.
func parsed[T any](allowed string, field func(*Stack) *T, parse func(where, text string) (T, error),
	format func(T) string) kind {
	return kind{
		Allowed: allowed,
		parse: func(c *Stack, where, text string) error {
			value, err := parse(where, text)
			if err == nil {
				*field(c) = value
			}
			return err
		},
		format: func(c Stack) string { return format(*field(&c)) },
	}
}

// value is a kind whose parser only reports whether the text is valid.
func value[T any](
	allowed string, field func(*Stack) *T, parse func(text string) (T, bool), format func(T) string,
) kind {
	return parsed(allowed, field, func(where, text string) (T, error) {
		v, ok := parse(text)
		if !ok {
			return v, apperr.New(apperr.Invalid, where, fmt.Sprintf("is %q", text), "set "+allowed)
		}
		return v, nil
	}, format)
}

func boolean(field func(*Stack) *bool) kind {
	return value("true or false", field, func(text string) (bool, bool) {
		return text == "true", text == "true" || text == "false"
	}, strconv.FormatBool)
}

func number(allowed string, valid func(int) bool, field func(*Stack) *int) kind {
	return value(allowed, field, func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && valid(n)
	}, strconv.Itoa)
}

// between accepts numbers, both ends included.
func between(low, high int) func(int) bool { return func(n int) bool { return n >= low && n <= high } }

// duration is a number of units from low to high, or 0 if zero is true.
func duration(unit, low, high time.Duration, zero bool, field func(*Stack) *time.Duration) kind {
	allowed := "a duration"
	if unit == time.Second {
		allowed += " of whole seconds"
	}
	allowed += " from " + FormatDuration(low) + " to " + FormatDuration(high) + ", written like 90s, 15m or 2h"
	if zero {
		allowed += ", or 0"
	}
	return value(allowed, field, func(text string) (time.Duration, bool) {
		d, err := time.ParseDuration(text)
		return d, err == nil && d%unit == 0 && (d >= low && d <= high || zero && d == 0)
	}, FormatDuration)
}

// FormatDuration writes a duration without units that are zero: 1m, not 1m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func text(allowed string, valid func(string) bool, field func(*Stack) *string) kind {
	return value(allowed, field, func(text string) (string, bool) { return text, valid(text) }, same)
}

// optional is a text that may be empty.
func optional(allowed string, valid func(string) bool, field func(*Stack) *string) kind {
	return text(allowed+", or nothing", func(text string) bool { return text == "" || valid(text) }, field)
}

// checked is a text with a check that makes its own errors.
func checked(allowed string, check func(where, text string) error, field func(*Stack) *string) kind {
	return parsed(allowed, field, func(where, text string) (string, error) { return text, check(where, text) }, same)
}

func same(text string) string { return text }

// list is a list of texts, with commas between. valid may sort them.
func list(allowed string, valid func([]string) bool, field func(*Stack) *[]string) kind {
	return value(allowed+", a list or separated by commas", field, func(text string) ([]string, bool) {
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return items, valid(items)
	}, func(items []string) string { return strings.Join(items, ",") })
}

// each accepts lists of valid items.
func each(valid func(string) bool) func([]string) bool {
	return func(items []string) bool {
		return !slices.ContainsFunc(items, func(item string) bool { return !valid(item) })
	}
}

// subset is a list of some of the allowed words, each once; it is kept in their order.
func subset(field func(*Stack) *[]string, allowed ...string) kind {
	index := func(word string) int { return slices.Index(allowed, word) }
	return list("any of "+strings.Join(allowed, ", "), func(words []string) bool {
		slices.SortFunc(words, func(a, b string) int { return index(a) - index(b) })
		return each(func(word string) bool { return index(word) >= 0 })(words) &&
			len(slices.Compact(slices.Clone(words))) == len(words)
	}, field)
}
