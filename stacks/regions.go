package stacks

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/chimewatch/chimewatch/internal/config"
)

// checkRegions puts rules into the template by which CloudFormation refuses a
// Region where the stack would be of no use. The CDK app checks the same earlier,
// where it knows the Region; a template may be deployed without it.
func (w *watchtower) checkRegions() {
	if !w.chosen.AnyRegion {
		regions := w.chosen.Regions()
		w.newRegionRule("SupportedRegion", regions,
			"chimewatch has something to watch in these Regions only: "+strings.Join(regions, ", "))
	}
	for i, route := range w.chosen.Routes {
		if route.Topic != "" {
			w.newRegionRule(fmt.Sprintf("RouteRegion%d", i), []string{config.RegionOf(route.Topic)},
				"The topic of a route must be in the Region of the stack: "+route.Topic)
		}
	}
	if arn := w.chosen.AlarmTopicARN; arn != "" {
		w.newRegionRule("AlarmTopicRegion", []string{config.RegionOf(arn)},
			"alarmTopicArn must be in the Region of the stack: "+arn)
	}
}

func (w *watchtower) newRegionRule(id string, regions []string, why string) {
	awscdk.NewCfnRule(w.stack, jsii.String(id), &awscdk.CfnRuleProps{Assertions: &[]*awscdk.CfnRuleAssertion{{
		Assert:            awscdk.Fn_ConditionContains(jsii.Strings(regions...), w.stack.Region()),
		AssertDescription: jsii.String(why),
	}}})
}
