package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// update builds one conditional UpdateItem.
type update struct {
	sets, adds, removes, conditions []string
	names                           map[string]string
	values                          item
}

func newUpdate() *update { return &update{values: item{}} }

// value gives the reference of a value in expressions.
func (u *update) value(v types.AttributeValue) string {
	ref := ":" + strconv.Itoa(len(u.values))
	u.values[ref] = v
	return ref
}

// name gives how an attribute stands in expressions: element types may hold
// any character, all other names stand for themselves.
func (u *update) name(attr string) string {
	if !strings.HasPrefix(attr, elementPrefix) {
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

func (u *update) set(attr, expression string) { u.sets = append(u.sets, attr+" = "+expression) }
func (u *update) add(attr, set string)        { u.adds = append(u.adds, attr+" "+set) }
func (u *update) remove(attr string)          { u.removes = append(u.removes, attr) }
func (u *update) require(condition string)    { u.conditions = append(u.conditions, condition) }

// unchanged requires that an attribute still is what it was when read.
func (u *update) unchanged(attr string, old item) {
	name := u.name(attr)
	if value := old[attr]; value != nil {
		u.require(name + " = " + u.value(value))
	} else {
		u.require("attribute_not_exists(" + name + ")")
	}
}

func (u *update) input(table string, key item) *dynamodb.UpdateItemInput {
	var b strings.Builder
	if len(u.sets) > 0 {
		b.WriteString("SET " + strings.Join(u.sets, ", "))
	}
	if len(u.adds) > 0 {
		b.WriteString(" ADD " + strings.Join(u.adds, ", "))
	}
	if len(u.removes) > 0 {
		b.WriteString(" REMOVE " + strings.Join(u.removes, ", "))
	}
	in := &dynamodb.UpdateItemInput{TableName: aws.String(table), Key: key, UpdateExpression: aws.String(strings.TrimSpace(b.String())), ExpressionAttributeNames: u.names}
	if len(u.values) > 0 {
		in.ExpressionAttributeValues = u.values
	}
	if len(u.conditions) > 0 {
		in.ConditionExpression = aws.String(strings.Join(u.conditions, " AND "))
	}
	return in
}
