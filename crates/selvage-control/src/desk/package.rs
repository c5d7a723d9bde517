//! The package in which a release goes from one store to another: the release as it was signed, the change that made it with what was
//! decided about it, and what the store saw of it, signed once more as a whole. It is read whole or not at all: whatever byte of it was
//! altered, it is none. INVARIANT: APPROVED, SECRET-FREE

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use selvage_model::change::{Change, ChangeState, Decision, Report, Requirement};
use selvage_model::code::{self, Code};
use selvage_model::name::DomainName;
use selvage_store::{Receipt, ReleaseKey, SignedRelease};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::seal::{self, Seal, hex, is_signed_text};
use super::{DeskError, Files};

/// What a package of this form calls itself.
const FORMAT: &str = "selvage-release-1";

/// How far the clocks of two stores may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(5 * 60);

/// The release with its change, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    /// As of when, by the clock of the store that made it.
    pub(super) exported: Timestamp,
    release: PackedRelease,
    change: PackedChange,
    /// What that store saw itself, by environment.
    pub(super) receipts: Vec<Receipt>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedRelease {
    id: String,
    domain: DomainName,
    made: Timestamp,
    by: String,
    unproven: bool,
    signed_with: String,
    signature: String,
    files: Files,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedChange {
    id: String,
    title: String,
    author: String,
    version: u32,
    /// The domain's release that it was compared with.
    base: Option<String>,
    emergency: bool,
    ratified_late: Option<Timestamp>,
    proposed: Timestamp,
    report: Report,
    requirements: Vec<Requirement>,
    decisions: Vec<Decision>,
}

/// A package with its signature, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    package: Package,
    signed_with: String,
    signature: String,
}

/// A package as it was read; not a word of it is verified.
pub(super) struct Read {
    pub(super) package: Package,
    /// The id of the key with which the store that made it signed it.
    pub(super) key: String,
    /// SHA-256 of the package, in hexadecimal.
    pub(super) digest: String,
    signature: Vec<u8>,
}

impl Package {
    /// Puts a release together with what belongs to it.
    pub(super) fn new(
        release: SignedRelease,
        change: Change,
        (exported, receipts): (Timestamp, Vec<Receipt>),
    ) -> Result<Self, DeskError> {
        let Ok(files) = serde_json::from_value::<Files>(release.content) else {
            let message = format!("{} holds something else than files", release.id);
            return Err(DeskError::refused(code::RELEASE_UNSIGNED, message, "compare the store with a backup"));
        };
        let release = PackedRelease {
            id: release.id,
            domain: release.domain,
            made: release.recorded,
            by: release.by,
            unproven: release.unproven,
            signed_with: release.key,
            signature: STANDARD.encode(&release.signature),
            files,
        };
        let change = PackedChange {
            id: change.id,
            title: change.title,
            author: change.author,
            version: change.version,
            base: change.base,
            emergency: change.emergency,
            ratified_late: change.ratified_late,
            proposed: change.proposed,
            report: change.report,
            requirements: change.requirements,
            decisions: change.decisions,
        };
        Ok(Self { exported, release, change, receipts })
    }

    /// The package as it is written, signed.
    pub(super) fn write(self, with: &Seal) -> Result<String, DeskError> {
        let signed_with = with.key().id.clone();
        let signature = STANDARD.encode(with.sign_text(&message(&signed_with, &self.digest()?)));
        let document = Document { format: FORMAT.to_owned(), package: self, signed_with, signature };
        let text = written(&document)?;
        // What could not be read back would be refused everywhere.
        read(&text)?;
        Ok(text)
    }

    /// The release.
    pub(super) fn release(&self) -> SignedRelease {
        let PackedRelease { id, domain, made, by, unproven, signed_with, signature, files } = self.release.clone();
        SignedRelease {
            id,
            domain,
            change: self.change.id.clone(),
            content: json!(files),
            key: signed_with,
            signature: STANDARD.decode(signature).unwrap_or_default(),
            recorded: made,
            by,
            unproven,
        }
    }

    /// The release's files.
    pub(super) fn files(&self) -> Files {
        self.release.files.clone()
    }

    /// The change that made it.
    pub(super) fn change(&self) -> Change {
        let it = self.change.clone();
        Change {
            id: it.id,
            domain: self.release.domain.clone(),
            title: it.title,
            author: it.author,
            version: it.version,
            base: it.base,
            release: self.release.id.clone(),
            state: ChangeState::Released,
            emergency: it.emergency,
            ratify_until: None,
            ratified_late: it.ratified_late,
            report: it.report,
            requirements: it.requirements,
            proposed: it.proposed,
            changed: self.release.made,
            decisions: it.decisions,
        }
    }

    /// The latest moment that it tells of.
    fn latest(&self) -> Timestamp {
        let decided = self.change.decisions.iter().map(|decision| decision.at);
        let spells = self.receipts.iter().flat_map(|receipt| &receipt.spells);
        let active = spells.flat_map(|spell| [Some(spell.from), spell.to]).flatten();
        let ran = self.receipts.iter().filter_map(|receipt| receipt.ran.as_ref()).flat_map(|ran| [ran.first, ran.last]);
        let others = decided.chain(active).chain(ran).chain([self.release.made, self.change.proposed]);
        others.fold(self.exported, Timestamp::max)
    }

    fn digest(&self) -> Result<String, DeskError> {
        let text = serde_json::to_string(self).map_err(|error| unreadable(&error.to_string()))?;
        Ok(hex(&Sha256::digest(text.as_bytes())))
    }
}

impl Read {
    /// Refuses what is not, to the last byte, what was released and signed with keys that are trusted.
    pub(super) fn verify(&self, trusted: &[ReleaseKey]) -> Result<(), DeskError> {
        let own = trusted_key(trusted, &self.key, "the package")?;
        trusted_key(trusted, &self.package.release.signed_with, "the release")?;
        if !is_signed_text(&message(&self.key, &self.digest), &own.public, &self.signature) {
            return Err(altered("its signature does not hold"));
        }
        seal::verify(&self.package.release(), trusted).map_err(|error| altered(&error.to_string()))
    }

    /// Refuses what has not happened yet: by another clock it would seem to have run for longer than it did.
    pub(super) fn refuse_future(&self, now: Timestamp) -> Result<(), DeskError> {
        let latest = self.package.latest();
        if now.checked_add(CLOCKS_APART).is_ok_and(|until| latest <= until) {
            return Ok(());
        }
        let message = format!("it tells of {latest:.0}, and the clock of this store says {now:.0}");
        let fix = "set the clocks of both stores, and export it anew";
        Err(DeskError::refused(code::PACKAGE_AHEAD, message, fix))
    }
}

/// Reads a package: a document of this form, written just so.
pub(super) fn read(text: &str) -> Result<Read, DeskError> {
    let form: Value = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
    match form.get("format").and_then(Value::as_str) {
        Some(FORMAT) => {}
        Some(other) => {
            let message = format!("`{}` is a form of packages that this version does not read", show(other));
            let fix = format!("export it with a version that writes `{FORMAT}`");
            return Err(DeskError::refused(code::PACKAGE_UNREADABLE, message, fix));
        }
        None => return Err(unreadable("it does not say which form it has")),
    }
    let document: Document = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
    if written(&document)? != text {
        return Err(altered("it is not as it was written"));
    }
    let signature = STANDARD.decode(&document.signature).map_err(|_| altered("its signature is none"))?;
    let digest = document.package.digest()?;
    Ok(Read { package: document.package, key: document.signed_with, digest, signature })
}

/// The text of a package that came as JSON, through whatever writes that in a way of its own.
pub(super) fn rewritten(value: &Value) -> String {
    format!("{value:#}\n")
}

fn written(document: &Document) -> Result<String, DeskError> {
    let text = serde_json::to_string_pretty(document).map_err(|error| unreadable(&error.to_string()))?;
    Ok(text + "\n")
}

fn message(key: &str, digest: &str) -> String {
    format!("selvage release package\n{FORMAT}\n{key}\n{digest}\n")
}

fn trusted_key<'a>(trusted: &'a [ReleaseKey], id: &str, what: &str) -> Result<&'a ReleaseKey, DeskError> {
    trusted.iter().find(|key| key.id == id && seal::key_of(key.public).id == id).ok_or_else(|| {
        let message = format!("{what} is signed with the key {}, which this store does not know", show(id));
        let fix = "where it is the key of a store whose approvals count here, let it in with `selvage release trust`; \
                   `selvage release key` prints it there";
        DeskError::refused(code::RELEASE_KEY_NEW, message, fix)
    })
}

/// The beginning of a text of somebody else's.
fn show(text: &str) -> String {
    const MOST: usize = 40;
    text.chars().filter(|c| !c.is_control()).take(MOST).collect()
}

fn unreadable(because: &str) -> DeskError {
    refuse(code::PACKAGE_UNREADABLE, format!("this is no package of a release: {because}"))
}

fn altered(because: &str) -> DeskError {
    refuse(code::PACKAGE_ALTERED, format!("the package is not what was exported: {because}"))
}

fn refuse(code: Code, message: String) -> DeskError {
    DeskError::refused(code, message, "take the file that `selvage release export` wrote, byte for byte")
}

#[cfg(test)]
mod tests {
    use selvage_store::{Ran, Spell};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn package(seal: &Seal) -> Package {
        let domain = DomainName::group();
        let files = Files::from([("fabric.yaml".to_owned(), "kind: Fabric\n".to_owned())]);
        let id = seal::address(&domain, &files);
        let change = PackedChange {
            id: "chg_1".to_owned(),
            title: "More".to_owned(),
            author: "eve".to_owned(),
            version: 1,
            base: None,
            emergency: false,
            ratified_late: None,
            proposed: at(0),
            report: Report::default(),
            requirements: Vec::new(),
            decisions: Vec::new(),
        };
        let release = PackedRelease {
            signature: STANDARD.encode(seal.sign(&id, &domain, &change.id)),
            id,
            domain,
            made: at(1),
            by: "ann".to_owned(),
            unproven: false,
            signed_with: seal.key().id.clone(),
            files,
        };
        let spell = Spell { from: at(2), to: None, gone_back_from: false, gone_back_to: false, gates: json!([]) };
        let ran = Some(Ran { first: at(3), last: at(4), seconds: 1 });
        let receipts = vec![Receipt { environment: "test".parse().unwrap(), spells: vec![spell], ran }];
        Package { exported: at(5), release, change, receipts }
    }

    #[test]
    fn what_has_not_happened_yet_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::open(&directory.path().join("release.key")).unwrap();
        let refused = |alter: &dyn Fn(&mut Package), now: i64| {
            let mut package = package(&seal);
            alter(&mut package);
            let read = read(&package.write(&seal).unwrap()).unwrap();
            read.verify(&[seal.key().clone()]).unwrap();
            read.refuse_future(at(now)).err().map(|error| error.code().as_str())
        };
        let hour = 3_600;
        assert_eq!(refused(&|_| (), 5), None);
        assert_eq!(refused(&|_| (), -290), None, "clocks are a little apart");
        assert_eq!(refused(&|_| (), -300), Some("FAB7215"));
        assert_eq!(refused(&|package| package.exported = at(hour), 5), Some("FAB7215"));
        assert_eq!(refused(&|package| package.release.made = at(hour), 5), Some("FAB7215"));
        assert_eq!(refused(&|package| package.change.proposed = at(hour), 5), Some("FAB7215"));
        assert_eq!(refused(&|package| package.receipts[0].spells[0].to = Some(at(hour)), 5), Some("FAB7215"));
        let ran = Ran { first: at(3), last: at(hour), seconds: 9 };
        assert_eq!(refused(&|package| package.receipts[0].ran = Some(ran.clone()), 5), Some("FAB7215"));
    }

    #[test]
    fn a_release_is_believed_by_its_own_signature_too() {
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::open(&directory.path().join("release.key")).unwrap();
        let other = Seal::open(&directory.path().join("other.key")).unwrap();
        let both = [seal.key().clone(), other.key().clone()];
        let code = |package: Package, trusted: &[ReleaseKey]| {
            let read = read(&package.write(&other).unwrap()).unwrap();
            read.verify(trusted).err().map(|error| error.code().as_str())
        };
        assert_eq!(code(package(&seal), &both), None, "another store may pass it on");
        assert_eq!(code(package(&seal), &both[..1]), Some("FAB7172"));
        assert_eq!(code(package(&seal), &both[1..]), Some("FAB7172"));
        // Whoever has the key of a store writes no release that nobody signed.
        let mut forged = package(&seal);
        forged.release.files.insert("more.yaml".to_owned(), "kind: Team\n".to_owned());
        assert_eq!(code(forged, &both), Some("FAB7212"));
        let mut moved = package(&seal);
        moved.change.id = "chg_2".to_owned();
        assert_eq!(code(moved, &both), Some("FAB7212"));
        // It goes through whatever writes JSON in a way of its own.
        let text = package(&seal).write(&seal).unwrap();
        let compact = serde_json::from_str::<Value>(&text).unwrap().to_string();
        assert_eq!(read(&compact).err().unwrap().code().as_str(), "FAB7212");
        let again = rewritten(&serde_json::from_str(&compact).unwrap());
        assert_eq!(again, text);
    }
}
