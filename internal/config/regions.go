package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chimewatch/chimewatch/internal/apperr"
)

// CallAnalyticsRegions are the Regions where call analytics runs, and
// VoiceAnalyticsRegions those of them that offer voice analytics (Amazon Chime SDK
// developer guide, "Available AWS Regions", table "Call analytics Regions").
var (
	CallAnalyticsRegions  = []string{"us-east-1", "us-west-2", "eu-central-1"}
	VoiceAnalyticsRegions = []string{"us-east-1", "us-west-2"}
)

// Regions returns the Regions where the stack has something to do.
func (c Stack) Regions() []string {
	if len(c.VoiceSources) > 0 {
		return VoiceAnalyticsRegions
	}
	return CallAnalyticsRegions
}

// CheckRegion returns an error of class Invalid if the stack would never receive an event
// in the Region: a monitor without events looks like one without failures. An empty
// Region is not checked; the template checks it when it is deployed.
func (c Stack) CheckRegion(region string) error {
	if region == "" || c.AnyRegion || slices.Contains(c.Regions(), region) {
		return nil
	}
	what := "call analytics"
	if len(c.VoiceSources) > 0 && slices.Contains(CallAnalyticsRegions, region) {
		what = "voice analytics, which voiceSources is for,"
	}
	return apperr.New(apperr.Invalid, "Region "+region, "has no "+what+" as far as this version knows",
		fmt.Sprintf("deploy to %s, or set chimewatch:anyRegion=true if AWS offers it there by now",
			strings.Join(c.Regions(), ", ")))
}
