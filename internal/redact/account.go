package redact

import "strings"

// accountDigits is the length of the id of an AWS account.
const accountDigits = 12

// maxARNPart is more than partitions, services and Regions have.
const maxARNPart = 40

// arnHead returns where the resource of the ARN begins of which the first word is
// [i, end), 0 where it is none.
func (sc *scanner) arnHead(i, end int) int {
	if sc.kindAt(end) != colon || lower(sc.s[i:end]) != "arn" {
		return 0
	}
	i = end + 1
	for range 3 { // partition, service, Region
		from := i
		for i-from < maxARNPart && (sc.kindAt(i).alphanumeric() || sc.kindAt(i) == dash) {
			i++
		}
		if sc.kindAt(i) != colon {
			return 0
		}
		i++
	}
	if sc.exactly(i, accountDigits) {
		i += accountDigits
	} else if strings.HasPrefix(lower(sc.s[i:min(i+4, len(sc.s))]), "aws:") {
		i += len("aws")
	}
	if sc.kindAt(i) != colon {
		return 0
	}
	return i + 1
}

// accountID reports whether twelve digits are the id of an AWS account, by where they
// stand.
func (sc *scanner) accountID(i, run int) bool {
	return run-i == accountDigits &&
		(sc.arn || sc.beforeRegion(run) || sc.afterRegion(i) || sc.queue(i, run) || sc.registry(run))
}

// registry reports whether the host of a container registry goes on behind an account.
func (sc *scanner) registry(run int) bool {
	const rest = ".dkr.ecr."
	return run+len(rest) <= len(sc.s) && wordOf(sc.s[run:run+len(rest)]) == rest
}

// toRegion reports whether a symbol may stand between an account and its Region.
func (sc *scanner) toRegion(i int) bool {
	return sc.kindAt(i).in(colon, slash, dash, under, dot, space) || sc.is(i, ',')
}

// beforeRegion reports whether the name of an AWS Region begins behind i.
func (sc *scanner) beforeRegion(i int) bool {
	for n := 0; n < 2 && sc.toRegion(i); n++ {
		i++
	}
	return sc.region(i)
}

// region reports whether the name of an AWS Region begins at i: us-gov-west-1.
func (sc *scanner) region(i int) bool {
	const mostWords = 3
	for n := range mostWords + 1 {
		from := i
		for i-from < maxARNPart && sc.kindAt(i) == letter {
			i++
		}
		length := i - from
		switch {
		case n == 0 && length != 2:
			return false
		case n > 1 && length == 0:
			return sc.exactly(i, 1)
		case length == 0 || sc.kindAt(i) != dash:
			return false
		}
		i++
	}
	return false
}

// afterRegion reports whether the name of an AWS Region ends before i.
func (sc *scanner) afterRegion(i int) bool {
	for n := 0; n < 2 && sc.toRegion(i-1); n++ {
		i--
	}
	from := i
	for from > 0 && i-from < maxARNPart && (sc.kindAt(from-1).alphanumeric() || sc.kindAt(from-1) == dash) {
		from--
	}
	return i-from > len("us--1") && sc.kindAt(i-1) == digit && sc.region(from)
}

// queue reports whether digits are the first part of the path in the address of an SQS
// queue, here or in AWS.
func (sc *scanner) queue(i, run int) bool {
	const most = 80
	if sc.kindAt(i-1) != slash || sc.kindAt(run) != slash {
		return false
	}
	from := i - 1
	for from > 0 && i-from < most && sc.kindAt(from-1).in(letter, digit, dash, dot, colon) {
		from--
	}
	host := lower(sc.s[from : i-1])
	for _, known := range []string{"sqs.", "localhost", "127.0.0.1"} {
		if strings.HasPrefix(host, known) {
			return true
		}
	}
	return false
}
