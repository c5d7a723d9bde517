//! Running the binary: once to its end, or as a node on free ports that ends with the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use selvage_factory::mes::MesConfig;
use selvage_factory::{Factory, FactoryConfig, RunningFactory};
use tempfile::TempDir;

/// How long anything may take to be there on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of operators, by store and name: once anybody has one in a store, whoever signs there does.
static OPERATORS: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());

/// The binary with these arguments; whoever signs shows their key where operators have keys.
pub(crate) fn selvage(arguments: &[&str]) -> Output {
    let output = selvage_with(arguments, key_of_signer(arguments).as_deref());
    if let (["operator", "add", name, ..], true) = (arguments, output.status.success()) {
        keep(arguments, name, stdout(&output).trim());
    }
    output
}

/// The binary with these arguments and this operator's key.
pub(crate) fn selvage_with(arguments: &[&str], key: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selvage"));
    command.args(arguments).env_remove("SELVAGE_OPERATOR_KEY");
    command.envs(key.map(|key| ("SELVAGE_OPERATOR_KEY", key))).output().expect("the binary runs")
}

fn after<'a>(arguments: &[&'a str], option: &str) -> Option<&'a str> {
    arguments.iter().position(|it| *it == option).and_then(|at| arguments.get(at + 1).copied())
}

fn store_of(arguments: &[&str]) -> String {
    after(arguments, "--data").or_else(|| after(arguments, "--store")).unwrap_or_default().to_owned()
}

fn keep(arguments: &[&str], name: &str, key: &str) {
    let of = (store_of(arguments), name.to_owned());
    OPERATORS.lock().unwrap().insert(of, key.to_owned());
}

/// The key of whoever signs; made by somebody who has one, where they have none.
fn key_of_signer(arguments: &[&str]) -> Option<String> {
    let store = store_of(arguments);
    let keys: Vec<(String, String)> = OPERATORS
        .lock()
        .unwrap()
        .iter()
        .filter(|it| it.0.0 == store)
        .map(|it| (it.0.1.clone(), it.1.clone()))
        .collect();
    let (_, somebody) = keys.first()?;
    let lets_in = matches!(
        arguments,
        ["operator", "add", ..]
            | ["key", "issue" | "rotate", ..]
            | ["block", "lift", ..]
            | ["subscriptions", "approve", ..]
    );
    let Some(name) = after(arguments, "--by").filter(|_| !matches!(arguments, ["usage" | "restore", ..])) else {
        return lets_in.then(|| somebody.clone());
    };
    if let Some((_, key)) = keys.iter().find(|(known, _)| known == name) {
        return Some(key.clone());
    }
    let option = if after(arguments, "--data").is_some() { "--data" } else { "--store" };
    // Who sits over everybody adds others, once one of them has a key.
    let mut by = keys.iter();
    let added = loop {
        let key = by.next().map(|(_, key)| key.as_str());
        let added = selvage_with(&["operator", "add", name, option, &store], key);
        if added.status.success() {
            break added;
        }
        assert!(key.is_some(), "{}", String::from_utf8_lossy(&added.stderr));
    };
    let key = stdout(&added).trim().to_owned();
    keep(arguments, name, &key);
    Some(key)
}

/// What it printed.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The directory of the sample fabric.
pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/factory")
}

/// A process of ours that is killed with the test.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts the binary and gives the values of the first lines that these prefixes begin.
    pub(crate) fn start(arguments: &[String], prefixes: &[&'static str]) -> (Self, BTreeMap<&'static str, String>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_selvage"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (sender, lines) = mpsc::channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let errors = sender.clone();
        std::thread::spawn(move || BufReader::new(out).lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        std::thread::spawn(move || BufReader::new(err).lines().map_while(Result::ok).try_for_each(|l| errors.send(l)));
        let process = Self { child, said: Arc::default() };
        let mut found = BTreeMap::new();
        let deadline = Instant::now() + PATIENCE;
        while found.len() < prefixes.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = lines.recv_timeout(left) else {
                panic!("the process did not say {prefixes:?}, but:\n{}", process.said().join("\n"));
            };
            for prefix in prefixes {
                if let Some(value) = line.trim_start().strip_prefix(prefix) {
                    found.entry(*prefix).or_insert_with(|| value.trim().to_owned());
                }
            }
            process.said.lock().unwrap().push(line);
        }
        // The pipes stay read, so that the process never waits for them.
        let said = Arc::clone(&process.said);
        std::thread::spawn(move || lines.into_iter().for_each(|line| said.lock().unwrap().push(line)));
        (process, found)
    }

    /// The lines that it has printed so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Tells it to read again what it reads at its start.
    pub(crate) fn hang_up(&self) {
        assert!(Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // In order first, so that nothing is left behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

/// The manifests of the sample by which Odoo is asked without anybody's request.
pub(crate) const EVENTS: &str = "events.yaml";
/// By which Odoo's webhooks are known.
pub(crate) const HINTS: &str = "2f6a1c0e9b7d4e53";
const MES_SECRET: &str = "whsec_c2VsdmFnZSB0ZXN0czogdGhlIE1FUyBvZiBHaGVudA==";

/// A simulated factory, a copy of the sample fabric that knows its addresses, and secrets.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) factory: RunningFactory,
}

impl Place {
    /// Starts the factory and unpacks the sample, without what asks Odoo by itself.
    pub(crate) async fn new() -> Self {
        Self::of(FactoryConfig::default()).await
    }

    /// The same with what is captured, told and copied.
    pub(crate) async fn with_events() -> Self {
        let mes = MesConfig { port: 0, secret: Some(MES_SECRET.to_owned()) };
        let place = Self::of(FactoryConfig { mes, ..FactoryConfig::default() }).await;
        std::fs::copy(sample().join(EVENTS), place.fabric().join(EVENTS)).unwrap();
        let mut secrets = std::fs::read_to_string(place.path("secrets")).unwrap();
        secrets.push_str(&format!("mes-ghent/hooks={MES_SECRET}\nodoo/hook={HINTS}\n"));
        std::fs::write(place.path("secrets"), secrets).unwrap();
        place
    }

    /// The same with this factory.
    pub(crate) async fn of(config: FactoryConfig) -> Self {
        let factory = Factory::start(config).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let place = Self { directory, factory };
        copy(&sample(), &place.fabric());
        std::fs::remove_file(place.fabric().join(EVENTS)).unwrap();
        let addresses = [
            ("http://127.0.0.1:18069", place.factory.odoo_url()),
            ("http://127.0.0.1:18071", place.factory.mes_url()),
            ("http://127.0.0.1:18072", place.factory.wms_url()),
        ];
        for (sample, real) in addresses {
            place.edit("systems.yaml", sample, &real);
        }
        place.edit("systems.yaml", "longest_transaction: 10s", "longest_transaction: 1s");
        let secrets =
            format!("odoo/read={}\nodoo/mrp={}\n", selvage_factory::READ_KEY, selvage_factory::PRODUCTION_KEY);
        std::fs::write(place.path("secrets"), secrets).unwrap();
        place
    }

    pub(crate) fn fabric(&self) -> PathBuf {
        self.path("fabric")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces text in a manifest of the fabric, in one step as editors do.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.fabric().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no `{old}`");
        let aside = self.path("aside");
        std::fs::write(&aside, text.replace(old, new)).unwrap();
        std::fs::rename(&aside, &path).unwrap();
    }

    /// The options that choose the embedded store of this place.
    pub(crate) fn data(&self) -> Vec<String> {
        vec!["--data".to_owned(), self.path("data").display().to_string()]
    }

    /// Serves the fabric on free ports.
    pub(crate) fn serve(&self, store: &[String], more: &[&str]) -> Served {
        self.serve_with(store, &self.path("secrets").display().to_string(), more)
    }

    /// The same with secrets from elsewhere.
    pub(crate) fn serve_with(&self, store: &[String], secrets: &str, more: &[&str]) -> Served {
        let mut arguments: Vec<String> =
            ["serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
                .map(str::to_owned)
                .into();
        arguments.extend(["--fabric".to_owned(), self.fabric().display().to_string()]);
        arguments.extend(["--secrets".to_owned(), secrets.to_owned()]);
        arguments.extend_from_slice(store);
        arguments.extend(more.iter().map(|more| (*more).to_owned()));
        let (process, said) = Process::start(&arguments, &[SERVING, METRICS, CONSOLE]);
        Served { process, base: said[SERVING].clone(), metrics: said[METRICS].clone(), console: said[CONSOLE].clone() }
    }

    /// Issues a key with the command.
    pub(crate) fn key(&self, store: &[String], consumer: &str) -> String {
        let mut arguments = vec!["key", "issue", consumer];
        arguments.extend(store.iter().map(String::as_str));
        let output = selvage(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        stdout(&output).trim().to_owned()
    }
}

const SERVING: &str = "selvage: serving on ";
const METRICS: &str = "selvage: metrics on ";
const CONSOLE: &str = "selvage: console on ";

/// A node that serves.
pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) base: String,
    pub(crate) metrics: String,
    pub(crate) console: String,
}

/// Asks until the answer is as wanted, or too long.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
