package stacks_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/chimewatch/chimewatch/internal/testutil/cfn"
)

// check is one property of the template. find returns what is wrong. Each breakage
// changes a compliant template so that find has to return a problem.
type check struct {
	name      string
	find      func(s synthesized) []string
	breakages []breakage
}

type breakage struct {
	name string
	// in is the configuration to break; empty means everything.
	in string
	do func(cfn.Template)
}

// checks are all properties.
func checks() []check {
	return slices.Concat(routingChecks(), functionChecks(), grantChecks(), dataChecks(), topicChecks(),
		outputChecks(), alarmChecks(), voiceChecks(), accessChecks(), acknowledgementChecks(), knownChecks(),
		logicalIDChecks())
}

// Each property holds in every configuration.
func TestTemplate(t *testing.T) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			inEveryConfiguration(t, func(t *testing.T, s synthesized) {
				for _, problem := range c.find(s) {
					t.Error(problem)
				}
			})
		})
	}
}

// Each check finds each of its breakages.
func TestBrokenTemplate(t *testing.T) {
	for _, c := range checks() {
		if len(c.breakages) == 0 {
			t.Errorf("%s: no breakage shows that this check can fail", c.name)
		}
		for _, b := range c.breakages {
			t.Run(c.name+"/"+b.name, func(t *testing.T) {
				name := b.in
				if name == "" {
					name = "everything"
				}
				s := stackOf(t, name)
				before := cfn.AsText(s.Template)
				s.Template = s.Clone(t)
				b.do(s.Template)
				if cfn.AsText(s.Template) == before {
					t.Fatal("the breakage changed nothing")
				}
				if len(c.find(s)) == 0 {
					t.Error("the broken template passes")
				}
			})
		}
	}
}

// set returns a breakage's change that sets a property of a resource.
func set(kind, path string, value any, steps ...any) func(cfn.Template) {
	return func(c cfn.Template) {
		r := c.Get(kind, path)
		if r == nil {
			panic("there is no " + kind + " " + path)
		}
		var within any = r.Properties
		for i, step := range steps {
			last := i == len(steps)-1
			switch key := step.(type) {
			case string:
				if object, ok := within.(map[string]any); ok && last {
					if value == nil {
						delete(object, key)
					} else {
						object[key] = value
					}
				}
			case int:
				if list, ok := within.([]any); ok && last {
					list[key] = value
				}
			}
			within = cfn.At(within, step)
		}
	}
}

// setStatement returns a breakage's change that sets what the statement with that sid
// of a role's policy has.
func setStatement(path, sid string, value func(cfn.Template) any, key string) func(cfn.Template) {
	return func(c cfn.Template) {
		for i, s := range cfn.Listed(c.Get(iamPolicy, path).Prop("PolicyDocument", "Statement")) {
			if cfn.At(s, "Sid") == sid {
				set(iamPolicy, path, value(c), "PolicyDocument", "Statement", i, key)(c)
			}
		}
	}
}

// nothing returns no value.
func nothing(cfn.Template) any { return nil }

// remove returns a breakage's change that removes a resource.
func remove(kind, path string) func(cfn.Template) {
	return func(c cfn.Template) {
		maps.DeleteFunc(c.Resources, func(_ string, r *cfn.Resource) bool { return r.Type == kind && r.Path() == path })
	}
}

// refer returns a reference to an attribute of a resource, or its Ref.
func refer(path, kind, attribute string) func(cfn.Template) any {
	return func(c cfn.Template) any {
		for id, r := range c.Resources {
			if r.Type == kind && r.Path() == path {
				if attribute == "Ref" {
					return map[string]any{"Ref": id}
				}
				return map[string]any{"Fn::GetAtt": []any{id, attribute}}
			}
		}
		panic("there is no " + kind + " " + path)
	}
}

// point returns a breakage's change that makes a property refer to another resource.
func point(kind, path string, to func(cfn.Template) any, steps ...any) func(cfn.Template) {
	return func(c cfn.Template) { set(kind, path, to(c), steps...)(c) }
}
