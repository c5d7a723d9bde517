//! What is sent is verified by the official libraries of Standard Webhooks, and by the ed25519 of Node.js, which they leave out.

use std::process::Stdio;
use std::sync::Arc;

use selvage_delivery::send::SigningKey;
use selvage_delivery::{Endpoint, Signing};
use selvage_model::manifest::system::SecretName;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::receiver::{Got, Receiver};
use crate::{NEW, OLD, PRIVATE, endpoint, message, sender};

const PYTHON: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
for ask in json.load(sys.stdin):
    try:
        Webhook(ask["secret"]).verify(ask["body"], ask["headers"])
        print("good")
    except WebhookVerificationError as error:
        print("bad")
"#;

const NODE: &str = r#"
const { Webhook } = require("standardwebhooks");
for (const ask of JSON.parse(require("fs").readFileSync(0))) {
  try {
    new Webhook(ask.secret).verify(ask.body, ask.headers);
    console.log("good");
  } catch (error) {
    console.log(error.constructor.name === "WebhookVerificationError" ? "bad" : String(error));
  }
}
"#;

const NODE_ED25519: &str = r#"
const crypto = require("crypto");
for (const ask of JSON.parse(require("fs").readFileSync(0))) {
  const raw = Buffer.from(ask.secret.slice("whpk_".length), "base64");
  const key = crypto.createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]), format: "der", type: "spki",
  });
  const content = Buffer.from(`${ask.headers["webhook-id"]}.${ask.headers["webhook-timestamp"]}.${ask.body}`);
  const signed = ask.headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1a,"));
  const fits = signed.some((one) => crypto.verify(null, content, key, Buffer.from(one.slice(4), "base64")));
  console.log(fits ? "good" : "bad");
}
"#;

#[allow(clippy::disallowed_methods, reason = "where the peers of tests are is said by the environment")]
fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`, or `cargo xtask services`"))
}

fn python() -> Command {
    let mut command = Command::new(variable("SELVAGE_TEST_PYTHON"));
    command.args(["-c", PYTHON]);
    command
}

fn node(program: &str) -> Command {
    let mut command = Command::new("node");
    command.args(["-e", program]).current_dir(variable("SELVAGE_TEST_NPM"));
    command
}

/// What a peer says of each of these.
async fn judged(mut peer: Command, asks: &[Value]) -> Vec<String> {
    let mut peer = peer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let asked = json!(asks).to_string();
    peer.stdin.take().unwrap().write_all(asked.as_bytes()).await.unwrap();
    let output = peer.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn ask(got: &Got, secret: &str) -> Value {
    let headers: serde_json::Map<_, _> =
        got.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({"secret": secret, "headers": headers, "body": String::from_utf8(got.body.clone()).unwrap()})
}

fn changed(mut ask: Value, what: &str) -> Value {
    match what {
        "body" => ask["body"] = json!(ask["body"].as_str().unwrap().replace("42", "43")),
        name => ask["headers"][name] = json!(format!("{}0", ask["headers"][name].as_str().unwrap())),
    }
    ask
}

async fn received() -> Got {
    let receiver = Receiver::status("200 OK").await;
    let names = ["hook/new", "hook/old", "hook/private"].map(|name| SecretName(name.to_owned()));
    let endpoint = Endpoint { signing: Signing::StandardWebhooks(names.into()), ..endpoint(&receiver.url()) };
    sender().send(Arc::new(endpoint), message("msg_mes-ghent.42")).await;
    receiver.got().remove(0)
}

#[tokio::test]
async fn the_official_libraries_verify_what_is_sent() {
    let got = received().await;
    let stranger = "whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2VyMTIz";
    let asks = [
        ask(&got, NEW),
        ask(&got, OLD),
        ask(&got, stranger),
        changed(ask(&got, NEW), "body"),
        changed(ask(&got, NEW), "webhook-id"),
    ];
    for (name, peer) in [("Python", python()), ("JavaScript", node(NODE))] {
        assert_eq!(judged(peer, &asks).await, ["good", "good", "bad", "bad", "bad"], "{name}");
    }
}

#[tokio::test]
async fn a_key_pair_is_verified_by_its_public_half() {
    let got = received().await;
    let public = SigningKey::read(PRIVATE).unwrap().public().unwrap();
    let other = format!("whsk_{}", "CAgI".repeat(10) + "CAg=");
    let other = SigningKey::read(&other).unwrap().public().unwrap();
    let asks = [ask(&got, &public), ask(&got, &other), changed(ask(&got, &public), "body")];
    assert_eq!(judged(node(NODE_ED25519), &asks).await, ["good", "bad", "bad"]);
}
