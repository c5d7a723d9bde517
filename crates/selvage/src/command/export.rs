//! `selvage export`: the catalogue in the forms of others, as files in a directory. What lies there under the same names is written anew.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use selvage_governance::export::{backstage, name_of, openslo};
use selvage_mapping::{asyncapi, openapi};
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::manifest::api::Api;
use serde_json::Value;

use super::catalogue::Source;
use super::{Outcome, say};

/// Writes the catalogue in the form of another tool.
#[derive(Args)]
pub(crate) struct Export {
    /// The form.
    #[arg(value_enum)]
    form: Form,
    /// The directory that the files are written into; made where it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where consumers call, as `https://api.example.com`.
    #[arg(long, value_name = "URL", default_value = "http://localhost")]
    server: asyncapi::Server,
    #[command(flatten)]
    source: Source,
}

/// The form of an export.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Backstage entities: `catalog-info.yaml`.
    Backstage,
    /// `OpenSLO` v1: `openslo.yaml`.
    Openslo,
    /// A contract for each api.
    Openapi,
    /// A contract for each event interface and webhook.
    Asyncapi,
}

impl Export {
    /// Writes the files, and names each.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let Some(read) = self.source.read().await? else { return Ok(Outcome::Wrong) };
        self.stay_outside()?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot make the directory `{}`", self.out.display()))?;
        let server = self.server.to_string();
        let files = match self.form {
            Form::Backstage => {
                vec![("catalog-info.yaml".to_owned(), stream(&backstage::entities(&read.fabric, &server)))]
            }
            Form::Openslo => {
                let documents = openslo::documents(&read.fabric, selvage_gateway::latency_bounds());
                vec![("openslo.yaml".to_owned(), stream(&documents))]
            }
            Form::Openapi => apis(&read.fabric, &server)?,
            Form::Asyncapi => events(&read.fabric, &self.server)?,
        };
        for (name, text) in &files {
            let path = self.out.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
            say(path.display())?;
        }
        if files.iter().all(|(_, text)| text.is_empty()) {
            eprintln!("selvage: there is nothing to export in this form");
        }
        Ok(Outcome::Well)
    }

    /// What lay in the fabric's directory would be read as manifests.
    fn stay_outside(&self) -> anyhow::Result<()> {
        let Some(fabric) = self.source.directory() else { return Ok(()) };
        let here = |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
        // What is made first is not there yet: where it will lie is what its first parent that is says.
        let parent = self.out.ancestors().map(here).find(|path| path.exists());
        let lies = parent.and_then(|path| path.canonicalize().ok());
        let fabric = fabric.canonicalize().ok();
        let is_within = matches!((lies, fabric), (Some(lies), Some(fabric)) if lies.starts_with(&fabric));
        anyhow::ensure!(
            !is_within,
            "{}: `{}` is in the fabric's own directory, where every file is read as a manifest; name another with --out",
            code::EXPORT_WITHIN,
            self.out.display()
        );
        Ok(())
    }
}

/// Documents in one file of YAML.
fn stream(documents: &[Value]) -> String {
    documents.iter().map(openapi::yaml).collect::<Vec<_>>().join("---\n")
}

fn apis(fabric: &Fabric, server: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for (reference, interface) in &fabric.interfaces {
        let name = name_of(reference);
        match interface.api() {
            Some(Api::Mediated(_)) => {
                let document = openapi::document(fabric, reference, server);
                let document = document.map_err(|error| anyhow::anyhow!("{}: {error}", code::CONTRACT_UNMADE))?;
                files.push((format!("{name}.yaml"), openapi::yaml(&document)));
            }
            Some(Api::Direct { openapi, .. }) => {
                let Some(text) = fabric.files.get(&openapi.value) else { continue };
                let kind = Path::new(&openapi.value).extension().and_then(|kind| kind.to_str()).unwrap_or("yaml");
                files.push((format!("{name}.{kind}"), text.to_string()));
            }
            None => {}
        }
    }
    Ok(files)
}

fn events(fabric: &Fabric, server: &asyncapi::Server) -> anyhow::Result<Vec<(String, String)>> {
    let one = |reference: selvage_model::name::InterfaceRef| {
        let document = asyncapi::document(fabric, std::slice::from_ref(&reference), Some(server));
        let document = document.map_err(|error| anyhow::anyhow!("{}: {error}", code::CONTRACT_UNMADE))?;
        Ok((format!("{}.yaml", name_of(&reference)), openapi::yaml(&document)))
    };
    asyncapi::served(fabric).into_iter().map(one).collect()
}
