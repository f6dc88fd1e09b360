package test

// breakages are the recorded changes, by guarantee.
var breakages = []breakage{
	{
		guarantee: "1", breaks: "the failure that came last wins, not the newest",
		file: "internal/pipeline/merge.go",
		old:  "mergeFailure(a.Failure, b.Failure)", new: "cmp.Or(b.Failure, a.Failure)",
		test: "TestMergeIsAJoin", folder: "internal/pipeline",
	},
	{
		guarantee: "1", breaks: "of two statuses of an element in one millisecond, the one that came last wins",
		file: "internal/pipeline/merge.go",
		old:  "if compareElements(list[i], e) < 0 {", new: "if list[i].UpdatedOn <= e.UpdatedOn {",
		test: "TestEveryDeliveryOrderWithDuplicatesEndsInTheSameState", folder: "internal/pipeline",
	},
	{
		guarantee: "1", breaks: "an older event is joined in as if it were the newest",
		file: "internal/dynamo/pipeline.go",
		old:  `OR " + attrOrder + " < "`, new: `OR " + attrOrder + " <> "`,
		test: "TestEveryDeliveryEndsInTheSameTable", folder: "internal/dynamo",
	},
	{
		guarantee: "2", breaks: "an incident opens and nobody is notified",
		file: "internal/incident/policy.go",
		old:  "{ return i.Announced.Openings > i.Reopened }", new: "{ return i.Announced.Openings >= i.Reopened }",
		test: "TestNext", folder: "internal/incident",
	},
	{
		guarantee: "2", breaks: "a failure that a closing has overlooked stays unseen",
		file: "internal/incident/reopen.go",
		old:  "seen.After(i.ClosedAt.Add(-t.Quiet))", new: "false",
		test: "TestFailureThatAnEndOverlookedReopens", folder: "internal/dynamo",
	},
	{
		guarantee: "3", breaks: "a function answers success where it failed",
		file: "internal/lambdafn/function.go",
		old:  "return response, invocationError(err)", new: "return response, nil",
		test: "TestRefusedPayloadsAreDeadLetters", folder: "test",
	},
	{
		guarantee: "3", breaks: "a record that cannot be read is forgotten",
		file: "internal/lambdafn/handle.go",
		old:  "failures := batch.Failures\n", new: "failures := batch.Failures[:0]\n",
		test: "TestHandleReplies", folder: "internal/lambdafn",
	},
	{
		guarantee: "4", breaks: "a state change of a new type is an error",
		file: "internal/chime/parse.go",
		old:  `	if sc.EventType == "" {`, new: `	if !strings.HasPrefix(sc.EventType, "chime:MediaInsights") {`,
		test: "TestParseTakesWhatTheSchemasAccept", folder: "internal/chime",
	},
	{
		guarantee: "5", breaks: "a function that died before it wrote the pointers never writes them",
		file: "internal/dynamo/pipeline.go",
		old:  "	if first || !applied {\n", new: "	if first || !applied && false {\n",
		test: "TestDisturbedAnywhereEndsTheSame", folder: "internal/dynamo",
	},
	{
		guarantee: "5", breaks: "a function that dies before it notifies has notified, for those that come after it",
		file: "internal/dynamo/notification.go",
		old:  `	up.put(attrNotificationOwner, text(owner))`, new: `	up.put(attrNotificationOwner, text(owner))` + "\n" + `	up.put(attrNotificationSent, moment(now))`,
		test: "TestFaultAtAnyCallDoesNotChangeTheOutcome", folder: "test/flows",
	},
	{
		guarantee: "6", breaks: "every event reads its pipeline",
		file: "internal/dynamo/pipeline.go",
		old:  "if delta.RawStatus == pipeline.Unknown {", new: "if delta.RawStatus != \"\" {",
		test: "TestStateChangeInOrderReadsNothingAndWritesThreeUnits", folder: "test/capacity",
	},
	{
		guarantee: "7", breaks: "logs show numbers whole",
		file: "internal/telemetry/redact.go",
		old:  "redact.Text(record.Message)", new: "record.Message",
		test: "TestLoggerMasksValuesOfEveryKind", folder: "internal/telemetry",
	},
	{
		guarantee: "7", breaks: "the record of a failed invocation shows numbers whole",
		file: "internal/lambdafn/function.go",
		old:  "Message: redact.Text(err.Error())", new: `Message: redact.Text("") + err.Error()`,
		test: "TestInvoke", folder: "internal/lambdafn",
	},
	{
		guarantee: "8", breaks: "functions may do everything on the table's indexes",
		file: "stacks/functions.go",
		old:  `"QueryIndexes", Actions: []string{"dynamodb:Query"}`, new: `"QueryIndexes", Actions: []string{"dynamodb:*"}`,
		test: "TestTemplate", folder: "stacks",
	},
	{
		guarantee: "9", breaks: "a watch that does not run is quiet",
		file: "stacks/alarms.go",
		old:  "minutes: lasting, silence: true,", new: "minutes: lasting, silence: false,",
		test: "TestTemplate", folder: "stacks",
	},
	{
		guarantee: "10", breaks: "a real event can have the ids of a rehearsal",
		file: "internal/chime/rehearsal.go",
		old:  "return id, !IsRehearsal(id)", new: "return id, true",
		test: "TestRehearsalsAndRealEventsShareNoID", folder: "internal/chime",
	},
	{
		guarantee: "2", breaks: "another cause within an open incident is not notified",
		file: "internal/incident/policy.go",
		old:  "case i.UrgentReason().ID != \"\":", new: "case false:",
		test: "TestAtOnce", folder: "internal/incident",
	},
	{
		guarantee: "2", breaks: "two causes that need two remedies are one incident",
		file: "internal/incident/choose.go",
		old:  "c.Class == other.Class && (c.Target == \"\" || other.Target == \"\"):", new: "c.Class == other.Class:",
		test: "TestChoose", folder: "internal/incident",
	},
	{
		guarantee: "2", breaks: "an incident that reopens while it is closed is lost for the watch",
		file: "internal/dynamo/incidentchange.go",
		old:  `		up.present(attrClosed)`, new: "",
		test: "TestWhatIsRecordedLateChangesNothingThatCameSince", folder: "internal/dynamo",
	},
	{
		guarantee: "4", breaks: "an entry that cannot be read hides the failed one after it",
		file: "internal/chime/elements.go",
		old:  "		if !whole {\n			unread", new: "		if !whole {\n			break\n			unread",
		test: "TestNoEntryOfAListHidesAnother", folder: "internal/chime",
	},
	{
		guarantee: "7", breaks: "notifications show numbers whole",
		file: "internal/notify/redact.go",
		old:  "return masker{redact.Knowing(call.FromNumber, call.ToNumber)}", new: "return masker{redact.Whole()}",
		test: "TestPhoneNumbersOfEventsAreMasked", folder: "test/flows",
	},
	{
		guarantee: "9", breaks: "every quiet hour is an outage",
		file: "internal/watchdog/silence.go",
		old:  "		if objects {\n", new: "		if objects || true {\n",
		test: "TestSilenceIsPagedOnceForEachOutageAndForNothingElse", folder: "internal/watchdog",
	},
	{
		guarantee: "10", breaks: "pipelines of another account are asked about, and lost",
		file: "internal/watchdog/service.go",
		old:  "{ return Ours(st, s.Account, s.Region) }", new: "{ return !st.Rehearsal() }",
		test: "TestWatchAsksOnlyAboutRealPipelinesOfItsAccountAndRegion", folder: "test/flows",
	},
	{
		guarantee: "5", breaks: "a task starts by a ledger that may have changed, without consent",
		file: "internal/voicetask/run.go",
		old:  "case len(steps) > 0 && !certain:", new: "case len(steps) > 0 && !certain && false:",
		test: "TestNoStartByALedgerThatTheTableNeverHad", folder: "internal/voicetask",
	},
}
