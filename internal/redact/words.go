package redact

import "strings"

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
	// minimum is how many digits are a number then.
	minimum int
}

// minText is how many digits the classes need for a number behind words in text, and
// minField, under the name of a field.
var (
	minText  = [...]int{phone: 7, party: 8, quantity: 0}
	minField = [...]int{phone: 5, party: 7, quantity: 0}
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

var (
	// units are words behind an amount that mean nothing else; shortUnits are so right
	// behind its digits.
	units = words("\x02s " + `ns ms seconds milliseconds microseconds nanoseconds bytes kb mb gb tb kib mib gib bits bps
		kbps mbps hz percent eur usd gbp`)
	shortUnits = words("s m h d b k g us sec min")

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

// nameParts is parts for a name as it is written.
func nameParts(name string) []string {
	read, _ := lex(name)
	return parts(read)
}

// parts splits a name as it is read into its words in lower case: callerId, CALLER_ID,
// caller-id. Only the last ones are of interest.
func parts(name string) []string {
	name = name[max(len(name)-2*maxWord, 0):]
	spaced := make([]byte, 0, 2*len(name))
	for i := range len(name) {
		c := name[i]
		if i > 0 && isAlphanumeric(c) {
			before := name[i-1]
			hump := isUpper(c) && isLower(before)
			acronym := isUpper(c) && isUpper(before) && i+1 < len(name) && isLower(name[i+1])
			if hump || acronym || isForeign(c) != isForeign(before) {
				spaced = append(spaced, ' ')
			}
		}
		if !isAlphanumeric(c) {
			c = ' '
		}
		spaced = append(spaced, c)
	}
	return strings.Fields(strings.ToLower(string(spaced)))
}

// nameOf returns what is said about the digits at i: by the letters right before them
// in their word, by the words before it, or by the name of the field.
func (sc *scanner) nameOf(i, word int) name {
	c := classOf(sc.wordsBefore(i, word))
	if c == unnamed {
		return name{sc.named, minField[sc.named]}
	}
	return name{c, minText[c]}
}

// wordsBefore returns the words by which the digits at i are named, which are in the
// word that begins at word.
func (sc *scanner) wordsBefore(i, word int) []string {
	if word < i {
		return parts(sc.s[max(word, i-maxWord):i])
	}
	const maxBetween = 6
	end := i
	for i-end < maxBetween && end > sc.floor && oneOf(sc.at(end-1), " :.-([/\"'=<>#\\{") {
		end--
	}
	from := sc.back(end, inName)
	if fillers[strings.ToLower(sc.s[from:end])] {
		end = max(from-1, 0)
		from = sc.back(end, inName)
	}
	list := parts(sc.s[from:end])
	if from < end && from > sc.floor && sc.at(from-1) == ' ' {
		list = append(parts(sc.s[sc.back(from-1, inName):from-1]), list...)
	}
	return list
}

// inName reports whether a character is part of a name.
func inName(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' }
