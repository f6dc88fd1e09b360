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
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/redact"
)

type callsEraseCmd struct {
	ID    string `arg:"" help:"Pipeline id or ARN, callId, transactionId, or the id of a failed creation."`
	By    string `required:"" placeholder:"WHO" help:"Who erases: for the audit. Long numbers are masked."`
	Yes   bool   `help:"Do not ask."`
	Force bool   `help:"Erase the call although it has not ended."`
}

// Help returns what follows the short help.
func (callsEraseCmd) Help() string {
	return `Removes everything that the table has about a call: state and history of its pipelines, pointers, rule matches,
voice notifications, consent, and notifications about the call. Incidents still count it, without its ids.
It cannot be undone.

A transaction is one call, with all its pipelines. A callId does not identify one call: given a callId, all
transactions and pipelines that have it are erased; given any other id, what belongs to other calls of the same callId
stays.

The command asks first, and needs --yes if there is no terminal or with --output json. It refuses a call that has not
ended, because the next event writes parts of it again, and consent is erased with the call. A late event, for example
of voice enhancement, minutes after the call, writes parts of it again, too: then run the command again. Run it again
also if it was interrupted: it continues.

An audit without any id of the call is kept: see "chimewatch calls erasures". What the command cannot reach is listed
at the end, and in docs/DATA.md.`
}

type callsErasuresCmd struct{ limitFlag }

// maxBy is the maximum length of the name in the audit, in characters, as for consent.
const maxBy = 256

// notReached are the places outside the table that may hold data of a call.
var notReached = []string{
	"dead-letter queues, the voice queue, stream and bucket: see chimewatch dead-letters list",
	"point-in-time recovery, which can restore the table as it was before",
	"logs, until they expire; phone numbers are masked in them",
	"notifications that were sent: e-mails, text messages, chats, and what other subscribers keep",
	"recordings, transcripts and everything else that Amazon Chime SDK delivered elsewhere",
	"voice profiles, and results of voice tasks that the service keeps for some days: see docs/DATA.md",
}

// erasureReport is the JSON form of an erasure that was done. Phone numbers in ids are masked.
type erasureReport struct {
	audit
	Pipelines    []string `json:"pipelines"`
	Transactions []string `json:"transactions"`
	Calls        []string `json:"calls"`
	// Incidents still count the call, without its ids.
	Incidents []string `json:"incidents"`
	// Kept are the ids that other calls share, with the number of items that name no other id and stay.
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
	// DoneAt is absent if the erasure was interrupted.
	DoneAt time.Time `json:"doneAt,omitzero"`
	By     string    `json:"by"`
	// Counts are the items that were removed, by kind.
	Counts map[dynamo.Kind]int `json:"counts"`
}

func auditOf(e dynamo.Erasure) audit { return audit{e.ID, e.At, e.DoneAt, e.By, e.Counts} }

func total(counts map[dynamo.Kind]int) (n int) {
	for _, of := range counts {
		n += of
	}
	return n
}

// Run finds what belongs to the call, asks, and erases it.
func (c *callsEraseCmd) Run(a *app) error {
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
		mask := maskOf(b)
		if len(b.Running) > 0 && !c.Force {
			return apperr.New(apperr.Conflict, "call "+mask.Text(c.ID), "is not over: "+mask.Text(strings.Join(b.Running, "; ")),
				"wait for its end, or give --force: its next event then writes parts of it again")
		}
		if !a.asJSON() {
			if err := a.printBelongings(b, mask); err != nil {
				return err
			}
		}
		if !c.Yes {
			question := fmt.Sprintf("\nErase %s permanently?", count(total(b.Counts()), "item"))
			if err := a.confirm(question, "calls erase", "erased"); err != nil {
				return err
			}
		}
		e, err := s.Erase(a.ctx, b, rand.Text(), maskDigits(by))
		if err != nil {
			a.note("erasure %s is not complete: run the command again", e.ID)
			return err
		}
		return a.printErasure(b, e, mask)
	})
}

// longNumber matches what may be a phone number, in any form.
var longNumber = regexp.MustCompile(`[0-9](?:[-. ()/]{0,2}[0-9]){6,}`)

// maskDigits masks phone numbers and all other long numbers in a text.
func maskDigits(text string) string {
	return longNumber.ReplaceAllStringFunc(redact.Text(text), redact.Number)
}

// kindText are the kinds of items for people.
var kindText = map[dynamo.Kind]string{
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

// printBelongings shows what would be erased.
func (a *app) printBelongings(b dynamo.Belongings, mask redact.Redactor) error {
	if len(b.Pipelines) > 0 {
		calls := mapped(b.Pipelines, func(state pipeline.State) callview.Call {
			return callview.New(state, nil, nil, nil, callview.Options{})
		})
		if err := printList(a, calls, callColumns); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
	}
	a.printFields("", [][2]string{
		{"covers", count(len(b.Pipelines), "pipeline") + ", " + count(len(b.TransactionIDs), "transaction")},
		{"transactions", joined(mapped(b.TransactionIDs, mask.Text))}, {"calls", joined(mapped(b.CallIDs, mask.Text))},
		{"incidents", joined(b.Incidents)},
	})
	for _, s := range b.Shared {
		if s.Left > 0 {
			fmt.Fprintf(a.stdout, "\nOther calls have the id %s, too (%s): %s that name nothing else stay.\n"+
				"Erase that id to remove them, with all calls that have it.\n",
				printable(mask.Text(s.ID)), printable(joined(mapped(s.Others, mask.Text))), count(s.Left, "item"))
		}
	}
	fmt.Fprintln(a.stdout)
	var rows [][]string
	counts := b.Counts()
	for _, kind := range dynamo.Kinds() {
		if counts[kind] > 0 {
			rows = append(rows, []string{kindText[kind], strconv.Itoa(counts[kind])})
		}
	}
	return a.printTable([]string{"what", "items"}, rows)
}

// maskOf masks the phone numbers of a call also in ids: the sender of the events may have made ids from them.
func maskOf(b dynamo.Belongings) redact.Redactor {
	var numbers []string
	for _, state := range b.Pipelines {
		numbers = append(numbers, state.FromNumber, state.ToNumber)
	}
	return redact.Knowing(numbers...)
}

// printErasure prints what was erased, and what the command cannot reach.
func (a *app) printErasure(b dynamo.Belongings, e dynamo.Erasure, mask redact.Redactor) error {
	if !a.asJSON() {
		_, err := fmt.Fprintf(a.stdout, "\nerased %s: erasure %s by %s\n\nnot reached\n  %s\n",
			count(total(e.Counts), "item"), e.ID, printable(e.By), strings.Join(notReached, "\n  "))
		return err
	}
	return a.printJSON(erasureReport{
		audit:        auditOf(e),
		Pipelines:    mapped(b.Pipelines, func(state pipeline.State) string { return mask.Text(state.ID) }),
		Transactions: mapped(b.TransactionIDs, mask.Text), Calls: mapped(b.CallIDs, mask.Text),
		Incidents: orEmpty(b.Incidents),
		Kept: mapped(b.Shared, func(s dynamo.SharedID) keptReport {
			return keptReport{mask.Text(s.ID), mapped(s.Others, mask.Text), s.Left}
		}),
		NotReached: notReached,
	})
}

// Run prints the newest erasures.
func (c *callsErasuresCmd) Run(a *app) error {
	return a.withStore(func(s *dynamo.Store) error {
		list, err := s.Erasures(a.ctx, c.Limit+1)
		if err != nil {
			return err
		}
		if err := printList(a, mapped(list[:min(c.Limit, len(list))], auditOf), auditColumns); err != nil {
			return err
		}
		a.noteMore(len(list) > c.Limit)
		return nil
	})
}

var auditColumns = columns[audit]{
	[]string{"began", "done", "by", "items", "erasure"},
	func(e audit) []string {
		done := at(e.DoneAt)
		if e.DoneAt.IsZero() {
			done = "interrupted"
		}
		return []string{at(e.At), done, e.By, strconv.Itoa(total(e.Counts)), e.ID}
	},
}
