package test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chimewatch/chimewatch/internal/local/lambdahost"
)

// TestFunctionsStartWithTheTemplatesEnvironment starts the real functions with the
// environment of the template, and without each variable that they need.
func TestFunctionsStartWithTheTemplatesEnvironment(t *testing.T) {
	app := assembled(t, "everything")
	for name, folder := range app.assets(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			binary := filepath.Join(folder, "bootstrap")
			function := app.Get("AWS::Lambda::Function", functionPath(name))
			variables, _ := function.Prop("Environment", "Variables").(map[string]any)
			if err := startWith(t, name, binary, variables); err != nil {
				t.Fatal(err)
			}
			needed := slices.DeleteFunc(slices.Collect(maps.Keys(variables)), func(variable string) bool {
				return variable != "CHIMEWATCH_TABLE" && variable != "CHIMEWATCH_RETENTION_DAYS" &&
					!strings.HasSuffix(variable, "_TOPIC_ARN")
			})
			for _, variable := range needed {
				less := maps.Clone(variables)
				delete(less, variable)
				if err := startWith(t, name, binary, less); err == nil || !strings.Contains(err.Error(), variable) {
					t.Errorf("without %s: got %v, want an error that names it", variable, err)
				}
			}
		})
	}
}

// startWith starts a function and stops it. Values that only a deployment knows are "set".
func startWith(t *testing.T, name, binary string, variables map[string]any) error {
	t.Helper()
	environment := []string{"AWS_REGION=us-east-1"}
	for variable, value := range variables {
		text, ok := value.(string)
		if !ok {
			text = "set"
		}
		environment = append(environment, variable+"="+text)
	}
	f := lambdahost.Function{
		Name: name, ARN: "arn:aws:lambda:us-east-1:123456789012:function:" + name, Path: binary, Environment: environment,
	}
	h, err := lambdahost.Start(t.Context(), lambdahost.Options{
		Processes: 1, LogDir: t.TempDir(), Functions: []lambdahost.Function{f},
	})
	if err == nil {
		h.Close()
	}
	return err
}
