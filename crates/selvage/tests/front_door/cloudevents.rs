//! CloudEvents as others speak it: what the official SDKs for JavaScript (npm) and Python (PyPI) make is taken in every mode, and what
//! the log holds of it the same SDKs read back equal. `cargo xtask test` installs them and says where they are.

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::fixture::{Place, Served, eventually, selvage, stdout};
use crate::peers;

struct Site {
    place: Place,
    store: Vec<String>,
    served: Served,
    key: String,
}

impl Site {
    async fn new() -> Self {
        let place = Place::new().await;
        let store = place.data();
        let key = place.key(&store, "mes-ghent");
        let served = place.serve(&store, &[]);
        let site = Self { place, store, served, key };
        // A node whose log is just being opened asks to be asked again; the SDKs are not told.
        let first = json!({
            "specversion": "1.0", "id": "first", "source": "/mes-ghent", "type": "manufacturing.machine.started",
            "data": {"machine": "press-1", "site": "ghent", "state": "running", "since": "2026-11-26T06:00:00Z"},
        });
        eventually("the log is open", || async {
            let request = Client::new().post(site.address()).bearer_auth(&site.key).body(first.to_string());
            let answer = request.header("content-type", "application/cloudevents+json").send().await.unwrap();
            (answer.status() != StatusCode::SERVICE_UNAVAILABLE).then_some(())
        })
        .await;
        site
    }

    fn address(&self) -> String {
        format!("{}/machine-states/v1/events", self.served.base)
    }

    /// What the log holds from this source, as it is handed out.
    fn held(&self, source: &str) -> Vec<Value> {
        let mut arguments = vec!["events", "tail", "machine-states@1", "--from", "oldest", "--json", "--fabric"];
        let fabric = self.place.fabric().display().to_string();
        arguments.push(&fabric);
        arguments.extend(self.store.iter().map(String::as_str));
        let output = selvage(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = stdout(&output);
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take());
        events.filter(|event| event["source"] == source).collect()
    }
}

/// Runs a script of an SDK, with this input, to lines of JSON.
fn run(mut script: Command, input: &str) -> Vec<Value> {
    let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().expect("Node.js and Python are there: sudo apt-get install nodejs npm python3-venv");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Sends by an SDK, and lets it read what the log then holds.
async fn there_and_back(source: &str, sdk: impl Fn() -> Command) {
    let site = Site::new().await;
    let mut send = sdk();
    send.args(["send", &site.address()]).env("KEY", &site.key);
    let sent = run(send, "");
    let modes: Vec<&str> = sent.iter().map(|sent| sent["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["structured", "binary", "batch"]);
    let mut made = Vec::new();
    for sent in &sent {
        assert_eq!(sent["status"], 202, "{sent:#}");
        let of_binary = sent["mode"] == "binary";
        made.extend(sent["made"].as_array().unwrap().iter().map(|made| (of_binary, made.clone())));
    }
    let held = site.held(source);
    let mut read = sdk();
    read.arg("read");
    let lines: Vec<String> = held.iter().map(ToString::to_string).collect();
    let read = run(read, &lines.join("\n"));
    assert_eq!((read.len(), made.len()), (4, 4));
    for ((of_binary, made), read) in made.iter().zip(&read) {
        for (name, value) in made.as_object().unwrap() {
            // A header has no types: the specification gives a text there.
            let text = || Value::from(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let expected = if *of_binary && name != "data" { text() } else { value.clone() };
            assert_eq!(read[name], expected, "{name} of {made:#}: {read:#}");
        }
        let added: Vec<&str> = ["partitionkey", "correlationid", "release", "sequence"].into();
        assert!(added.iter().all(|name| read[name].is_string()), "{read:#}");
        let others = read.as_object().unwrap().keys().filter(|name| made.get(name).is_none());
        assert_eq!(others.filter(|name| !added.contains(&name.as_str())).count(), 0, "{read:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_javascript_sdk_are_taken_and_read_back_equal() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/cloudevents/sdk.mjs");
    there_and_back("/mes-ghent/javascript", || {
        let mut node = Command::new("node");
        node.arg(script).arg(peers::npm());
        node
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_the_python_sdk_are_taken_and_read_back_equal() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/front_door/cloudevents/sdk.py");
    there_and_back("/mes-ghent/python", || {
        let mut python = Command::new(peers::python());
        python.arg(script);
        python
    })
    .await;
}
