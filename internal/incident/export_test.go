package incident

import (
	"slices"
	"strings"
)

// Codes returns the error codes of the tables, in their order.
func Codes() (list []Code) {
	for _, row := range slices.Concat(specificCodes, genericCodes) {
		for name := range strings.FieldsSeq(row.names) {
			bare, _ := plain(name)
			list = append(list, codes[bare])
		}
	}
	return list
}

// A Phrase is one of the phrases, with its class.
type Phrase struct {
	Phrase string
	Class  Class
}

// Phrases returns the phrases, in their order.
func Phrases() (list []Phrase) {
	for _, row := range phrases {
		for _, words := range row.words {
			list = append(list, Phrase{words, row.class})
		}
	}
	return list
}

// Targets returns all targets that a cause may have, besides none.
func Targets() []string {
	list := []string{TargetRoleTrust, TargetPassRole, TargetServiceLinkedRole, TargetAccount}
	for _, s := range services {
		list = append(list, s.target)
	}
	return list
}
