package eventrule

import "time"

// Schedule runs one function again and again, whatever events come.
type Schedule struct {
	// Name is unique among rules and schedules.
	Name        string
	Description string
	// Function names the folder of the function below functions/.
	Function string
	// Every is the time from one run to the next, in whole minutes.
	Every time.Duration
}

// Schedules gives every schedule, as new values.
func Schedules() []Schedule {
	return []Schedule{{
		Name:        "watch",
		Description: "Finds what the events do not tell, and says what incidents owe",
		Function:    "watch",
		Every:       time.Minute,
	}}
}
