package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
	"github.com/chimewatch/chimewatch/internal/lazyregexp"
	"github.com/chimewatch/chimewatch/internal/suggest"
)

// contextKey is the object of cdk.json with the settings. On the command line a setting
// is -c chimewatch:KEY=VALUE, which goes before the object.
const contextKey = "chimewatch"

// FromContext reads the settings from the whole CDK context. The error, of class Invalid,
// names every key that is wrong, its value and what is allowed.
func FromContext(context map[string]any) (Stack, error) { return Default().WithContext(context) }

// WithContext is FromContext with c for the defaults.
func (c Stack) WithContext(context map[string]any) (Stack, error) {
	given, err := given(context)
	if err != nil {
		return c, err
	}
	var errs []error
	var known []string
	for _, s := range registry {
		known = append(known, s.Key)
		v, ok := given[s.Key]
		if !ok {
			continue
		}
		where := "context key " + v.where
		if text, ok := plain(v.value); ok {
			errs = append(errs, s.parse(&c, where, text))
		} else {
			errs = append(errs, apperr.New(apperr.Invalid, where, fmt.Sprintf("is %q", fmt.Sprint(v.value)), "set "+s.Allowed))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, key) {
			errs = append(errs, apperr.New(apperr.Invalid, "context key "+given[key].where, "is not known",
				"use one of "+strings.Join(suggest.Names(known, key), ", ")))
		}
	}
	if err := errors.Join(append(errs, misplaced(context, known)...)...); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// prefix is how people write the prefix of keys, right or wrong.
var prefix = lazyregexp.New(`(?i)^` + contextKey + `[^a-z0-9]`)

// misplaced refuses keys of the context that name a setting without the prefix, or with
// the prefix in another spelling: the CDK ignores them silently.
func misplaced(context map[string]any, known []string) (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if key == contextKey || strings.HasPrefix(key, contextKey+":") {
			continue
		}
		name := prefix().ReplaceAllString(key, "")
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
		switch {
		case i >= 0:
			name = known[i]
		case name != key || strings.EqualFold(key, contextKey):
			name = "KEY"
		default:
			continue // a key of the CDK, or of another program
		}
		errs = append(errs, apperr.New(apperr.Invalid, "context key "+key, "is not read: keys begin with "+contextKey+":",
			"write -c "+contextKey+":"+name+"=VALUE, or set it in the object "+contextKey+" of cdk.json"))
	}
	return errs
}

// Given returns the settings that a context which FromContext accepts sets, by key.
func Given(context map[string]any) []Setting {
	set, _ := given(context)
	return slices.DeleteFunc(Registry(), func(s Setting) bool { return set[s.Key].where == "" })
}

// found is a value and the key of the context that has it.
type found struct {
	where string
	value any
}

// given returns what a context sets, by the setting's key.
func given(context map[string]any) (map[string]found, error) {
	all := map[string]found{}
	switch object := context[contextKey].(type) {
	case nil:
	case map[string]any:
		for key, value := range object {
			all[key] = found{contextKey + "." + key, value}
		}
	default:
		return nil, apperr.New(apperr.Invalid, "context key "+contextKey, fmt.Sprintf("is %q", fmt.Sprint(object)),
			"make it an object in cdk.json; on the command line set one key at a time: -c "+contextKey+":KEY=VALUE")
	}
	for key, value := range context {
		if name, ok := strings.CutPrefix(key, contextKey+":"); ok {
			all[name] = found{key, value}
		}
	}
	return all, nil
}

// plain returns a value of the context as text: a list of texts with commas between, a
// list of objects as JSON.
func plain(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case []any:
		parts := make([]string, len(v))
		for i, part := range v {
			if _, object := part.(map[string]any); object {
				text, err := json.Marshal(v)
				return string(text), err == nil
			}
			text, ok := part.(string)
			if !ok {
				return "", false
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}
