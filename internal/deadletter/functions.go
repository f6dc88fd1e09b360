package deadletter

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// Functions are the functions of one stack. A message names its function, and everybody who may send to a queue
// can write a message; so Redrive invokes only these with the operator's credentials.
type Functions struct {
	// ARNPrefix is what their ARNs have before the name.
	ARNPrefix string
	// Names are the names of the functions, without qualifiers.
	Names []string
}

// functionOutput is the end of the names of the stack's outputs that name functions.
const functionOutput = "FunctionName"

// FunctionsOf returns the functions of a stack from its ARN and its outputs. An error of class Invalid means
// that stackARN is no ARN of a stack.
func FunctionsOf(stackARN string, outputs map[string]string) (Functions, error) {
	stack, err := arn.Parse(stackARN)
	if err != nil || stack.Service != "cloudformation" || stack.Region == "" || stack.AccountID == "" {
		return Functions{}, apperr.New(apperr.Invalid, "stack "+stackARN,
			"has no ARN that says its account and Region, so that its functions are not known", "")
	}
	prefix := arn.ARN{
		Partition: stack.Partition, Service: "lambda", Region: stack.Region, AccountID: stack.AccountID,
		Resource: "function:",
	}
	f := Functions{ARNPrefix: prefix.String()}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		if strings.HasSuffix(name, functionOutput) && outputs[name] != "" {
			f.Names = append(f.Names, outputs[name])
		}
	}
	return f, nil
}

// qualifier matches the version or the alias of a function (Lambda API reference, Invoke, FunctionName).
var qualifier = regexp.MustCompile(`^(\$LATEST|[A-Za-z0-9_-]+)$`)

// find returns the name of a function, and its name or ARN as given, without the qualifier. found reports whether it
// is one of f: partition, Region, account and name of an ARN must be the same. A partial ARN is never found:
// no service writes one.
func (f Functions) find(function string) (name, unqualified string, found bool) {
	prefix := ""
	if arn.IsARN(function) {
		prefix = f.ARNPrefix
	}
	name, found = strings.CutPrefix(function, prefix)
	name, version, qualified := strings.Cut(name, ":")
	if !found || qualified && !qualifier.MatchString(version) || !slices.Contains(f.Names, name) {
		return "", "", false
	}
	return name, prefix + name, true
}
