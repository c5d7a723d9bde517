//! `selvage lsp`, by a scripted editor over its pipes: findings of what is not saved, completion, hover, definitions.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::fixture::{PATIENCE, copy, sample};

struct Editor {
    server: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    root: String,
    requests: u32,
}

impl Editor {
    fn open(root: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_selvage"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if output.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    match line.trim_end().strip_prefix("Content-Length: ") {
                        Some(bytes) => length = bytes.parse().unwrap(),
                        None => break,
                    }
                }
                let mut body = vec![0; length];
                output.read_exact(&mut body).unwrap();
                if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        let input = server.stdin.take().unwrap();
        let root = format!("file://{}", root.display());
        let mut editor = Self { server, input, messages, root, requests: 0 };
        let answer = editor.ask("initialize", &json!({"processId": null, "rootUri": editor.root, "capabilities": {}}));
        assert_eq!(answer["capabilities"]["definitionProvider"], true);
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if message["id"] == id {
                assert_eq!(message.get("error"), None, "{message}");
                return message["result"].clone();
            }
        }
    }

    fn change(&mut self, file: &str, text: &str) {
        let uri = format!("{}/{file}", self.root);
        self.tell(
            "textDocument/didOpen",
            &json!({"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": ""}}),
        );
        self.tell(
            "textDocument/didChange",
            &json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}),
        );
    }

    /// The findings of a file, once they are as wanted.
    fn findings(&mut self, file: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let uri = format!("{}/{file}", self.root);
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str() {
                let found = message["params"]["diagnostics"].as_array().unwrap().clone();
                if wanted(&found) {
                    return found;
                }
            }
        }
    }

    fn at(&mut self, method: &str, file: &str, line: usize, column: usize) -> Value {
        let uri = format!("{}/{file}", self.root);
        self.ask(method, &json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}))
    }

    fn labels(&mut self, file: &str, line: usize, column: usize) -> Vec<String> {
        let items = self.at("textDocument/completion", file, line, column);
        items["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }
}

const TEXT: &str = "\
kind: Interface
name: spare-parts
type: api
version: 1.0
owner: master-dat
control: mediated
serves:
  object: product@1
  system: odoo
  operations: [list]
  
lifecycle: activ
";

#[test]
fn an_editor_is_told_shown_and_led() {
    let place = tempfile::tempdir().unwrap();
    let fabric = place.path().canonicalize().unwrap().join("the fabric");
    copy(&sample(), &fabric);
    let mut editor = Editor::open(&fabric);
    editor.root = editor.root.replace(' ', "%20");
    let file = "new.yaml";
    editor.change(file, TEXT);
    let found = editor.findings(file, |found| !found.is_empty());
    assert!(
        found.iter().any(|it| it["code"] == "FAB1009" && it["range"]["start"] == json!({"line": 11, "character": 11})),
        "{found:?}"
    );
    assert!(!fabric.join(file).exists(), "nothing is saved");

    // Completion: kinds, fields that are not there yet, words, names.
    assert!(editor.labels(file, 0, 6).contains(&"CodeSet".to_owned()));
    let fields = editor.labels(file, 10, 2);
    assert!(fields.contains(&"account".to_owned()) && !fields.contains(&"system".to_owned()), "{fields:?}");
    assert!(editor.labels(file, 11, 15).contains(&"deprecated".to_owned()));
    assert!(editor.labels(file, 8, 10).contains(&"wms-central".to_owned()));
    assert!(editor.labels(file, 7, 10).contains(&"supplier@1".to_owned()));
    assert!(editor.labels(file, 4, 10).contains(&"master-data".to_owned()));

    // Also of what the fabric names itself: environments, types of events, issuers, classes, rules.
    let more = "kind: Issuer\nname: x\nowner: y\nenvironments:\n  \n---\nkind: Consumer\nname: z\nidentity: {oidc: {issuer: x}}\n---\nkind: Waiver\nrule: F\n";
    let issuer =
        "kind: Issuer\nname: directory\nowner: master-data\nenvironments: {dev: {url: 'https://login.example'}}\n";
    editor.change("issuers.yaml", issuer);
    editor.change("more.yaml", more);
    assert!(editor.labels("more.yaml", 4, 2).contains(&"dev".to_owned()));
    assert!(editor.labels("more.yaml", 8, 27).contains(&"directory".to_owned()));
    let rules = editor.labels("more.yaml", 11, 7);
    assert!(
        rules.contains(&"FAB2104".to_owned()) && !rules.contains(&"FAB2113".to_owned()),
        "what may be waived: {rules:?}"
    );
    let place = editor.at("textDocument/hover", file, 8, 12)["contents"]["value"].as_str().unwrap().to_owned();
    assert!(place.contains("**odoo** (System)"), "{place}");

    // Hover: a field, and the page of a finding.
    let text = editor.at("textDocument/hover", file, 11, 3)["contents"]["value"].as_str().unwrap().to_owned();
    assert!(text.contains("**lifecycle**") && text.contains("# FAB1009"), "{text}");

    // Definitions: of a system in its file, of an interface from a grant; what ships is in no file.
    let place = editor.at("textDocument/definition", file, 8, 12);
    assert!(place[0]["uri"].as_str().unwrap().ends_with("/the%20fabric/systems.yaml"), "{place}");
    let grant = "kind: Grant\nconsumer: planning\ninterface: legacy-stock@1\n";
    editor.change("grant.yaml", grant);
    let place = editor.at("textDocument/definition", "grant.yaml", 2, 14);
    assert!(place[0]["uri"].as_str().unwrap().ends_with("/interfaces.yaml"), "{place}");
    assert_eq!(editor.at("textDocument/definition", file, 7, 12), json!([]));

    // What is mended is told, and what is closed lies no longer over the directory.
    editor.change(
        file,
        &TEXT
            .replace("activ\n", "active\n")
            .replace("master-dat\n", "master-data\n")
            .replace("[list]\n  \n", "[list]\n"),
    );
    editor.findings(file, |found| found.iter().all(|it| it["severity"] != 1));
    editor.tell("textDocument/didClose", &json!({"textDocument": {"uri": format!("{}/{file}", editor.root)}}));
    assert_eq!(editor.ask("shutdown", &Value::Null), Value::Null);
    editor.tell("exit", &Value::Null);
    assert!(editor.server.wait().unwrap().success());
}

#[test]
fn an_editor_that_is_gone_ends_it() {
    let mut editor = Editor::open(&sample());
    drop(editor.input);
    assert!(editor.server.wait().unwrap().success());
}
