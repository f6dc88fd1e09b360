package main

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/redact"
)

// eraseCmd removes all that the table has of a call.
type eraseCmd struct {
	ID    string `arg:"" help:"Pipeline id or ARN, callId, transactionId, or the id of a failed creation."`
	By    string `required:"" placeholder:"WHO" help:"Who erases: for the audit. Long numbers are masked."`
	Yes   bool   `help:"Do not ask."`
	Force bool   `help:"Erase the call although it is not over."`
}

// Help says what the short help has no room for.
func (eraseCmd) Help() string {
	return `Removes everything that the table has of a call: state and history of its pipelines, pointers, rule matches,
voice notifications, consent, and notifications about the call. Incidents go on counting it, without its ids.
It cannot be undone.

A transaction is one call, with all its pipelines. A callId is no identity: given a callId, all transactions and
pipelines that have it are erased; given anything else, what belongs to other calls of the same callId stays.

It asks before it erases, and needs --yes where there is no terminal and with --output json. It refuses a call that is
not over, since the next event writes parts of it anew, and consent is forgotten with the call. An event that comes
late, of voice enhancement for instance, minutes after the call, writes parts of it anew, too: run the command once
more then. Run it once more as well when it was interrupted: it goes on where it was.

An audit without any id of the call is kept: see "chimewatch calls erasures". What the command cannot reach is said at
the end, and in docs/DATA.md.`
}

// erasuresCmd prints the audit of erasures.
type erasuresCmd struct {
	Limit int `short:"n" default:"50" placeholder:"N" help:"At most this many erasures (${default})."`
}

// maxBy is the longest name in the audit, in characters, as for consent.
const maxBy = 256

// notReached are the places that may hold something of a call besides the table.
var notReached = []string{
	"dead-letter queues, the voice queue, stream and bucket: see chimewatch dead-letters list",
	"point-in-time recovery, which can bring back the table as it was before",
	"logs, until they expire; phone numbers are masked in them",
	"notifications that were sent: e-mails, text messages, chats, and what other subscribers keep",
	"recordings, transcripts and whatever else Amazon Chime SDK delivered elsewhere",
	"voice profiles, and results of voice tasks that the service keeps for some days: see docs/DATA.md",
}

// erasureReport is what was erased, as JSON. Ids are those of the call, with
// phone numbers masked.
type erasureReport struct {
	audit
	Pipelines    []string `json:"pipelines"`
	Transactions []string `json:"transactions"`
	Calls        []string `json:"calls"`
	// Incidents go on counting the call, without its ids.
	Incidents []string `json:"incidents"`
	// Kept are the ids that other calls share, and how many items stay that name
	// no other id.
	Kept       []keptReport `json:"kept"`
	NotReached []string     `json:"notReached"`
}

type keptReport struct {
	ID     string   `json:"id"`
	Others []string `json:"others"`
	Items  int      `json:"items"`
}

// audit is the JSON form of the audit of an erasure.
type audit struct {
	ID string    `json:"erasureId"`
	At time.Time `json:"at"`
	// DoneAt is absent when the erasure was cut short.
	DoneAt time.Time `json:"doneAt,omitzero"`
	By     string    `json:"by"`
	// Counts are the items that were removed, by kind.
	Counts map[dynamo.Kind]int `json:"counts"`
}

func auditOf(e dynamo.Erasure) audit { return audit{e.ID, e.At, e.DoneAt, e.By, e.Counts} }

// total counts items.
func total(counts map[dynamo.Kind]int) (n int) {
	for _, of := range counts {
		n += of
	}
	return n
}

// Run finds what belongs to the call, asks, and erases it.
func (c *eraseCmd) Run(a *app) error {
	by := strings.TrimSpace(c.By)
	switch {
	case strings.TrimSpace(c.ID) == "":
		return usage("<id>", "it is empty", "give a pipeline id or ARN, a callId or a transactionId")
	case by == "" || utf8.RuneCountInString(by) > maxBy:
		return usage("--by", fmt.Sprintf("it has %d characters", utf8.RuneCountInString(by)),
			fmt.Sprintf("give 1 to %d", maxBy))
	case !c.Yes && a.asJSON():
		return usage("--yes", "it is not given, and a program cannot be asked", "give --yes with --output json")
	case !c.Yes && !a.interactive:
		return usage("--yes", "it is not given, and there is no terminal to ask at", "give --yes to erase without a question")
	}
	return a.withStore(func(s *dynamo.Store) error {
		b, err := s.Belongings(a.ctx, c.ID)
		if err != nil {
			return err
		}
		if len(b.Running) > 0 && !c.Force {
			return apperr.New(apperr.Conflict, "call "+newNumbersOf(b).Text(c.ID),
				"is not over: "+newNumbersOf(b).Text(strings.Join(b.Running, "; ")),
				"wait for its end, or give --force: its next event then writes parts of it anew")
		}
		if !a.asJSON() {
			if err := a.printBelongings(b); err != nil {
				return err
			}
		}
		if !c.Yes {
			yes, err := a.confirm(fmt.Sprintf("\nErase %s for good?", count(total(b.Counts()), "item")))
			if err != nil {
				return err
			}
			if !yes {
				return apperr.New(apperr.Conflict, "calls erase", "nothing was erased: the answer was not yes", "")
			}
		}
		e, err := s.Erase(a.ctx, b, rand.Text(), maskDigits(by))
		if err != nil {
			a.note("erasure %s is not complete: run the command once more", e.ID)
			return err
		}
		return a.printErasure(b, e)
	})
}

// longNumber is what may be a phone number, in whatever form it is written.
var longNumber = regexp.MustCompile(`[0-9](?:[-. ()/]{0,2}[0-9]){6,}`)

// maskDigits masks phone numbers and all other long numbers in a text.
func maskDigits(text string) string {
	return longNumber.ReplaceAllStringFunc(redact.Text(text), redact.Number)
}

// kindWords are the kinds as people read them.
var kindWords = map[dynamo.Kind]string{
	dynamo.KindPipeline:      "pipelines",
	dynamo.KindEvent:         "events",
	dynamo.KindPointer:       "pointers to pipelines",
	dynamo.KindMembership:    "links to incidents",
	dynamo.KindOccurrence:    "ids in incidents",
	dynamo.KindMatch:         "rule matches",
	dynamo.KindWindow:        "windows of rules",
	dynamo.KindNotification:  "notifications about rule matches",
	dynamo.KindVoice:         "voice notifications",
	dynamo.KindConsent:       "entries of consent ledgers",
	dynamo.KindConsentExpiry: "ends of consent",
	dynamo.KindReason:        "reasons of incidents that name the call",
	dynamo.KindOther:         "others",
}

// printBelongings shows what would be erased, with phone numbers masked.
func (a *app) printBelongings(b dynamo.Belongings) error {
	if len(b.Pipelines) > 0 {
		calls := make([]callview.Call, len(b.Pipelines))
		for i, state := range b.Pipelines {
			calls[i] = callview.New(state, nil, nil, nil, callview.Options{})
		}
		if err := a.printCalls(calls); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
	}
	numbers := newNumbersOf(b)
	a.printFields("", [][2]string{
		{"covers", count(len(b.Pipelines), "pipeline") + ", " + count(len(b.TransactionIDs), "transaction")},
		{"transactions", numbers.list(b.TransactionIDs)}, {"calls", numbers.list(b.CallIDs)},
		{"incidents", strings.Join(b.Incidents, ", ")},
	})
	for _, s := range b.Shared {
		if s.Left > 0 {
			fmt.Fprintf(a.stdout, "\nOther calls have the id %s, too (%s): %s that name nothing else stay.\n"+
				"Erase that id to remove them, with all calls that have it.\n",
				printable(numbers.Text(s.ID)), printable(numbers.list(s.Others)), count(s.Left, "item"))
		}
	}
	fmt.Fprintln(a.stdout)
	var rows [][]string
	counts := b.Counts()
	for _, kind := range dynamo.Kinds() {
		if counts[kind] > 0 {
			rows = append(rows, []string{kindWords[kind], strconv.Itoa(counts[kind])})
		}
	}
	return a.printTable([]string{"what", "items"}, rows)
}

// numbersOf masks phone numbers in ids: whoever sent the events may have made ids of
// the call's own numbers.
type numbersOf struct{ redact.Redactor }

func newNumbersOf(b dynamo.Belongings) numbersOf {
	var numbers []string
	for _, state := range b.Pipelines {
		numbers = append(numbers, state.FromNumber, state.ToNumber)
	}
	return numbersOf{redact.Knowing(numbers...)}
}

func (n numbersOf) hideAll(ids []string) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = n.Text(id)
	}
	return list
}

func (n numbersOf) list(ids []string) string { return strings.Join(n.hideAll(ids), ", ") }

// printErasure says what was erased, and what cannot be reached.
func (a *app) printErasure(b dynamo.Belongings, e dynamo.Erasure) error {
	if !a.asJSON() {
		fmt.Fprintf(a.stdout, "\nerased %s: erasure %s by %s\n\nnot reached\n", count(total(e.Counts), "item"), e.ID,
			printable(e.By))
		for _, place := range notReached {
			fmt.Fprintln(a.stdout, "  "+place)
		}
		return nil
	}
	numbers := newNumbersOf(b)
	report := erasureReport{audit: auditOf(e), Pipelines: []string{}, Transactions: numbers.hideAll(b.TransactionIDs),
		Calls:     numbers.hideAll(b.CallIDs),
		Incidents: orEmpty(b.Incidents), Kept: []keptReport{}, NotReached: notReached}
	for _, state := range b.Pipelines {
		report.Pipelines = append(report.Pipelines, numbers.Text(state.ID))
	}
	for _, s := range b.Shared {
		report.Kept = append(report.Kept, keptReport{numbers.Text(s.ID), numbers.hideAll(s.Others), s.Left})
	}
	return a.printJSON(report)
}

// Run prints the newest erasures.
func (c *erasuresCmd) Run(a *app) error {
	if err := checkLimit(c.Limit, ""); err != nil {
		return err
	}
	return a.withStore(func(s *dynamo.Store) error {
		list, err := s.Erasures(a.ctx, c.Limit+1)
		if err != nil {
			return err
		}
		more := len(list) > c.Limit
		list = list[:min(c.Limit, len(list))]
		if a.asJSON() {
			audits := []audit{}
			for _, e := range list {
				audits = append(audits, auditOf(e))
			}
			err = a.printJSON(audits)
		} else {
			rows := make([][]string, len(list))
			for i, e := range list {
				done := at(e.DoneAt)
				if e.DoneAt.IsZero() {
					done = "cut short"
				}
				rows[i] = []string{at(e.At), done, e.By, strconv.Itoa(total(e.Counts)), e.ID}
			}
			err = a.printTable([]string{"began", "done", "by", "items", "erasure"}, rows)
		}
		if err == nil && more {
			a.note("there are more: raise --limit, up to %d, to see them", maxLimit)
		}
		return err
	})
}
