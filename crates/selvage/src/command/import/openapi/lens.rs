//! The draft of a mapping: a lens for each attribute, with the contract's names where the system's own will stand. It is marked as
//! never tried, which it was not.

use super::draft::{AttributeDraft, Currency, ObjectDraft, ShapeDraft, Unit};
use super::write::{Writer, word};

impl Writer<'_> {
    /// A mapping of the object, by the contract's names.
    pub(super) fn mapping(&self, name: &str, draft: &ObjectDraft) -> String {
        let mut text =
            "# The names behind `at` are the contract's: put in those of the system's own record.\n".to_owned();
        text.push_str(&format!("kind: Mapping\nname: {name}\nobject: {}@1\n", draft.name));
        text.push_str(&format!("system: {}\n", self.system("the system that keeps it")));
        let record = self.blank("what the system calls the record, as product.product", None);
        text.push_str(&format!("record: {record}\nfields:\n"));
        draft.attributes.iter().for_each(|it| field(it, 1, &mut text));
        text.push_str("unverified: true\n");
        text
    }
}

fn field(draft: &AttributeDraft, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let at = word(&draft.at);
    let name = &draft.name;
    match &draft.shape {
        ShapeDraft::Group(members) => {
            text.push_str(&format!("{indent}{name}:\n{indent}  group:\n"));
            members.iter().for_each(|member| field(member, depth + 2, text));
        }
        ShapeDraft::List(of) => match of.as_ref() {
            ShapeDraft::Group(members) => {
                text.push_str(&format!("{indent}{name}:\n{indent}  at: {at}\n{indent}  lines:\n{indent}    fields:\n"));
                members.iter().for_each(|member| field(member, depth + 3, text));
            }
            of => text.push_str(&format!("{indent}{name}: {{at: {at}, many: {{{}}}}}\n", lens(of, &draft.at))),
        },
        shape => {
            let lens = lens(shape, &draft.at);
            let lens = if lens.is_empty() { lens } else { format!(", {lens}") };
            text.push_str(&format!("{indent}{name}: {{at: {at}{lens}}}\n"));
        }
    }
}

/// The lens of values; nothing where they stand as they are.
fn lens(shape: &ShapeDraft, at: &str) -> String {
    let unit = |member: &str, set: &str| format!("quantity: {{unit: {}, code: {set}, by: value}}", word(member));
    match shape {
        ShapeDraft::Enum(words) => {
            let pairs: Vec<String> = words.iter().map(|text| format!("{0}: {0}", word(text))).collect();
            format!("enum: {{{}}}", pairs.join(", "))
        }
        ShapeDraft::Code(set) => format!("code: {set}, by: value"),
        ShapeDraft::Ref(object) => format!("ref: {object}"),
        ShapeDraft::Quantity { unit: Unit::Fixed(code), .. } => format!("quantity: {}", word(code)),
        ShapeDraft::Quantity { unit: Unit::Beside { member, set }, .. } => unit(member, set),
        ShapeDraft::Quantity { unit: Unit::Inside { member, set }, .. } => unit(&format!("{at}.{member}"), set),
        ShapeDraft::Money(Currency::Beside(member)) => format!("money: {{currency_at: {}}}", word(member)),
        ShapeDraft::Money(Currency::Inside(member)) => {
            format!("money: {{currency_at: {}}}", word(&format!("{at}.{member}")))
        }
        ShapeDraft::Duration(Some(unit)) => format!("duration: {unit}"),
        _ => String::new(),
    }
}
