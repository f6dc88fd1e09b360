package incident

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// text is what can be read out of the free text of a failure: in lower case and
// without the names of things.
type text struct {
	// words are the words, with one space before and after each.
	words string
	// codes are the error codes, in the order of the text.
	codes []Code
	// action is the first action of IAM, such as "kms:decrypt".
	action string
	// serviceLinked is whether the text is about a service-linked role.
	serviceLinked bool
	// status is the last HTTP status code, as far as the text says that it is one.
	status string
}

// says reports whether the text has these words, next to each other.
func (t text) says(words string) bool { return strings.Contains(t.words, " "+words+" ") }

var (
	kmsKeyARN  = regexp.MustCompile(`\barn:[a-z-]+:kms:[^\s"'<>]*`)
	address    = regexp.MustCompile(`\barn:[^\s"'<>]*|[a-z0-9+.-]+://[^\s"'<>]*`)
	requestID  = regexp.MustCompile(`\b(?:request|host|trace|correlation)[ _-]?id["']?(?:\s*[:=]\s*|\s+)["']?[^\s,;)"'}]+`)
	httpStatus = regexp.MustCompile(`(?:status[ _-]?code|\bhttp(?: status| error)?)["']?\s*[:=]?\s*["']?([1-5]\d\d)\b`)
	iamAction  = regexp.MustCompile(`^["'(\[]*([a-z0-9]+):([a-z][a-z0-9]+)["')\].,;]*$`)
	unescaped  = strings.NewReplacer(`\"`, `"`, `\\`, `\`)
	// Values of documents: {"key": "value"} and <key>value</key>.
	jsonValue = regexp.MustCompile(`["']([a-z_.-]+)["']\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')`)
	xmlValue  = regexp.MustCompile(`<(?:[a-z0-9]+:)?([a-z]+)[^<>]*>([^<>]*)</[^<>]*>`)
	// A name in quotation marks, after the word before it.
	quoted = regexp.MustCompile("([a-z]*)([ :=]*)(^|[^a-z0-9])[\"'`“‘]([^\"'`“”‘’\\s]+)[\"'`”’]")
	// A longer one, which is a name only after a word such as "bucket".
	quotedNames = regexp.MustCompile("\\b([a-z]+) (?:named |called )?[\"'`“‘]([^\"'`“”‘’]+)[\"'`”’]")
)

// spoken are the keys of documents whose values are codes and words. The values
// of others are names.
var spoken = setOf(`__type type code errorcode error_code error errortype errormessage error_message message
	msg reason failurereason cause description detail details statusdetail statusreason statusreasoncode
	statecode statereason statereasoncode faultcode faultstring`)

// resources are the words that stand directly before the name of a thing, which
// may have several words in quotation marks.
var resources = setOf(`bucket role stream queue topic function key alias user table configuration pipeline
	vocabulary group policy object named called`)

// hyphenated are the words with a hyphen that are no names.
var hyphenated = setOf("service-linked non-existent")

// punctuation separates words also where no space does. A hyphen, an apostrophe,
// a dot, an underscore and a slash may be part of a name or a code.
const punctuation = ":;,()[]{}<>=\"|!?`“”‘"

// read reads a text. Upper and lower case and white space make no difference.
func read(free string) text {
	raw := strings.ReplaceAll(strings.ToLower(free), "’", "'")
	t := text{serviceLinked: strings.Contains(raw, "awsservicerolefor")}
	if found := httpStatus.FindAllStringSubmatch(raw, -1); found != nil {
		t.status = found[len(found)-1][1]
	}
	raw = withoutNames(raw)

	var words strings.Builder
	words.WriteByte(' ')
	for field := range strings.FieldsSeq(raw) {
		if action, ok := actionIn(field); ok {
			t.action = cmp.Or(t.action, action)
			continue
		}
		for part := range strings.FieldsFuncSeq(field, func(r rune) bool { return strings.ContainsRune(punctuation, r) }) {
			for _, w := range t.token(strings.Trim(part, ".'-*")) {
				words.WriteString(w + " ")
			}
		}
	}
	t.words = words.String()
	t.serviceLinked = t.serviceLinked || t.says("service-linked")
	return t
}

// withoutNames returns a text in lower case without addresses, ids, and what is
// certainly a name. An ARN of a key becomes the words for it, because KMS
// writes only the ARN where others write "the key".
func withoutNames(raw string) string {
	raw = strings.Join(strings.Fields(raw), " ")
	if bare := strings.Trim(raw, "\"'`"); !strings.ContainsAny(bare, " \n\"'`") {
		raw = bare // all of it in quotation marks
	}
	raw = requestID.ReplaceAllString(raw, " ")
	raw = kmsKeyARN.ReplaceAllString(raw, " kms key ")
	raw = address.ReplaceAllString(raw, " ")
	raw = replace(xmlValue, raw, func(m []string) string {
		if spoken[m[1]] {
			return " ; " + m[2] + " ; "
		}
		return " ; "
	})
	raw = spokenJSON(raw)
	if strings.Contains(raw, `\"`) { // a document in a text
		raw = spokenJSON(unescaped.Replace(raw))
	}
	raw = replace(quotedNames, raw, func(m []string) string {
		if resources[m[1]] {
			return m[1] + " "
		}
		return m[0]
	})
	return replace(quoted, raw, func(m []string) string {
		if spoken[m[1]] || m[1] == "exception" {
			return m[0]
		}
		return m[1] + m[2] + m[3] + " "
	})
}

// replace replaces each match of a form by what by returns for its groups.
func replace(form *regexp.Regexp, text string, by func(groups []string) string) string {
	return form.ReplaceAllStringFunc(text, func(match string) string { return by(form.FindStringSubmatch(match)) })
}

// spokenJSON returns a text with what the values of documents in it say. A value
// may be a document itself.
func spokenJSON(raw string) string {
	return replace(jsonValue, raw, func(m []string) string {
		value := unescaped.Replace(m[2] + m[3])
		if !spoken[m[1]] && !strings.HasPrefix(value, "{") {
			return " ; "
		}
		return " ; " + withoutNames(value) + " ; "
	})
}

// actionIn returns the action of IAM that a field of a text is.
func actionIn(field string) (string, bool) {
	m := iamAction.FindStringSubmatch(field)
	if m == nil {
		return "", false
	}
	if _, code := codeNamed(m[2], false); code {
		return "", false
	}
	_, ok := actionTargets[m[1]]
	return m[1] + ":" + m[2], ok
}

// token reads one token: it records the code that it is, and returns the words
// that it stands for, none for a name.
func (t *text) token(s string) []string {
	if s == "" || strings.Contains(s, "/") { // a path
		return nil
	}
	if code, ok := codeIn(s); ok {
		t.codes = append(t.codes, code)
		return segments(s)
	}
	id := len(s) >= maxWithDigit && strings.ContainsAny(s, "0123456789") && serviceWords[s] == ""
	switch {
	case strings.ContainsAny(s, "#.$_"):
		return serviceSegments(s)
	case id, strings.Contains(s, "-") && !hyphenated[s]:
		return nil
	}
	return []string{s}
}

// maxWithDigit is how long a word with a digit, such as "16khz", may be not to be an id.
const maxWithDigit = 8

// namespaces are the first parts of the names of error types in several languages
// and services.
var namespaces = setOf(`com software aws kms botocore amazon smithy functionerror client exceptions`)

// codeIn returns the code that a token is, with or without its namespace:
// "com.amazonaws.kms#DisabledException", "KMS.DisabledException".
func codeIn(s string) (Code, bool) {
	parts := segments(s)
	switch {
	case len(parts) == 0 || len(parts) > 1 && !namespaces[parts[0]]:
		return Code{}, false
	case len(parts) > 1 && parts[len(parts)-2] == "kms": // KMS itself writes its codes without that
		if code, ok := codeNamed("kms"+parts[len(parts)-1], false); ok {
			return code, true
		}
	case slices.Contains(parts[max(0, len(parts)-2):], "functionerror"): // of Lambda, with its kind after a dot
		return codeNamed("functionerror", false)
	}
	typed := strings.Contains(s, "#") || len(parts) > 1 && parts[len(parts)-2] == "model"
	return codeNamed(parts[len(parts)-1], typed)
}

func segments(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("#.$", r) })
}

// serviceSegments returns the parts of a type's name that name a service.
func serviceSegments(s string) []string {
	parts := segments(s)
	if len(parts) < 2 || !namespaces[parts[0]] {
		return nil
	}
	return slices.DeleteFunc(parts[1:], func(p string) bool { return serviceWords[p] == "" })
}

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
