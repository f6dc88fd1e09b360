package journal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/local/journal"
)

// texts returns the entries as "id=value".
func texts(entries []journal.Entry) []string {
	list := []string{}
	for _, e := range entries {
		list = append(list, e.ID+"="+string(e.Value))
	}
	return list
}

// Whatever is added, replaced and removed, wherever the process dies and however much
// of its last line was written: the journal holds what a map in order would hold.
func TestJournalEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "sub", "j.jsonl")
		j, entries, err := journal.Open(path)
		if err != nil || len(entries) != 0 {
			t.Fatalf("new: got %v and error %v, want it empty", entries, err)
		}
		defer func() { _ = j.Close() }()
		want := []string{} // the model
		find := func(id string) int {
			for i, one := range want {
				if strings.HasPrefix(one, id+"=") {
					return i
				}
			}
			return -1
		}
		id := rapid.SampledFrom([]string{"a", "b", "c", "d/e", "f\ng"})
		check := func() {
			got, err := journal.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, texts(got)); diff != "" {
				t.Fatalf("holds (-want +got):\n%s", diff)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"put": func(t *rapid.T) {
				id, value := id.Draw(t, "id"), rapid.String().Draw(t, "value")
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				if err := j.Put(id, json.RawMessage(text)); err != nil {
					t.Fatal(err)
				}
				// The line is encoded once more, so compare its canonical form.
				one := id + "=" + canonical(t, text)
				if i := find(id); i >= 0 {
					want[i] = one
				} else {
					want = append(want, one)
				}
			},
			"remove": func(t *rapid.T) {
				ids := rapid.SliceOfN(id, 0, 3).Draw(t, "ids")
				if err := j.Remove(ids...); err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					if i := find(id); i >= 0 {
						want = append(want[:i], want[i+1:]...)
					}
				}
			},
			"die in the middle of a line, and start again": func(t *rapid.T) {
				torn := rapid.SampledFrom([]string{"", "{", `{"id":"a","value":1`, `{"removed":"a"}`}).Draw(t, "torn")
				file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := file.WriteString(torn); err != nil {
					t.Fatal(err)
				}
				file.Close()
				check()
				var entries []journal.Entry
				if j, entries, err = journal.Open(path); err != nil { // the one before is not closed
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, texts(entries)); diff != "" {
					t.Fatalf("opened again (-want +got):\n%s", diff)
				}
			},
		})
	})
}

// canonical returns a JSON text as the journal writes it.
func canonical(t *rapid.T, text []byte) string {
	var compact strings.Builder
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(json.RawMessage(text)); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(compact.String())
}

// What is added and removed again does not stay on disk.
func TestJournalIsBoundedByWhatItHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.jsonl")
	j, _, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	largest := int64(0)
	for i := range 5000 {
		if err := j.Put("kept", i); err != nil { // replaced
			t.Fatal(err)
		}
		if err := j.Put("x", strings.Repeat("x", 100)); err != nil {
			t.Fatal(err)
		}
		if err := j.Remove("x"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	if largest > 200_000 {
		t.Errorf("got a file of %d bytes for one value, want it bounded", largest)
	}
	if got, err := journal.Read(path); err != nil || len(got) != 1 || got[0].ID != "kept" {
		t.Errorf("got %v and error %v, want the value that was kept", texts(got), err)
	}
}

func TestInvalidFile(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "{\n", "no id": "{}\n", "both": `{"id":"a","removed":"a"}` + "\n", "an empty line": "\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "j.jsonl")
			if err := os.WriteFile(path, []byte(`{"id":"a","value":1}`+"\n"+text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := journal.Open(path)
			if apperr.ClassOf(err) != apperr.Invalid || !strings.Contains(err.Error(), "line 2") {
				t.Errorf("got %v, want a %q error that names the line", err, apperr.Invalid)
			}
			if left, _ := os.ReadFile(path); !strings.HasSuffix(string(left), text) {
				t.Errorf("the file was changed: %q", left)
			}
		})
	}
}

func TestNilJournalStoresNothing(t *testing.T) {
	var j *journal.Journal
	if err := j.Put("a", 1); err != nil {
		t.Error(err)
	}
	if err := j.Remove("a"); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
