package voicetask

// HasStartedNothing is hasStartedNothing.
var HasStartedNothing = hasStartedNothing
