package chimeapi

// NewWithTimes is New with other bounds for a try and for a call with all its
// tries, so that a test need not wait for the usual ones.
var NewWithTimes = newClient
