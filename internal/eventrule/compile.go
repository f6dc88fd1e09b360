package eventrule

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// The operators that Compile knows; EventBridge knows more.
const (
	opPrefix           = "prefix"
	opExists           = "exists"
	opAnythingBut      = "anything-but"
	opEqualsIgnoreCase = "equals-ignore-case"
	opWildcard         = "wildcard"
)

// maxPatternBytes is EventBridge's default quota for the text of one pattern.
const maxPatternBytes = 2048

// ruleName is what EventBridge takes as the name of a rule.
var ruleName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// test says whether one value of an event, a *string or a JSON literal, fits.
type test func(scalar) bool

// leaf is a field that a pattern names, with what it may be.
type leaf struct {
	path []string
	// any of the tests may pass on some value at path; with absent, it is also
	// enough that there is none.
	tests  []test
	absent bool
}

// compiled is a rule ready to match. Its leaves are sorted by path, which is the
// order in which EventBridge's matcher takes them.
type compiled struct {
	rule   Rule
	leaves []leaf
}

// Compile makes a Matcher of a table. It refuses, naming rule, field and
// operator, what EventBridge would refuse (an empty list, a name used twice, a
// pattern over the size quota) and what the Matcher does not know: numbers and
// every operator but prefix, exists, anything-but over strings,
// equals-ignore-case and wildcard. The error is of class Invalid.
func Compile(table []Rule) (*Matcher, error) {
	m := &Matcher{}
	seen := make(map[string]bool, len(table))
	for _, rule := range table {
		if !ruleName.MatchString(rule.Name) {
			return nil, refuse(rule.Name, "", fmt.Sprintf("%q cannot name a rule", rule.Name), "use 1 to 64 of A-Z a-z 0-9 . - _")
		}
		if seen[rule.Name] {
			return nil, refuse(rule.Name, "", "the name is used twice", "give each rule its own name")
		}
		seen[rule.Name] = true
		c, err := compile(rule)
		if err != nil {
			return nil, err
		}
		m.rules = append(m.rules, c)
	}
	return m, nil
}

// compile goes by the pattern's JSON and not by its Go values, so that it judges
// exactly the text that EventBridge is given.
func compile(rule Rule) (compiled, error) {
	text, err := json.Marshal(rule.Pattern)
	if err != nil {
		return compiled{}, apperr.Wrap(err, apperr.Invalid, where(rule.Name, ""), "the pattern has no JSON form", "use strings, lists and objects only")
	}
	if len(text) > maxPatternBytes {
		return compiled{}, refuse(rule.Name, "", fmt.Sprintf("the pattern has %d bytes of JSON", len(text)), fmt.Sprintf("keep it within %d", maxPatternBytes))
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return compiled{}, apperr.Wrap(err, apperr.Internal, where(rule.Name, ""), "the pattern does not read back", "")
	}
	c := compiled{rule: rule}
	if err := c.object(nil, tree); err != nil {
		return compiled{}, err
	}
	slices.SortFunc(c.leaves, func(a, b leaf) int { return slices.Compare(a.path, b.path) })
	return c, nil
}

func (c *compiled) object(path []string, object map[string]any) error {
	if len(object) == 0 {
		return c.refuse(path, "the pattern is empty", "name a field, or leave the object out")
	}
	for name, value := range object {
		at := append(slices.Clone(path), name)
		if name == "$or" {
			return c.refuse(at, `operator "$or" is not known`, "write one rule for each alternative")
		}
		var err error
		switch value := value.(type) {
		case map[string]any:
			err = c.object(at, value)
		case []any:
			err = c.values(at, value)
		default:
			err = c.refuse(at, fmt.Sprintf("%s is neither a list nor an object", show(value)), "put the value into a list")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *compiled) values(path []string, values []any) error {
	if len(values) == 0 {
		return c.refuse(path, "the list is empty", "give at least one value")
	}
	l := leaf{path: path}
	for _, value := range values {
		switch value := value.(type) {
		case string:
			l.tests = append(l.tests, func(s scalar) bool { return s.isString && s.text == value })
		case bool, nil:
			literal := show(value)
			l.tests = append(l.tests, func(s scalar) bool { return !s.isString && s.text == literal })
		case map[string]any:
			if err := c.operator(&l, value); err != nil {
				return err
			}
		default:
			return c.refuse(path, fmt.Sprintf("%s cannot be compared", show(value)), "use a string, true, false, null or an operator")
		}
	}
	c.leaves = append(c.leaves, l)
	return nil
}

func (c *compiled) operator(l *leaf, operator map[string]any) error {
	if len(operator) != 1 {
		return c.refuse(l.path, fmt.Sprintf("%s is not one operator", show(operator)), "give each operator its own object")
	}
	for name, operand := range operator {
		switch name {
		case opPrefix, opEqualsIgnoreCase:
			text, ok := operand.(string)
			if !ok {
				return c.refuseOperand(l.path, name, operand, "a string")
			}
			l.tests = append(l.tests, func(s scalar) bool {
				return s.isString && (name == opPrefix && strings.HasPrefix(s.text, text) ||
					name == opEqualsIgnoreCase && strings.EqualFold(s.text, text))
			})
		case opWildcard:
			text, _ := operand.(string)
			parts, ok := wildcardParts(text)
			if !ok {
				return c.refuseOperand(l.path, name, operand, `a string with * between other characters, and no \ but before * and \`)
			}
			l.tests = append(l.tests, func(s scalar) bool { return s.isString && matchesParts(s.text, parts) })
		case opExists:
			exists, ok := operand.(bool)
			if !ok {
				return c.refuseOperand(l.path, name, operand, "true or false")
			}
			if !exists {
				l.absent = true
				continue
			}
			l.tests = append(l.tests, func(scalar) bool { return true })
		case opAnythingBut:
			but, ok := stringList(operand)
			if !ok {
				return c.refuseOperand(l.path, name, operand, "a string or a list of strings")
			}
			l.tests = append(l.tests, func(s scalar) bool { return !s.isString || !slices.Contains(but, s.text) })
		default:
			return c.refuse(l.path, fmt.Sprintf("operator %q is not known", name),
				"use prefix, exists, anything-but, equals-ignore-case or wildcard")
		}
	}
	return nil
}

// wildcardParts returns what stands between the asterisks of a wildcard. As in
// EventBridge, an asterisk stands for any characters or none, two may not stand side by
// side, and a backslash stands before an asterisk or a backslash that is meant itself.
func wildcardParts(text string) (parts []string, ok bool) {
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			if i++; i == len(text) || text[i] != '*' && text[i] != '\\' {
				return nil, false
			}
			part.WriteByte(text[i])
		case text[i] == '*' && i > 0 && part.Len() == 0:
			return nil, false
		case text[i] == '*':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	return append(parts, part.String()), text != ""
}

// matchesParts reports whether text is the parts in their order, with anything
// between them.
func matchesParts(text string, parts []string) bool {
	last := len(parts) - 1
	if last == 0 {
		return text == parts[0]
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}

func stringList(operand any) ([]string, bool) {
	if s, ok := operand.(string); ok {
		return []string{s}, true
	}
	list, ok := operand.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	strs := make([]string, 0, len(list))
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, false
		}
		strs = append(strs, s)
	}
	return strs, true
}

func (c *compiled) refuse(path []string, what, fix string) error {
	return refuse(c.rule.Name, strings.Join(path, "."), what, fix)
}

func (c *compiled) refuseOperand(path []string, name string, operand any, want string) error {
	return c.refuse(path, fmt.Sprintf("operator %q cannot take %s", name, show(operand)), "give it "+want)
}

func refuse(rule, field, what, fix string) error {
	return apperr.New(apperr.Invalid, where(rule, field), what, fix)
}

func where(rule, field string) string {
	if field == "" {
		return "rule " + rule
	}
	return "rule " + rule + ", field " + field
}

// show gives a value of decoded JSON as JSON again.
func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
