package deadletter

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Functions are the functions of one stack. A letter names its function itself,
// and whoever may send to a queue writes letters; so these are the only ones that
// a Box invokes with the operator's credentials.
type Functions struct {
	// Partition, Region and Account are those of the stack.
	Partition, Region, Account string
	// Names are the names of the functions, without qualifiers.
	Names []string
}

// functionOutput ends the names of the outputs that name the stack's functions.
const functionOutput = "FunctionName"

// FunctionsOf reads the functions of a stack from its ARN and its outputs. The
// error is of class Invalid: arnOfStack is no ARN of a stack.
func FunctionsOf(arnOfStack string, outputs map[string]string) (Functions, error) {
	stack, err := arn.Parse(arnOfStack)
	if err != nil || stack.Service != "cloudformation" || stack.Region == "" || stack.AccountID == "" {
		return Functions{}, apperr.New(apperr.Invalid, "stack "+arnOfStack,
			"has no ARN that says its account and Region, so that its functions are not known", "")
	}
	f := Functions{Partition: stack.Partition, Region: stack.Region, Account: stack.AccountID}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if strings.HasSuffix(name, functionOutput) && outputs[name] != "" {
			f.Names = append(f.Names, outputs[name])
		}
	}
	return f, nil
}

// qualifier is a function's version or alias (Lambda API reference, Invoke,
// FunctionName).
var qualifier = regexp.MustCompile(`^(\$LATEST|[A-Za-z0-9_-]+)$`)

// find returns the name of a function, and its name or ARN as it was given but
// without the qualifier; found reports whether it is one of f. An ARN has to agree
// in partition, Region, account and name. A partial ARN is none of f: no service
// writes one.
func (f Functions) find(function string) (name, unqualified string, found bool) {
	name, prefix := function, ""
	if arn.IsARN(function) {
		prefix = arn.ARN{
			Partition: f.Partition, Service: "lambda", Region: f.Region, AccountID: f.Account, Resource: "function:",
		}.String()
		if name, found = strings.CutPrefix(function, prefix); !found {
			return "", "", false
		}
	}
	name, version, qualified := strings.Cut(name, ":")
	if qualified && !qualifier.MatchString(version) || !slices.Contains(f.Names, name) {
		return "", "", false
	}
	return name, prefix + name, true
}
