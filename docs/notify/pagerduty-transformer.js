// The JavaScript (ES5) of a custom event transformer of PagerDuty, which a topic's
// https subscription calls. It reads the card and the machine form alike.

var envelope = JSON.parse(PD.inputRequest.rawBody);

if (envelope.Type === "SubscriptionConfirmation") {
  // Somebody opens the address, and the subscription is confirmed.
  PD.emitGenericEvents([{
    event_type: PD.Trigger,
    incident_key: envelope.TopicArn,
    description: "Confirm the subscription: " + envelope.SubscribeURL,
    details: { topic: envelope.TopicArn }
  }]);
} else {
  var n = JSON.parse(envelope.Message);
  var card = n.source === "custom";
  var incident = n.incident || {};
  var facts = card ? n.metadata.additionalContext : { incident: incident.id, stage: incident.stage };
  PD.emitGenericEvents([{
    event_type: facts.stage === "closing" ? PD.Resolve : PD.Trigger,
    incident_key: facts.incident || n.id,
    description: card ? n.metadata.summary : n.title,
    details: card ? facts : n
  }]);
}
