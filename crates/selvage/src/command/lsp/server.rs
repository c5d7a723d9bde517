//! The state of a language server: which directory it is about, what is open in the editor, what the last check found. Each message
//! becomes answers; a check is made when texts have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use selvage_model::finding::{Finding, Severity};
use serde_json::{Value, json};

use super::position::{path_of, range, uri_of};
use super::{complete, cursor, definition, hover};
use crate::directory::{self, Checked};

/// Codes of JSON-RPC.
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const NOT_INITIALIZED: i32 = -32002;

/// Whether more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    More,
    End,
}

/// A server before and after it knows its directory.
#[derive(Default)]
pub(super) struct Server {
    root: Option<PathBuf>,
    /// Texts that are open, by their path in the directory.
    open: BTreeMap<String, String>,
    checked: Option<Checked>,
    /// Texts have changed since the last check.
    stale: bool,
    /// The findings of the last check are not told yet.
    untold: bool,
    /// Files that had findings when the editor was told last.
    told: BTreeSet<String>,
    shut_down: bool,
}

impl Server {
    /// Whether the editor said goodbye before it left.
    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: &Value) -> (Vec<Value>, Next) {
        let Some(method) = message.get("method").and_then(Value::as_str) else { return (Vec::new(), Next::More) };
        let params = message.get("params").cloned().unwrap_or_default();
        let Some(id) = message.get("id") else {
            if method == "exit" {
                return (Vec::new(), Next::End);
            }
            if !self.shut_down {
                self.notice(method, &params);
            }
            return (Vec::new(), Next::More);
        };
        let answer = match self.answer(method, &params) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err((code, message)) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}),
        };
        (vec![answer], Next::More)
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, (i32, String)> {
        if self.shut_down {
            return Err((INVALID_REQUEST, "the server is shut down: only `exit` may follow".to_owned()));
        }
        if method == "initialize" {
            if self.root.is_some() {
                return Err((INVALID_REQUEST, "the server is initialized already".to_owned()));
            }
            self.root = root(params);
            self.stale = true;
            return Ok(capabilities());
        }
        if self.root.is_none() {
            return Err((NOT_INITIALIZED, "the server is not initialized".to_owned()));
        }
        match method {
            "shutdown" => {
                self.shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/completion" => Ok(self.at_cursor(params, |server, cursor, _| {
                Some(json!({"isIncomplete": false, "items": complete::items(cursor, &server.fabric()?.fabric)}))
            })),
            "textDocument/hover" => Ok(self.at_cursor(params, |server, cursor, (file, line)| {
                let checked = server.fabric()?;
                let here = |it: &&Finding| it.place.file.as_ref() == file && it.place.line as usize == line + 1;
                let here: Vec<&Finding> = checked.findings.iter().filter(here).collect();
                let text = hover::text(cursor, &checked.fabric, &here)?;
                Some(json!({"contents": {"kind": "markdown", "value": text}}))
            })),
            "textDocument/definition" => Ok(self.at_cursor(params, |server, cursor, _| {
                let checked = server.fabric()?;
                let root = server.root.as_deref()?;
                let places = definition::places(cursor, &checked.fabric);
                // What ships with Selvage is in no file that an editor could open.
                let own = places.into_iter().filter(|place| !place.file.starts_with("pack:"));
                let location = |place: selvage_model::source::Place| {
                    let text = checked.texts.get(place.file.as_ref()).map(String::as_str).unwrap_or_default();
                    json!({"uri": uri_of(&root.join(place.file.as_ref())), "range": range(text, place.line, place.column)})
                };
                Some(own.map(location).collect())
            })),
            other => Err((METHOD_NOT_FOUND, format!("`{other}` is not served"))),
        }
    }

    fn notice(&mut self, method: &str, params: &Value) {
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str).unwrap_or_default();
        let text = match method {
            "textDocument/didOpen" => params.pointer("/textDocument/text"),
            // Changes come as the whole text, as the capabilities say.
            "textDocument/didChange" => {
                params.get("contentChanges").and_then(Value::as_array).and_then(|all| all.last()?.get("text"))
            }
            "textDocument/didClose" => None,
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.stale = true;
                return;
            }
            _ => return,
        };
        let Some(file) = self.file_of(uri) else { return };
        match text.and_then(Value::as_str) {
            Some(text) => drop(self.open.insert(file, text.to_owned())),
            None => drop(self.open.remove(&file)),
        }
        self.stale = true;
    }

    /// What the editor is to be told of findings since the last time.
    pub(super) fn findings(&mut self) -> Vec<Value> {
        self.check_if_stale();
        if !std::mem::take(&mut self.untold) {
            return Vec::new();
        }
        let (Some(root), Some(checked)) = (&self.root, &self.checked) else { return Vec::new() };
        let mut by_file: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for finding in checked.findings.iter().filter(|finding| !finding.place.file.starts_with("pack:")) {
            let text = checked.texts.get(finding.place.file.as_ref()).map(String::as_str).unwrap_or_default();
            by_file.entry(&finding.place.file).or_default().push(diagnostic(finding, text));
        }
        let now: BTreeSet<String> = by_file.keys().map(|file| (*file).to_owned()).collect();
        // Files that have none any more are told too.
        let files: BTreeSet<String> = self.told.union(&now).chain(self.open.keys()).cloned().collect();
        let message = |file: &String| {
            let found = by_file.get(file.as_str()).cloned().unwrap_or_default();
            let params = json!({"uri": uri_of(&root.join(file)), "diagnostics": found});
            json!({"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params})
        };
        let messages = files.iter().map(message).collect();
        self.told = now;
        messages
    }

    /// One check for any number of changes and questions.
    fn check_if_stale(&mut self) {
        let Some(root) = self.root.as_ref().filter(|_| self.stale) else { return };
        self.stale = false;
        match directory::check_with(root, &self.open) {
            Ok(checked) => (self.checked, self.untold) = (Some(checked), true),
            Err(error) => tracing::warn!(%error, "the directory was not checked"),
        }
    }

    fn fabric(&self) -> Option<&Checked> {
        self.checked.as_ref()
    }

    /// Looks at what stands at the position of a request; `null` where that is in no file of the directory.
    fn at_cursor(
        &mut self,
        params: &Value,
        look: impl Fn(&Self, &cursor::Cursor, (&str, usize)) -> Option<Value>,
    ) -> Value {
        self.check_if_stale();
        let number = |pointer: &str| usize::try_from(params.pointer(pointer)?.as_u64()?).ok();
        let found = || {
            let file = self.file_of(params.pointer("/textDocument/uri")?.as_str()?)?;
            let saved = || self.checked.as_ref()?.texts.get(&file);
            let text = self.open.get(&file).or_else(saved)?;
            // A position behind the end is the end: the editor may be ahead of us.
            let line = number("/position/line")?.min(text.lines().count());
            let column = number("/position/character")?;
            look(self, &cursor::read(text, line, column), (&file, line))
        };
        found().unwrap_or_default()
    }

    /// A file's path in the directory; none where a check does not read it, whatever an editor shows of it.
    fn file_of(&self, uri: &str) -> Option<String> {
        let path = path_of(uri)?;
        let root = self.root.as_deref()?;
        let inner = path.strip_prefix(root).ok().map(Path::to_path_buf);
        let inner = inner
            .or_else(|| Some(path.canonicalize().ok()?.strip_prefix(root.canonicalize().ok()?).ok()?.to_owned()))
            .filter(|inner| directory::reads(root, inner))?;
        Some(inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
    }
}

fn root(params: &Value) -> Option<PathBuf> {
    let folder = params.pointer("/workspaceFolders/0/uri").or_else(|| params.get("rootUri"));
    let folder = folder.and_then(Value::as_str).and_then(path_of);
    folder.or_else(|| std::env::current_dir().ok())
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": {"openClose": true, "change": 1, "save": true},
            "completionProvider": {"triggerCharacters": [":", " ", "{", "[", ","]},
            "hoverProvider": true,
            "definitionProvider": true,
        },
        "serverInfo": {"name": "selvage", "version": env!("CARGO_PKG_VERSION")},
    })
}

fn diagnostic(finding: &Finding, text: &str) -> Value {
    let severity = match finding.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Advice => 4,
    };
    let fix = finding.fix.as_ref().map(|fix| format!("\n{fix}")).unwrap_or_default();
    json!({
        "range": range(text, finding.place.line, finding.place.column),
        "severity": severity,
        "code": finding.code.as_str(),
        "source": "selvage",
        "message": format!("{}{fix}", finding.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server of a small directory, with what it told of it.
    fn server() -> (tempfile::TempDir, Server) {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a.yaml"), "kind: Team\nname: a\nroles: {owner: [b]}\n").unwrap();
        let mut server = Server::default();
        let root = uri_of(&place.path().canonicalize().unwrap());
        server.take(&json!({"id": 1, "method": "initialize", "params": {"rootUri": root}}));
        server.findings();
        (place, server)
    }

    fn uri(place: &tempfile::TempDir, file: &str) -> String {
        uri_of(&place.path().canonicalize().unwrap().join(file))
    }

    fn open(server: &mut Server, uri: &str, text: &str) {
        let document = json!({"uri": uri, "text": text});
        server.take(&json!({"method": "textDocument/didOpen", "params": {"textDocument": document}}));
    }

    fn ask(server: &mut Server, method: &str, uri: &str, line: u64, character: u64) -> Value {
        let params = json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}});
        let (answers, _) = server.take(&json!({"id": 2, "method": method, "params": params}));
        answers[0]["result"].clone()
    }

    #[test]
    fn a_question_and_its_findings_are_of_one_check() {
        let (place, mut server) = server();
        open(&mut server, &uri(&place, "b.yaml"), "kind: Team\nname: b\nrole: {}\n");
        ask(&mut server, "textDocument/hover", &uri(&place, "b.yaml"), 1, 2);
        // What changes unsaid after the check is not in what is told of it.
        std::fs::write(place.path().join("c.yaml"), "kind: Taem\n").unwrap();
        let told: Vec<Value> = server.findings();
        assert!(told.iter().any(|it| it["params"]["uri"] == uri(&place, "b.yaml")), "{told:?}");
        assert!(!told.iter().any(|it| it["params"]["uri"] == uri(&place, "c.yaml")), "checked twice: {told:?}");
        assert_eq!(server.findings(), Vec::<Value>::new(), "told once");
    }

    #[test]
    fn after_the_shutdown_nothing_is_answered_but_that() {
        let (place, mut server) = server();
        let code = |server: &mut Server, method: &str| {
            let (answers, next) = server.take(&json!({"id": "x", "method": method, "params": {}}));
            assert_eq!((next, answers[0]["id"].as_str()), (Next::More, Some("x")), "{method}");
            answers[0]["error"]["code"].as_i64()
        };
        assert_eq!(code(&mut server, "initialize"), Some(-32600), "twice");
        assert_eq!(server.take(&json!({"method": "exit"})), (Vec::new(), Next::End));
        assert!(!server.is_shut_down(), "it left without a goodbye");
        assert_eq!(code(&mut server, "shutdown"), None);
        for method in ["textDocument/hover", "shutdown", "initialize", "selvage/unknown"] {
            assert_eq!(code(&mut server, method), Some(-32600), "{method}");
        }
        open(&mut server, &uri(&place, "b.yaml"), "kind: Taem\n");
        assert_eq!(server.findings(), Vec::<Value>::new(), "nor is anything told");
        assert_eq!(server.take(&json!({"method": "exit"})), (Vec::new(), Next::End));
        assert!(server.is_shut_down());
    }

    #[test]
    fn what_a_check_does_not_read_lies_over_nothing() {
        let (place, mut server) = server();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("o.yaml"), "kind: Taem\n").unwrap();
        std::os::unix::fs::symlink(outside.path().join("o.yaml"), place.path().join("link.yaml")).unwrap();
        std::os::unix::fs::symlink(outside.path(), place.path().join("far")).unwrap();
        for hidden in [".idea/x.yaml", ".x.yaml", "a/.b/x.yaml", "../x.yaml", "link.yaml", "far/o.yaml", "far/new.yaml"]
        {
            open(&mut server, &uri(&place, hidden), "kind: Taem\n");
            assert!(server.open.is_empty(), "{hidden}");
        }
        for seen in ["x.yaml", "new/x.yaml", "a.yaml"] {
            open(&mut server, &uri(&place, seen), "kind: Taem\n");
            assert!(server.open.contains_key(seen), "{seen}");
        }
    }

    #[test]
    fn positions_behind_the_end_are_the_end() {
        let (place, mut server) = server();
        let file = uri(&place, "a.yaml");
        for method in ["textDocument/completion", "textDocument/hover", "textDocument/definition"] {
            for (line, character) in [(u64::MAX, u64::MAX), (4_000_000_000, 0), (0, u64::MAX), (3, 7)] {
                ask(&mut server, method, &file, line, character);
            }
        }
        let fields = ask(&mut server, "textDocument/completion", &file, u64::MAX, 0);
        assert_eq!(fields, ask(&mut server, "textDocument/completion", &file, 3, 0));
    }
}
