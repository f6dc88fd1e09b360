package redact

import "github.com/chimewatch/chimewatch/internal/lazyregexp"

// accountDigits is the length of the id of an AWS account.
const accountDigits = 12

const (
	// region is the name of an AWS Region, such as us-gov-west-1.
	region = `[A-Za-z]{2}(?:-[A-Za-z]{1,32}){1,2}-\d`
	// toRegion is what may stand between an account and its Region.
	toRegion = `[:/\-_. ,]{0,2}`
)

var (
	// arnHead is an ARN up to its resource: partition, service, Region and account.
	arnHead = lazyregexp.New(`^((?i:arn):(?:[0-9A-Za-z-]{0,40}:){3}(?:\d{12}|(?i:aws))?:)`)
	// beforeAccount ends with the name of a Region, behindAccount begins with it, or with
	// the host of a container registry.
	beforeAccount = lazyregexp.New(`(?:^|[^0-9A-Za-z\x01\x02-])` + region + toRegion + `$`)
	behindAccount = lazyregexp.New(`^(?:` + toRegion + region + `(?:\D|$)|\.dkr\.ecr\.)`)
	// queueHost ends the host of an SQS queue, here or in AWS.
	queueHost = lazyregexp.New(`(?:^|[^0-9A-Za-z\x01\x02.:-])(?i:sqs\.|localhost|127\.0\.0\.1)[0-9A-Za-z.:-]*/$`)
)

// accountID reports whether twelve digits are the id of an AWS account, by where they
// stand.
func (sc *scanner) accountID(i, run int) bool {
	if run-i != accountDigits {
		return false
	}
	before, behind := sc.s[max(i-window, 0):i], sc.s[run:min(run+window, len(sc.s))]
	return sc.arn || behindAccount().MatchString(behind) || beforeAccount().MatchString(before) ||
		sc.at(run) == '/' && queueHost().MatchString(before)
}
