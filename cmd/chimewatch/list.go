package main

import (
	"fmt"

	"github.com/chimewatch/chimewatch/internal/dynamo"
)

// maxLimit keeps a list short enough for one reader and for one loop of requests.
const maxLimit = 1000

// limitFlag is the flag of a list that is read in one piece.
type limitFlag struct {
	Limit int `short:"n" default:"50" placeholder:"N" help:"At most this many, the newest (${default})."`
}

// Validate is called by kong.
func (f limitFlag) Validate() error { return checkLimit(f.Limit, "") }

// noteMore says that a list has more items than were printed.
func (a *app) noteMore(more bool) {
	if more {
		a.note("there are more: use a larger --limit, up to %d, to see them", maxLimit)
	}
}

func checkLimit(limit int, more string) error {
	if limit < 1 || limit > maxLimit {
		return usage("--limit", fmt.Sprintf("%d is out of range", limit), fmt.Sprintf("use 1 to %d", maxLimit)+more)
	}
	return nil
}

// paging are the flags of a list that is read in pages.
type paging struct {
	Limit  int    `short:"n" default:"50" placeholder:"N" help:"At most this many per page (${default})."`
	All    bool   `help:"Read all pages."`
	Cursor string `placeholder:"CURSOR" help:"${cursor_help}"`
}

// Validate is called by kong.
func (p paging) Validate() error {
	if err := checkLimit(p.Limit, ", and --cursor for more"); err != nil {
		return err
	}
	if dynamo.CheckCursor(p.Cursor) != nil {
		return usage("--cursor", "it was not printed by a list", "leave it out to start with the newest")
	}
	return nil
}

// columns are the columns of a list: their headings, and the cells of one item.
type columns[T any] struct {
	header []string
	row    func(T) []string
}

// printList writes a list as JSON, as a table or as CSV. An empty list must not be nil.
func printList[T any](a *app, list []T, c columns[T]) error {
	if a.asJSON() {
		return a.printJSON(list)
	}
	return a.printTable(c.header, mapped(list, c.row))
}

// printPages writes the page that read returns for a cursor and a limit, or with --all each page
// from there, and then the cursor of the next page. As CSV and JSON Lines each page is written
// when it was read; if a later one fails, its cursor is written before the error.
func printPages[T any](
	a *app, p paging, read func(cursor string, limit int) (page []T, next string, err error), c columns[T],
) error {
	list, printed := []T{}, false
	for cursor := p.Cursor; ; {
		page, next, err := read(cursor, p.Limit)
		if err != nil {
			if printed {
				a.noteCursor(cursor)
			}
			return err
		}
		list = append(list, page...)
		last := !p.All || next == ""
		if last || a.Output == outputCSV || a.Output == outputLines {
			if err := printList(a, list, c); err != nil {
				return err
			}
			list, printed = list[:0], true
		}
		if last {
			a.noteCursor(next)
			return nil
		}
		cursor = next
	}
}

// noteCursor writes the cursor of the next page to the error stream, if there is one.
func (a *app) noteCursor(cursor string) {
	switch {
	case cursor == "":
	case a.asJSON():
		a.writeStderrJSON("next", cursor)
	default:
		fmt.Fprintln(a.stderr, "chimewatch: there is more: --cursor "+cursor)
	}
}
