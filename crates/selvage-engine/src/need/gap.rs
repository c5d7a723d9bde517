//! What a server lacks of what is needed, said so that it can be mended: what, why it matters, and what to do. Pure.
//! Whatever the server did not say is not a gap: unknown is not missing.

use selvage_connect::odoo::{FieldSeen, Fingerprint, ModelSeen, Right, other_name};
use selvage_model::code::{self, Code};
use selvage_model::delivery::Cause;

use super::{Need, What, Written};

/// Something that is not there as it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Which kind.
    pub(crate) code: Code,
    /// The model.
    pub(crate) model: String,
    /// What is not as it must be.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) fix: String,
    /// The right that the administrator is to give, where that is the fix.
    pub(crate) right: Option<Right>,
    /// It only makes some records or words fail; nothing is parked for it.
    pub(crate) mild: bool,
}

impl Gap {
    /// Of which class it is, by who mends it: a right is refused by the system, a word has no code, and everything else is what the mapping
    /// counts on.
    pub(crate) fn cause(&self) -> Cause {
        match self.code {
            code::NEED_RIGHT => Cause::Refused,
            code::NEED_WORDS => Cause::Code,
            _ => Cause::Mapping,
        }
    }
}

/// Everything that the server lacks, none twice.
pub(crate) fn gaps<'a>(needs: impl IntoIterator<Item = &'a Need>, seen: &Fingerprint, login: &str) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for need in needs {
        let Some(gap) = gap(need, seen, login) else { continue };
        if !gaps.iter().any(|known| (known.code, &known.reason) == (gap.code, &gap.reason)) {
            gaps.push(gap);
        }
    }
    gaps
}

fn gap(need: &Need, seen: &Fingerprint, login: &str) -> Option<Gap> {
    // Where the way to it is not there, that is a gap of its own.
    let model = need.model_in(&seen.models).ok()?;
    let need = &Need { model, path: Vec::new(), ..need.clone() };
    let model = &need.model;
    let (fields, rights) = match seen.models.get(model)? {
        ModelSeen::Absent => return Some(absent(need)),
        ModelSeen::There { fields, rights } => (fields, rights),
    };
    match &need.what {
        What::Right(right) => (rights.get(right) == Some(&false)).then(|| forbidden(need, *right, login)),
        What::Field { names, written, .. } => {
            let fields = fields.as_ref()?;
            let Some((name, field)) = names.iter().find_map(|name| fields.get_key_value(name)) else {
                return Some(missing(need, names, fields.keys().map(String::as_str), seen));
            };
            let may_write = |right| rights.get(&right) != Some(&false);
            // To an account without the right every field is read only: the right is what is missing then.
            let locked = field.readonly && may_write(Right::Write) && may_write(Right::Create);
            if locked && *written != Written::No {
                let reason = format!("`{name}` of `{model}` cannot be written, and {} writes it", need.purpose);
                let fix = "make it `direction: read` in the mapping, or map another field".to_owned();
                let mild = *written == Written::Perhaps;
                return Some(Gap { mild, ..plain(code::NEED_FIELD_UNFIT, need, reason, fix) });
            }
            unfit(need, name, field)
        }
    }
}

fn plain(code: Code, need: &Need, reason: String, fix: String) -> Gap {
    Gap { code, model: need.model.clone(), reason, fix, right: None, mild: false }
}

fn absent(need: &Need) -> Gap {
    let model = &need.model;
    let reason = format!("there is no model `{model}`");
    let fix = match module(model) {
        Some(module) => format!("install the module `{module}`, or take out of service what is mapped to it"),
        None => "install the module that has it, or take out of service what is mapped to it".to_owned(),
    };
    plain(code::NEED_MODEL, need, reason, fix)
}

/// The module that brings a model, for those that Selvage maps.
pub(crate) fn module(model: &str) -> Option<&'static str> {
    const BY_PREFIX: &[(&str, &str)] = &[
        ("mrp.eco", "mrp_plm"),
        ("mrp.", "mrp"),
        ("stock.", "stock"),
        ("quality.", "quality_control"),
        ("purchase.", "purchase"),
        ("sale.", "sale_management"),
        ("maintenance.", "maintenance"),
        ("account.", "account"),
        ("product.", "product"),
        ("uom.", "uom"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, module)| *module)
}

/// A group of Odoo's that has these rights on a model, for those that Selvage maps. The narrowest that ships with Odoo.
pub(crate) fn group(model: &str, rights: &[Right]) -> Option<&'static str> {
    const BY_PREFIX: &[(&str, &str)] = &[
        ("mrp.eco", "PLM / User"),
        ("mrp.", "Manufacturing / User"),
        ("stock.", "Inventory / User"),
        ("quality.", "Quality / User"),
        ("purchase.", "Purchase / User"),
        ("sale.", "Sales / User: All Documents"),
        ("maintenance.", "Maintenance / Equipment Manager"),
        ("account.", "Invoicing / Billing"),
    ];
    // Products and partners are changed by groups of many names.
    let only_read = rights.iter().all(|right| *right == Right::Read);
    if only_read && ["product.", "uom.", "res."].iter().any(|prefix| model.starts_with(prefix)) {
        return Some("Internal User");
    }
    BY_PREFIX.iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, group)| *group)
}

fn forbidden(need: &Need, right: Right, login: &str) -> Gap {
    let (model, right_word) = (&need.model, right.as_str());
    let reason = format!("the account `{login}` may not {right_word} `{model}`");
    let fix = format!("give `{login}` the right to {right_word} `{model}` in Odoo");
    Gap { right: Some(right), ..plain(code::NEED_RIGHT, need, reason, fix) }
}

fn missing<'a>(need: &Need, names: &[String], mut there: impl Iterator<Item = &'a str>, seen: &Fingerprint) -> Gap {
    let model = &need.model;
    let name = names.join("` or `");
    let renamed = names.iter().find_map(|name| other_name(model, name));
    let version = seen.server.version.major;
    let now = renamed.filter(|(other, _)| there.any(|name| name == *other));
    let reason = match now {
        Some((other, _)) => format!(
            "`{model}` has no field `{name}` in Odoo {version}: it is called `{other}` there; it is for {}",
            need.purpose
        ),
        None => format!("`{model}` has no field `{name}`, which is for {}", need.purpose),
    };
    let fix = match now {
        Some((_, renamed)) => {
            let last = renamed.version - 1;
            let at = format!("{{\"<={last}\": {}, \">={}\": {}}}", renamed.before, renamed.version, renamed.since);
            format!("map it by version as the pack `odoo` does: `at: {at}`")
        }
        None => {
            "map the attribute to a field that is there, or put the field back; one that groups hide needs the account in them"
                .to_owned()
        }
    };
    plain(code::NEED_FIELD, need, reason, fix)
}

/// A field that is there and is not of the form that its lens needs.
fn unfit(need: &Need, name: &str, field: &FieldSeen) -> Option<Gap> {
    let What::Field { kinds, relation, words, .. } = &need.what else { return None };
    let model = &need.model;
    let wrong = |is: String, must: String| {
        let reason = format!("`{name}` of `{model}` is {is} and must be {must} for {}", need.purpose);
        let fix = "map the attribute to another field, or with the lens that fits".to_owned();
        plain(code::NEED_FIELD_UNFIT, need, reason, fix)
    };
    if !kinds.is_empty() && !kinds.contains(&field.kind.as_str()) {
        return Some(wrong(format!("a {}", field.kind), kinds.join(" or ")));
    }
    if let (Some(must), Some(is)) = (relation, &field.relation)
        && must != is
    {
        return Some(wrong(format!("a link to `{is}`"), format!("one to `{must}`")));
    }
    let strange: Vec<&str> = field.words.iter().filter(|word| !words.contains(word)).map(String::as_str).collect();
    if words.is_empty() || strange.is_empty() {
        return None;
    }
    let reason = format!(
        "`{name}` of `{model}` can be `{}`, which the mapping has no word for ({})",
        strange.join("`, `"),
        need.purpose
    );
    let fix = "add the words to its `enum`; until then records that have them are left out of lists".to_owned();
    Some(Gap { mild: true, ..plain(code::NEED_WORDS, need, reason, fix) })
}

#[cfg(test)]
mod tests;
