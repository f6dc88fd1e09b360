package main

import "fmt"

// paging are the flags of a list that is read page by page.
type paging struct {
	Limit  int    `short:"n" default:"50" placeholder:"N" help:"At most this many (${default}); with --all, at most this many at once."`
	All    bool   `help:"Read page after page until the list ends."`
	Cursor string `placeholder:"CURSOR" help:"Go on after an earlier list, which printed this cursor on the error stream."`
}

// check refuses what no page can be made of.
func (p paging) check() error { return checkPage(p.Limit, p.Cursor) }

// printPages prints the page that read returns for a cursor and a limit, or with --all
// every page from there. As CSV and JSON Lines each page is printed as it comes; when a
// later one fails, its cursor is printed before the error.
func printPages[T any](
	a *app, p paging, read func(cursor string, limit int) (page []T, next string, err error), table func([]T) error,
) error {
	found, printed := []T{}, false
	for cursor := p.Cursor; ; {
		page, next, err := read(cursor, p.Limit)
		if err != nil {
			if printed {
				a.next(cursor)
			}
			return err
		}
		found = append(found, page...)
		if !p.All || next == "" {
			return a.printPage(found, next, func() error { return table(found) })
		}
		cursor = next
		if a.Output == outputCSV || a.Output == outputLines {
			if err := a.printPage(found, "", func() error { return table(found) }); err != nil {
				return err
			}
			found, printed = found[:0], true
		}
	}
}

// printPage writes a page of a list, as JSON or by table, and then the cursor of the
// next one.
func (a *app) printPage(list any, next string, table func() error) error {
	var err error
	if a.asJSON() {
		err = a.printJSON(list)
	} else {
		err = table()
	}
	if err == nil {
		a.next(next)
	}
	return err
}

// next writes the cursor of the next page to the error stream, if there is one.
func (a *app) next(cursor string) {
	if cursor == "" {
		return
	}
	if a.asJSON() {
		a.beside("next", cursor)
		return
	}
	fmt.Fprintln(a.stderr, "chimewatch: there is more: --cursor "+cursor)
}
