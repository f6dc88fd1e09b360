package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is what words say about the digits behind them.
type class uint8

const (
	unnamed  class = iota
	phone          // a phone number
	party          // perhaps one: "from", "call"
	account        // the id of an AWS account
	quantity       // an amount, or an id that a machine made
)

// name is what is said about some digits.
type name struct {
	class class
	// least is how many digits are a number then.
	least int
}

// What the classes need for a number: of a field, and behind words in text.
const (
	minPhoneField = 5
	minPhoneText  = 7
	minPartyField = 7
	minPartyText  = 8
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

var (
	schemes    = words("sip sips tel callto sms fax")
	extensions = words("x ext extn extension")
	// units are words behind an amount that mean nothing else; shortUnits are so right
	// behind its digits.
	units = words(`ns µs μs ms seconds milliseconds microseconds nanoseconds bytes kb mb gb tb kib mib gib bits bps
		kbps mbps hz percent eur usd gbp`)
	shortUnits = words("s m h d b k g us sec min")
	currencies = words("eur usd gbp chf jpy cad aud inr brl")

	// phones are the words that say that a number follows.
	phones = words(`phone phones telephone tel telefon mobile cellphone cellular landline fax msisdn ani dnis clid
		callerid e164 phonenumber phoneno telno whatsapp caller callers callee handset`)
	// people are those whose number may follow, where a word such as "number" says so.
	people = words(`from to caller callee called calling dialed dialled party customer contact agent user subscriber
		home work office local remote source destination dest transfer forwarding callback originating terminating
		origin target cell sms`)
	// numbers are the words that say so. An id is a number only of a party to the call.
	numbers = words("number numbers num no nr line phone uri tn")
	ids     = words("id")
	parties = words("caller callee called calling party")
	// perhaps are words behind which a number may follow.
	perhaps = words(`from to call called calling dial dialed dialled dialing dialling ring ringing customer contact
		party cell did cli sms number fromuri touri subscriber`)

	accounts = words("account accounts accountid owner ownerid awsaccount awsaccountid")
	// quantities are words behind which digits are no phone number.
	quantities = words(`seq sequence fragment shard offset size bytes count length duration latency elapsed port pid
		version build revision requestid messageid eventid traceid spanid sequencenumber fragmentnumber shardid
		millis nanos`)
	// things are what machines number.
	things = words(`request message event trace span sequence fragment shard stream chunk record batch job build
		process thread receipt utterance result invocation serial line port`)
	thingIDs = words("id number no handle token")
	// fillers may stand between such words and the digits.
	fillers = words("is was are be the")
)

// classOf returns what the last words before some digits say about them.
func classOf(words []string) class {
	if len(words) == 0 {
		return unnamed
	}
	last, before := words[len(words)-1], ""
	if len(words) > 1 {
		before = words[len(words)-2]
	}
	switch {
	case accounts[last], accounts[before] && (ids[last] || numbers[last]):
		return account
	case things[before] && thingIDs[last], quantities[last], units[last]:
		return quantity
	case phones[last], phones[before] && !ids[last] || phones[before] && parties[before]:
		return phone
	case people[before] && numbers[last], parties[before] && ids[last]:
		return phone
	case perhaps[last]:
		return party
	}
	return unnamed
}

// maxWord is the longest name that is looked at, in characters.
const maxWord = 32

// parts splits a name into its words in lower case: callerId, CALLER_ID, caller-id.
// Only the last ones are of interest.
func parts(name string) []string {
	var list []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			list = append(list, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	runes := []rune(name)
	if len(runes) > 2*maxWord {
		runes = runes[len(runes)-2*maxWord:]
	}
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			end()
			continue
		}
		if i > 0 {
			before := runes[i-1]
			hump := unicode.IsUpper(r) && unicode.IsLower(before)
			acronym := unicode.IsUpper(r) && unicode.IsUpper(before) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			script := (r < utf8.RuneSelf) != (before < utf8.RuneSelf)
			if hump || acronym || script {
				end()
			}
		}
		word.WriteRune(r)
	}
	end()
	return list
}

// nameOf returns what is said about the digits at i: by the letters right before them
// in their word, by the words before it, or by the name of the field.
func (sc *scanner) nameOf(i, word int) name {
	if word < i {
		if c := classOf(parts(wordOf(sc.s[max(word, i-maxWord):i]))); c != unnamed {
			return inText(c)
		}
		return inField(sc.named)
	}
	const mostBetween = 6
	end := i
	for n := 0; n < mostBetween && end > sc.floor && sc.joins(end-1); n++ {
		end--
	}
	last, from := sc.wordBefore(end)
	if fillers[strings.ToLower(last)] {
		last, from = sc.wordBefore(from - 1)
	}
	if last == "" {
		return inField(sc.named)
	}
	list := parts(last)
	if from > sc.floor && sc.kindAt(from-1) == space {
		if before, _ := sc.wordBefore(from - 1); before != "" {
			list = append(parts(before), list...)
		}
	}
	if c := classOf(list); c != unnamed {
		return inText(c)
	}
	return inField(sc.named)
}

// joins reports whether a symbol may stand between a name and its value.
func (sc *scanner) joins(i int) bool {
	return sc.kindAt(i).in(space, colon, dot, dash, opening, slash) || containsRune(`"'=<>#\{`, sc.s[i].r)
}

// wordBefore returns the name that ends at end, and where it begins.
func (sc *scanner) wordBefore(end int) (word string, from int) {
	from = end
	for from > sc.floor && end-from < maxWord && sc.kindAt(from-1).in(letter, digit, under, dash) {
		from--
	}
	if from >= end {
		return "", from
	}
	return wordOf(sc.s[from:end]), from
}

func inText(c class) name {
	switch c {
	case phone:
		return name{c, minPhoneText}
	case party:
		return name{c, minPartyText}
	}
	return name{class: c}
}

func inField(c class) name {
	switch c {
	case phone:
		return name{c, minPhoneField}
	case party:
		return name{c, minPartyField}
	}
	return name{class: c}
}

func containsRune(list string, r rune) bool { return strings.ContainsRune(list, r) }

// lower returns symbols as text in lower case.
func lower(s []symbol) string { return strings.ToLower(wordOf(s)) }
