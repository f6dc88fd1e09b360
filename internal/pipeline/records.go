package pipeline

import "time"

// OpenPipeline is a pipeline that has not ended, as far as is known now.
type OpenPipeline struct {
	State
	// AskedAt is when the API was last asked about it, zero for never.
	AskedAt time.Time
}

// Record is an event of a pipeline's history.
type Record struct {
	Time      time.Time
	ID        string
	EventType string
	// Body is the event as it came.
	Body []byte
}

// Query selects pipelines.
type Query struct {
	// From and To bound when the first event of a pipeline came, both included; zero
	// means no bound.
	From, To time.Time
	// Statuses selects pipelines of one of them; none means any.
	Statuses []Status
	// NoRehearsals leaves rehearsals out; they cost the query their keys only.
	NoRehearsals bool
	// Limit is how many a page has at most; zero means 50.
	Limit int
	// Cursor is the Next of the page before; empty for the first page.
	Cursor string
}

// Page is one page of pipelines, newest first.
type Page struct {
	States []State
	// Next is the cursor of the page that follows, empty on the last one.
	Next string
}
