//! Conditions of grants can be judged: they look at what is there, and are true or false.

use selvage_model::code;
use selvage_model::finding::Finding;

use super::LintRule;
use crate::condition::Condition;
use crate::lint::{Context, Report};

pub(crate) const UNFIT: LintRule = LintRule {
    code: code::CONDITION_UNFIT,
    name: "conditions-can-be-judged",
    bad: "\
kind: Grant
consumer: planning
interface: products@1
operations: [list]
purpose: Knows what can be planned
until: 2027-06-30T18:00+02:00
when: \"request.metod == 'GET' && time.hour >= 6\"
time_zone: Europe/Brussels
",
    good: "\
kind: Grant
consumer: planning
interface: products@1
operations: [list]
purpose: Knows what can be planned
until: 2027-06-30T18:00+02:00
when: \"request.method == 'GET' && time.hour >= 6\"
time_zone: Europe/Brussels
",
    waivable: false,
    check: unfit,
};

fn unfit(context: &Context<'_>, report: &mut Report) {
    for grant in &context.fabric.grants {
        let Some(when) = &grant.when else { continue };
        if let Err(error) = Condition::parse(&when.value) {
            let message = format!(
                "the condition of the grant of `{}` on `{}` cannot be judged: {error}",
                grant.consumer, grant.interface
            );
            let finding = Finding::error(code::CONDITION_UNFIT, &when.place, message);
            report.add_lease(&grant.consumer, &grant.interface, finding.fix(error.fix));
        }
    }
}
