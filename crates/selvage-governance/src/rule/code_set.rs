//! Units in code sets measure what they are said to measure.

use selvage_mapping::quantity::{self, Unit};
use selvage_model::code;
use selvage_model::finding::{Finding, Severity, show};

use super::LintRule;
use crate::lint::{Context, Report};

pub(crate) const DIMENSION: LintRule = LintRule {
    code: code::UNIT_DIMENSION,
    name: "units-measure-what-they-say",
    severity: Severity::Error,
    waivable: false,
    check: dimension,
};

fn dimension(context: &Context<'_>, report: &mut Report) {
    let of_units = context.fabric.code_sets.values().filter(|set| set.standard.as_deref() == Some("ucum"));
    for set in of_units {
        for entry in &set.codes {
            let finding = match (entry.code.value.parse::<Unit>(), entry.dimension) {
                (Err(error), _) => {
                    let finding = Finding::error(code::UNIT_DIMENSION, &entry.code.place, error.to_string());
                    finding.fix("write it as UCUM does: `kg`, `m`, `L`, `h`, `1` for pieces")
                }
                (Ok(unit), Some(dimension)) if !quantity::measures(&unit, dimension) => {
                    let message = format!("{} is no unit of {dimension}", show(&entry.code.value));
                    let finding = Finding::error(code::UNIT_DIMENSION, &entry.code.place, message);
                    match unit.dimension() {
                        Some(right) => finding.fix(format!("write `dimension: {right}`")),
                        None => finding.fix("remove `dimension`"),
                    }
                }
                _ => continue,
            };
            report.add(&set.name, finding);
        }
    }
}
