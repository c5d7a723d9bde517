//! Emergencies leave the order of the house alone. INVARIANT: APPROVED

use selvage_governance::approval::changes_who_decides;
use selvage_governance::compare::Difference;
use selvage_model::code;
use selvage_model::fabric::Fabric;
use selvage_model::finding::Finding;
use selvage_model::manifest::rule::Waiver;

use super::DeskError;

/// One person alone does not change who decides: they would appoint who ratifies what they did. Nor do they set aside what keeps an
/// interface served while it is used.
pub(super) fn refuse_new_order(differences: &[Difference], before: &Fabric, after: &Fabric) -> Result<(), DeskError> {
    let is_order = |it: &&Difference| changes_who_decides(it.class);
    let told =
        |it: &Difference| Finding::error(code::EMERGENCY_ORDER, &it.place, format!("{}: {}", it.class.code, it.at));
    let mut order: Vec<Finding> = differences.iter().filter(is_order).map(told).collect();
    order.extend(spared(before, after));
    if order.is_empty() {
        return Ok(());
    }
    let message = format!("an emergency does not change who decides, and {} of its differences do", order.len());
    let fix = "propose by itself what cannot wait, and the order of the house as any other change";
    Err(DeskError::found(code::EMERGENCY_ORDER, message, fix, order))
}

/// Waivers, new or longer, of what the desk itself asks for of those who are concerned.
fn spared<'a>(before: &'a Fabric, after: &'a Fabric) -> impl Iterator<Item = Finding> + 'a {
    let own = [code::RETIREMENT_EARLY, code::ACCESS_ENDING, code::FAULTS_UNTRIED];
    let is_own = move |waiver: &&Waiver| own.iter().any(|code| code.as_str() == waiver.rule.value);
    let had = |waiver: &&Waiver| {
        let same =
            before.waivers.iter().filter(|it| it.rule.value == waiver.rule.value && it.on.value == waiver.on.value);
        same.into_iter().any(|it| it.until.value >= waiver.until.value)
    };
    after.waivers.iter().filter(is_own).filter(move |waiver| !had(waiver)).map(|waiver| {
        let message = format!("it waives {} on {}, and nobody approved that", waiver.rule, waiver.on);
        Finding::error(code::EMERGENCY_ORDER, &waiver.place, message)
    })
}
