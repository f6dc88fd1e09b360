// What a webhook of your own does with a request of SNS: it verifies the signature,
// confirms the subscription, and returns the notification.
import { createVerify } from "node:crypto";

// NotFromTopic is the error of a request that the topic did not send.
export class NotFromTopic extends Error {}

// The fields that SNS signs, by the type of the message, in their order.
const signed = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};
const algorithms = { 1: "RSA-SHA1", 2: "RSA-SHA256" };
const sns = /^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/; // where its certificates are, and where it confirms

// get fetches from SNS; when that fails, the request has to come again.
async function get(url) {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:" || !sns.test(hostname)) {
    throw new NotFromTopic(`${hostname} is not SNS`);
  }
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`SNS answered ${answer.status}`);
  }
  return answer.text();
}

async function verify(message) {
  const fields = Object.hasOwn(signed, message.Type) && signed[message.Type];
  const algorithm = algorithms[message.SignatureVersion];
  if (!fields || !algorithm) {
    throw new NotFromTopic("not a message of SNS");
  }
  const certificate = await get(message.SigningCertURL); // worth a cache
  const verifier = createVerify(algorithm);
  for (const field of fields.filter((name) => message[name] != null)) {
    verifier.update(`${field}\n${message[field]}\n`);
  }
  if (!verifier.verify(certificate, message.Signature, "base64")) {
    throw new NotFromTopic("the signature is not valid");
  }
}

// receive returns the notification in a request's body, null when there is none in it.
// It throws NotFromTopic for a request that is to be answered with 403, which SNS takes
// for delivered, and another error for one that is to be answered with 500 and to come
// again.
export async function receive(body, topicArn) {
  const message = JSON.parse(body);
  if (message.TopicArn !== topicArn) {
    throw new NotFromTopic(`a message of the topic ${message.TopicArn}`);
  }
  await verify(message);
  if (message.Type === "SubscriptionConfirmation") {
    await get(message.SubscribeURL);
  }
  return message.Type === "Notification" ? JSON.parse(message.Message) : null;
}
