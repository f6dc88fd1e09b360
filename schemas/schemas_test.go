package schemas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/chimewatch/chimewatch/schemas"
)

// detailTypes is every kind of event that is known, and its schema.
var detailTypes = map[string]string{
	"media-insights-state-change":  "Media Insights State Change",
	"media-insights-rules-matched": "Media Insights Rules Matched",
	"voice-analytics-status":       "VoiceAnalyticsStatus",
	"speaker-search-status":        "SpeakerSearchStatus",
	"voice-tone-analysis-status":   "VoiceToneAnalysisStatus",
	"consent":                      "Voice Analytics Consent",
}

type document = map[string]any

func readSchema(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(name + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSchemaFilesAreTheKnownKinds(t *testing.T) {
	paths, err := filepath.Glob("*.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range paths {
		got = append(got, strings.TrimSuffix(path, ".schema.json"))
	}
	want := slices.Sorted(maps.Keys(detailTypes))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema files differ (-want +got):\n%s", diff)
	}
}

func TestSchemasAreDraft4(t *testing.T) {
	for name, detailType := range detailTypes {
		t.Run(name, func(t *testing.T) {
			doc := readSchema(t, name)
			if got, want := doc["$schema"], "http://json-schema.org/draft-04/schema#"; got != want {
				t.Errorf("$schema: got %v, want %v", got, want)
			}
			if got := doc["x-amazon-events-detail-type"]; got != detailType {
				t.Errorf("x-amazon-events-detail-type: got %v, want %v", got, detailType)
			}
			enum := doc["properties"].(document)["detail-type"].(document)["enum"]
			if diff := cmp.Diff([]any{detailType}, enum); diff != "" {
				t.Errorf("detail-type (-want +got):\n%s", diff)
			}
			compiler := jsonschema.NewCompiler() // checks against the draft's own schema
			if err := compiler.AddResource(name, doc); err != nil {
				t.Fatal(err)
			}
			sch, err := compiler.Compile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := sch.DraftVersion; got != 4 {
				t.Errorf("draft: got %d, want 4", got)
			}
		})
	}
}

// TestSchemasUseDraft4Only finds keywords of later drafts, which a Draft 4
// reader would pass over in silence.
func TestSchemasUseDraft4Only(t *testing.T) {
	known := []string{"type", "description", "properties", "required", "items", "enum", "anyOf", "pattern",
		"minLength", "maxLength", "minimum", "maximum", "format"}
	root := append([]string{"$schema", "title", "x-amazon-events-source", "x-amazon-events-detail-type"}, known...)
	for name := range detailTypes {
		t.Run(name, func(t *testing.T) {
			eachSchema(readSchema(t, name), "", func(at string, sch document) {
				allowed := known
				if at == "" {
					allowed = root
				}
				for keyword := range sch {
					if !slices.Contains(allowed, keyword) {
						t.Errorf("%s: got keyword %q, want one of %v", at, keyword, allowed)
					}
				}
			})
		})
	}
}

// TestEveryPropertyIsDescribed also holds the descriptions to the form that the
// messages of Validate put into a sentence.
func TestEveryPropertyIsDescribed(t *testing.T) {
	for name := range detailTypes {
		t.Run(name, func(t *testing.T) {
			eachSchema(readSchema(t, name), "", func(at string, sch document) {
				if strings.Contains(at, "/anyOf/") {
					return
				}
				text, _ := sch["description"].(string)
				article := strings.HasPrefix(text, "A ") || strings.HasPrefix(text, "An ") || strings.HasPrefix(text, "The ")
				if !article && at != "" || !strings.HasSuffix(text, ".") {
					t.Errorf("%s: got description %q, want one that begins with an article and ends with a full stop", at, text)
				}
			})
		})
	}
}

// TestEnvelopeIsTheSame: an event without a detail-type is held against the
// envelope of any schema.
func TestEnvelopeIsTheSame(t *testing.T) {
	envelope := func(name string) document {
		doc := readSchema(t, name)
		properties := doc["properties"].(document)
		delete(properties, "detail")
		delete(properties, "detail-type")
		if name == "consent" { // which no service sends
			source := properties["source"].(document)
			if diff := cmp.Diff([]any{"chimewatch.consent"}, source["enum"]); diff != "" {
				t.Errorf("source of consent (-want +got):\n%s", diff)
			}
			properties["source"] = readSchema(t, "media-insights-state-change")["properties"].(document)["source"]
		}
		return document{"required": doc["required"], "properties": properties}
	}
	want := envelope("media-insights-state-change")
	for name := range detailTypes {
		if diff := cmp.Diff(want, envelope(name)); diff != "" {
			t.Errorf("%s: envelope differs (-want +got):\n%s", name, diff)
		}
	}
}

// eachSchema calls fn for a schema and all schemas in it.
func eachSchema(sch document, at string, fn func(at string, sch document)) {
	fn(at, sch)
	if properties, ok := sch["properties"].(document); ok {
		for name, property := range properties {
			eachSchema(property.(document), at+"/"+name, fn)
		}
	}
	if items, ok := sch["items"].(document); ok {
		eachSchema(items, at+"/items", fn)
	}
	if alternatives, ok := sch["anyOf"].([]any); ok {
		for i, alternative := range alternatives {
			eachSchema(alternative.(document), fmt.Sprintf("%s/anyOf/%d", at, i), fn)
		}
	}
}

func TestExamplesAreNotShared(t *testing.T) {
	want := schemas.Examples()
	for _, e := range schemas.Examples() {
		clear(e.Body)
	}
	one, err := schemas.Lookup("created")
	if err != nil {
		t.Fatal(err)
	}
	clear(one.Body)
	if got := schemas.Examples(); !reflect.DeepEqual(got, want) {
		t.Error("examples changed, want them as they were before a caller changed its own")
	}
}
