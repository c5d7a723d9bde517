//! What `selvage odoo probe` looks at: a system of a fabric with its accounts, or any server by its address, which is then
//! probed with the pack that ships. Reads files; asks no server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Severity;
use selvage_model::manifest::system::{Account, Connector, SecretName, System, SystemEnvironment};
use selvage_model::name::{EnvironmentName, SystemName};
use selvage_model::read::{self, Sources};
use serde_json::json;

use crate::{directory, embedded, secrets};

/// The name that stands for a server without a fabric, in the place of environment and secret.
const AD_HOC: &str = "probe";
/// A key is a line of text.
const LONGEST_KEY: usize = 4_096;

/// Which server.
#[derive(Args)]
pub(crate) struct TargetChoice {
    /// The fabric's directory.
    #[arg(long, value_name = "DIR", required_unless_present = "url")]
    fabric: Option<PathBuf>,
    /// The environment whose address and accounts are used; the only one of the system where it has one.
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The system; the only Odoo where there is one.
    #[arg(long, value_name = "NAME")]
    system: Option<SystemName>,
    /// The account; all of them where none is named.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The secrets that accounts name: a file of `name=value` lines, or a directory with a file for each.
    #[arg(long, value_name = "PATH")]
    secrets: Option<PathBuf>,
    /// Without a fabric: where the server answers.
    #[arg(long, value_name = "URL", conflicts_with_all = ["fabric", "environment", "system", "account", "secrets"],
          requires_all = ["login", "key_file"])]
    url: Option<String>,
    /// Without a fabric: the database.
    #[arg(long, value_name = "NAME", requires = "url")]
    database: Option<String>,
    /// Without a fabric: the login of the account.
    #[arg(long, value_name = "LOGIN", requires = "url")]
    login: Option<String>,
    /// Without a fabric: a file that holds the account's API key, and nothing else.
    #[arg(long, value_name = "FILE", requires = "url")]
    key_file: Option<PathBuf>,
}

/// What was chosen.
pub(crate) struct Chosen {
    /// What is declared.
    pub(crate) fabric: Arc<Fabric>,
    /// Secrets by name.
    pub(crate) secrets: BTreeMap<SecretName, String>,
    /// No fabric was given: nothing says what is needed.
    pub(crate) ad_hoc: bool,
    system: System,
    environment: SystemEnvironment,
    account: Option<String>,
}

impl Chosen {
    /// The system.
    pub(crate) fn system(&self) -> &System {
        &self.system
    }

    /// How it is reached.
    pub(crate) fn environment(&self) -> &SystemEnvironment {
        &self.environment
    }

    /// Its accounts, or the one that was asked for.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        let wanted = |account: &&Account| self.account.as_ref().is_none_or(|name| &account.name.value == name);
        self.environment.accounts.iter().filter(wanted)
    }
}

impl TargetChoice {
    /// Reads what is declared and chooses.
    ///
    /// # Errors
    /// When something named is not there, or nothing says which is meant.
    pub(crate) fn choose(&self) -> anyhow::Result<Chosen> {
        match (&self.fabric, &self.url) {
            (Some(directory), _) => self.of_fabric(directory),
            (None, Some(url)) => self.of_address(url),
            (None, None) => anyhow::bail!("{}: name a fabric or an address", code::PROBE_TARGET),
        }
    }

    fn of_fabric(&self, directory: &Path) -> anyhow::Result<Chosen> {
        let checked = directory::check(directory)?;
        directory::must_hold_manifests(directory, &checked)?;
        anyhow::ensure!(
            checked.runs(),
            "the fabric in `{0}` has errors: `selvage check {0}` shows them",
            directory.display()
        );
        let system = self.system_of(&checked.fabric)?.clone();
        let environment = self.environment_of(&system)?.clone();
        let known = environment.accounts.iter().map(|account| account.name.value.as_str());
        let absent = |name: &String| !environment.accounts.iter().any(|account| &account.name.value == name);
        if let Some(name) = self.account.as_ref().filter(|name| absent(name)) {
            return Err(unknown("account", name, known));
        }
        let secrets = self.secrets.as_deref().map(secrets::load).transpose()?.unwrap_or_default();
        let fabric = Arc::new(checked.fabric);
        Ok(Chosen { fabric, secrets, ad_hoc: false, system, environment, account: self.account.clone() })
    }

    fn system_of<'a>(&self, fabric: &'a Fabric) -> anyhow::Result<&'a System> {
        let odoos: Vec<&System> =
            fabric.systems.values().filter(|system| system.connector == Connector::Odoo).collect();
        let names = || odoos.iter().map(|system| system.name.as_str());
        if let Some(name) = &self.system {
            let found = odoos.iter().find(|system| &system.name == name);
            return found.copied().ok_or_else(|| unknown("Odoo", name, names()));
        }
        match odoos.as_slice() {
            [only] => Ok(only),
            [] => anyhow::bail!("{}: the fabric declares no Odoo", code::PROBE_TARGET),
            _ => {
                let all: Vec<&str> = names().collect();
                anyhow::bail!("{}: name the system with --system: {}", code::PROBE_TARGET, all.join(", "))
            }
        }
    }

    fn environment_of<'a>(&self, system: &'a System) -> anyhow::Result<&'a SystemEnvironment> {
        let names = || system.environments.iter().map(|environment| environment.name.value.as_str());
        match (&self.environment, system.environments.as_slice()) {
            (Some(name), _) => system.environment(name).ok_or_else(|| unknown("environment", name, names())),
            (None, [only]) => Ok(only),
            (None, _) => {
                let all: Vec<&str> = names().collect();
                anyhow::bail!("{}: name the environment with --environment: {}", code::PROBE_TARGET, all.join(", "))
            }
        }
    }

    /// A fabric of the pack and one system, written down as such, so that it is read and checked like any other.
    fn of_address(&self, url: &str) -> anyhow::Result<Chosen> {
        let key = self.key_file.as_deref().map(read_key).transpose()?.unwrap_or_default();
        let account = json!({"login": self.login, "api_key": {"secret": AD_HOC}});
        let environment = json!({"url": url, "database": self.database, "accounts": {"default": account}});
        let mut environment = environment;
        if let (Some(members), None) = (environment.as_object_mut(), &self.database) {
            members.shift_remove("database");
        }
        let head = json!({"kind": "Fabric", "name": AD_HOC, "environments": {AD_HOC: {}}});
        let odoo = json!({
            "kind": "System", "name": "odoo", "connector": "odoo", "owner": "nobody", "zone": "cloud",
            "environments": {AD_HOC: environment},
        });
        // JSON is YAML.
        let mut sources = Sources::of("address.yaml", &format!("{head}\n---\n{odoo}\n"));
        for (path, text) in embedded::pack("odoo") {
            sources.insert(format!("pack:odoo/{path}"), text);
        }
        let reading = read::read(&sources);
        if let Some(found) = reading.findings.iter().find(|finding| finding.severity == Severity::Error) {
            anyhow::bail!("{}: {}", found.code, found.message);
        }
        let fabric = Arc::new(reading.fabric);
        let system = fabric.systems.values().next().context("the address was not read")?.clone();
        let environment = system.environments.first().context("the address was not read")?.clone();
        let secrets = BTreeMap::from([(SecretName(AD_HOC.to_owned()), key)]);
        Ok(Chosen { fabric, secrets, ad_hoc: true, system, environment, account: None })
    }
}

fn unknown<'a>(what: &str, name: &impl std::fmt::Display, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
    let known: Vec<&str> = known.collect();
    anyhow::anyhow!("{}: there is no {what} `{name}`; there is {}", code::PROBE_TARGET, known.join(", "))
}

/// The key of a file. INVARIANT: SECRET-FREE — nothing of it is in a message.
fn read_key(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot read the key in `{}`", code::SECRETS_UNREADABLE, path.display()))?;
    let key = text.trim();
    anyhow::ensure!(
        !key.is_empty() && key.len() <= LONGEST_KEY && key.lines().count() == 1,
        "{}: `{}` does not hold one key on one line",
        code::SECRETS_UNREADABLE,
        path.display()
    );
    Ok(key.to_owned())
}
