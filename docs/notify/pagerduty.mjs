// A Lambda function that hands the notifications of chimewatch on to PagerDuty
// (Events API v2). Environment: ROUTING_KEY, the integration key of the service.

const severities = { critical: "critical", high: "error", medium: "warning", low: "info", over: "info" };

// event makes PagerDuty's event of a notification in the machine form. All messages
// about an incident have one dedup_key, so that its end resolves what its beginning
// triggered, and a summary adds to it.
export function event(n) {
  return {
    routing_key: process.env.ROUTING_KEY,
    event_action: n.incident?.stage === "closing" ? "resolve" : "trigger",
    dedup_key: n.incident?.id ?? n.id,
    payload: {
      summary: n.title,
      severity: severities[n.severity] ?? "warning",
      source: n.incident?.scope ?? n.account ?? "chimewatch",
      component: n.incident?.element,
      class: n.incident?.class ?? n.kind,
      custom_details: n,
    },
    links: n.runbook ? [{ href: n.runbook, text: "Runbook" }] : [],
  };
}

export async function handler(input) {
  for (const record of input.Records) {
    const answer = await fetch("https://events.pagerduty.com/v2/enqueue", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(event(JSON.parse(record.Sns.Message))),
    });
    if (!answer.ok) { // Lambda tries again
      throw new Error(`PagerDuty answered ${answer.status}: ${await answer.text()}`);
    }
  }
}
