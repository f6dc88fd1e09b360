// A Lambda function that hands the notifications of chimewatch on to the alert API of
// Opsgenie, or of Jira Service Management, which has taken it over. Environment:
// ALERTS_URL, https://api.opsgenie.com/v2/alerts (in the EU https://api.eu.opsgenie.com/v2/alerts)
// or https://api.atlassian.com/jsm/ops/integration/v2/alerts; API_KEY, that of an API integration.

const priorities = { critical: "P1", high: "P2", medium: "P3", low: "P5", over: "P5" };

// request makes the request for a notification in the machine form. All messages about
// an incident have one alias, by which its end closes the alert.
export function request(n) {
  const alias = n.incident?.id ?? n.id;
  if (n.incident?.stage === "closing") {
    const path = `/${encodeURIComponent(alias)}/close?identifierType=alias`;
    return { path, body: { source: "chimewatch", note: n.title } };
  }
  return {
    path: "",
    body: {
      message: n.title.slice(0, 130), // as much as the API allows
      alias,
      description: n.text,
      priority: priorities[n.severity] ?? "P3",
      source: "chimewatch",
      entity: n.incident?.scope ?? n.account,
      tags: [n.kind, n.incident?.class, n.region].filter(Boolean),
    },
  };
}

export async function handler(input) {
  for (const record of input.Records) {
    const { path, body } = request(JSON.parse(record.Sns.Message));
    const answer = await fetch(process.env.ALERTS_URL + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `GenieKey ${process.env.API_KEY}` },
      body: JSON.stringify(body),
    });
    if (!answer.ok) { // Lambda tries again
      throw new Error(`the alert API answered ${answer.status}: ${await answer.text()}`);
    }
  }
}
