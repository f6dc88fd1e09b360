// Package cfn reads CloudFormation templates in tests, by the paths of constructs and not
// by logical ids, which have hashes.
package cfn

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Template is a CloudFormation template.
type Template struct {
	Resources  map[string]*Resource
	Outputs    map[string]struct{ Value, Description any }
	Rules      map[string]any
	Parameters map[string]any
	Metadata   map[string]any
}

// Resource is one of its resources.
type Resource struct {
	Type                                string
	Properties                          map[string]any
	DeletionPolicy, UpdateReplacePolicy string
	Metadata                            map[string]any
}

// Read reads a template from JSON.
func Read(t testing.TB, text []byte) Template {
	t.Helper()
	var c Template
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Clone returns a template that a test may change.
func (c Template) Clone(t testing.TB) Template {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return Read(t, text)
}

// Path is where a resource is in the construct tree, below the stack: Status, or
// Status/ServiceRole. Constructs with the id Default are left out, as in logical ids.
func (r *Resource) Path() string {
	path, _ := r.Metadata["aws:cdk:path"].(string)
	_, path, _ = strings.Cut(path, "/")
	return strings.TrimSuffix(strings.ReplaceAll(path, "Default/", ""), "/Resource")
}

// Of returns the resources of a type, by their paths.
func (c Template) Of(kind string) map[string]*Resource {
	found := map[string]*Resource{}
	for _, r := range c.Resources {
		if r.Type == kind {
			found[r.Path()] = r
		}
	}
	return found
}

// Get returns the resource of a type and path, nil where there is none.
func (c Template) Get(kind, path string) *Resource { return c.Of(kind)[path] }

// Paths returns the paths of the resources of a type, sorted.
func (c Template) Paths(kind string) []string { return slices.Sorted(maps.Keys(c.Of(kind))) }

// Target returns the path of the resource that a value refers to by Ref or Fn::GetAtt, the
// value itself if it is a text, and else "".
func (c Template) Target(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	id, _ := At(value, "Ref").(string)
	if id == "" {
		id, _ = At(value, "Fn::GetAtt", 0).(string)
	}
	if r := c.Resources[id]; r != nil {
		return r.Path()
	}
	return ""
}

// Targets is Target for a value or a list of values.
func (c Template) Targets(value any) []string {
	var all []string
	for _, one := range Listed(value) {
		all = append(all, c.Target(one))
	}
	slices.Sort(all)
	return all
}

// Prop follows names and indexes into the properties.
func (r *Resource) Prop(path ...any) any {
	if r == nil {
		return nil
	}
	return At(r.Properties, path...)
}

// At follows names and indexes into a value; nil where there is nothing.
func At(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[key]
		case int:
			list, _ := value.([]any)
			if key >= len(list) {
				return nil
			}
			value = list[key]
		}
	}
	return value
}

// Listed returns a value that is not a list as a list of one.
func Listed(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// AsText returns a value as one line of JSON.
func AsText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Words returns a value that CloudFormation joins as text, with references in brackets:
// [Status] is a Ref to the resource of that path, [Status.Arn] its attribute Arn. A missing
// value is the empty text.
func (c Template) Words(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	if parts, ok := At(value, "Fn::Join", 1).([]any); ok {
		var all strings.Builder
		for _, part := range parts {
			all.WriteString(c.Words(part))
		}
		return all.String()
	}
	if path := c.Target(value); path != "" {
		if attribute, ok := At(value, "Fn::GetAtt", 1).(string); ok {
			path += "." + attribute
		}
		return "[" + path + "]"
	}
	if ref, ok := At(value, "Ref").(string); ok {
		return "[" + ref + "]"
	}
	return AsText(value)
}

// ClosedTo reports whether a resource's policy refuses requests without TLS.
func (c Template) ClosedTo(kind, path string) bool {
	for _, statement := range Listed(c.Get(kind, path).Prop("PolicyDocument", "Statement")) {
		anybody := At(statement, "Principal") == "*" || At(statement, "Principal", "AWS") == "*"
		plain := At(statement, "Condition", "Bool", "aws:SecureTransport") == "false"
		if At(statement, "Effect") == "Deny" && plain && anybody {
			return true
		}
	}
	return false
}

// Grants returns what the policies of queues, topics, buckets and keys allow, and who
// may invoke functions: "resource: principal may action on resource if condition",
// sorted.
func (c Template) Grants() []string {
	var all []string
	for _, r := range c.Resources {
		path, document := strings.TrimSuffix(r.Path(), "/Policy"), "PolicyDocument"
		switch r.Type {
		case "AWS::Lambda::Permission":
			all = append(all, c.invocation(r))
			continue
		case "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy":
		case "AWS::KMS::Key":
			document = "KeyPolicy"
		default:
			continue
		}
		for _, statement := range Listed(r.Prop(document, "Statement")) {
			if At(statement, "Effect") == "Deny" {
				continue
			}
			all = append(all, path+": "+c.list(principals(statement))+" may "+c.list(At(statement, "Action"))+
				" on "+c.list(At(statement, "Resource"))+c.conditions(statement))
		}
	}
	slices.Sort(all)
	return all
}

// invocation returns a Lambda permission as Grants does.
func (c Template) invocation(r *Resource) string {
	text := c.Words(r.Prop("FunctionName")) + ": " + c.Words(r.Prop("Principal")) + " may " + c.Words(r.Prop("Action"))
	for _, name := range slices.Sorted(maps.Keys(r.Properties)) {
		if name != "FunctionName" && name != "Principal" && name != "Action" {
			text += " if " + name + " " + c.Words(r.Properties[name])
		}
	}
	return text
}

// principals returns the principals of a statement.
func principals(statement any) any {
	kinds, ok := At(statement, "Principal").(map[string]any)
	if !ok {
		return At(statement, "Principal")
	}
	var all []any
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, Listed(kinds[kind])...)
	}
	return all
}

// conditions returns the conditions of a statement as text.
func (c Template) conditions(statement any) (text string) {
	operators, _ := At(statement, "Condition").(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		keys, _ := operators[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			text += " if " + operator + " " + key + " " + c.list(keys[key])
		}
	}
	return text
}

// list returns a value or a list of values as text.
func (c Template) list(value any) string {
	var all []string
	for _, one := range Listed(value) {
		all = append(all, c.Words(one))
	}
	return strings.Join(all, ", ")
}

// Permissions returns what a role may do: "action on resource", sorted, with what
// else is granted in its policies' conditions, or by managed policies.
func (c Template) Permissions(role string) []string {
	var all []string
	for _, arn := range Listed(c.Get("AWS::IAM::Role", role).Prop("ManagedPolicyArns")) {
		all = append(all, "managed policy "+c.Words(arn))
	}
	for _, inline := range Listed(c.Get("AWS::IAM::Role", role).Prop("Policies")) {
		all = append(all, "inline policy "+AsText(inline))
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		for _, policy := range c.Resources {
			if policy.Type != kind || !slices.Contains(c.Targets(policy.Prop("Roles")), role) {
				continue
			}
			for _, statement := range Listed(policy.Prop("PolicyDocument", "Statement")) {
				suffix := ""
				if condition := At(statement, "Condition"); condition != nil {
					suffix = " if " + AsText(condition)
				}
				if effect := At(statement, "Effect"); effect != "Allow" {
					suffix += " effect " + AsText(effect)
				}
				for _, action := range Listed(At(statement, "Action")) {
					for _, resource := range Listed(At(statement, "Resource")) {
						all = append(all, c.Words(action)+" on "+c.Words(resource)+suffix)
					}
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
