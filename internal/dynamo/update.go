package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// update collects the changes and conditions of one UpdateItem. All conditions must hold.
type update struct {
	sets, adds, removes, conditions []string
	names                           map[string]string
	values                          item
}

// value returns what expressions call a value.
func (u *update) value(v types.AttributeValue) string {
	if u.values == nil {
		u.values = item{}
	}
	ref := ":" + strconv.Itoa(len(u.values))
	u.values[ref] = v
	return ref
}

// name returns what expressions call an attribute: its name, but for an element's register, whose
// type may have any character, and for attrMemberOf, which is a reserved word.
func (u *update) name(attr string) string {
	if attr != attrMemberOf && !strings.HasPrefix(attr, attrElementPrefix) {
		return attr
	}
	for ref, there := range u.names {
		if there == attr {
			return ref
		}
	}
	if u.names == nil {
		u.names = map[string]string{}
	}
	ref := "#" + strconv.Itoa(len(u.names))
	u.names[ref] = attr
	return ref
}

// set makes attr what an expression says, add adds a value to a number or a set.
func (u *update) set(attr, expression string) { u.sets = append(u.sets, attr+" = "+expression) }
func (u *update) add(attr, value string)      { u.adds = append(u.adds, attr+" "+value) }
func (u *update) remove(attr string)          { u.removes = append(u.removes, attr) }

// put sets attr to a value; nil leaves it as it is.
func (u *update) put(attr string, v types.AttributeValue) {
	if v != nil {
		u.set(attr, u.value(v))
	}
}

// putIfAbsent sets attr to a value unless it has one.
func (u *update) putIfAbsent(attr string, v types.AttributeValue) {
	u.set(attr, "if_not_exists("+attr+", "+u.value(v)+")")
}

func (u *update) require(condition string) { u.conditions = append(u.conditions, condition) }
func (u *update) absent(attr string)       { u.require("attribute_not_exists(" + u.name(attr) + ")") }
func (u *update) present(attr string)      { u.require("attribute_exists(" + u.name(attr) + ")") }

// is requires that an attribute has a value; nil means that it is absent.
func (u *update) is(attr string, v types.AttributeValue) {
	if v == nil {
		u.absent(attr)
	} else {
		u.require(u.name(attr) + " = " + u.value(v))
	}
}

func (u *update) condition() *string {
	if len(u.conditions) == 0 {
		return nil
	}
	return aws.String(strings.Join(u.conditions, " AND "))
}

func (u *update) input(table string, key item) *dynamodb.UpdateItemInput {
	var b strings.Builder
	for _, part := range []struct {
		keyword string
		clauses []string
	}{{"SET ", u.sets}, {" ADD ", u.adds}, {" REMOVE ", u.removes}} {
		if len(part.clauses) > 0 {
			b.WriteString(part.keyword)
			b.WriteString(strings.Join(part.clauses, ", "))
		}
	}
	return &dynamodb.UpdateItemInput{
		TableName: &table, Key: key, UpdateExpression: aws.String(strings.TrimSpace(b.String())),
		ConditionExpression: u.condition(), ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}
}
